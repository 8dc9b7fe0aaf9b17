import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('runners/fakes-program.ts', import.meta.url))

const whens = {
  before: 'before the library is loaded',
  after: 'after the library was loaded',
  stored: 'once responses are stored, and Node itself stands still',
}

// Vitest and jest, which have the first of them inside, are tried by `npm run test:runners`.
for (const who of ['sinon', 'node-test']) {
  for (const [when, shown] of Object.entries(whens)) {
    test(`timers faked by ${who} ${shown}: everything goes on`, () => {
      const command = ['--import', 'tsx', program, who, when]
      const options = { encoding: 'utf8', timeout: 60_000 } as const
      const { stdout, stderr, signal } = spawnSync(process.execPath, command, options)
      assert.equal(signal, null, `it hangs after:\n${stdout}${stderr}`)
      assert.match(stdout, /^end$/m, stdout + stderr)
    })
  }
}
