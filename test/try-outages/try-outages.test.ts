import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { reasonToSkip } from '../networked/harmed-server.ts'

interface Shown {
  readonly code: number
  readonly text: string
  readonly complaints: string
}

function tryOutages(...args: string[]): Promise<Shown> {
  const program = fileURLToPath(new URL('run.ts', import.meta.url))
  const command = ['--import', import.meta.resolve('tsx'), program, ...args]
  return new Promise((resolve) => {
    const options = { env: { ...process.env, NO_COLOR: '1' }, timeout: 100_000 }
    const child = execFile(process.execPath, command, options, (_error, text, complaints) =>
      resolve({ code: child.exitCode ?? -1, text, complaints }),
    )
  })
}

test('each trouble is a row, and nothing fails', { skip: reasonToSkip('redis') }, async () => {
  const { text, complaints } = await tryOutages('--seconds', '2', 'redis')
  const rows = text.trim().split('\n').slice(1)
  assert.equal(rows.length, 7, text + complaints)
  for (const row of rows) {
    const [backend, , asked, , wrong, , reports, back] = row.split(/ {2,}/)
    assert.equal(backend, 'redis')
    assert.ok(Number(asked) > 10, row)
    assert.equal(wrong, '0', row)
    assert.ok(Number(reports) <= 1, row)
    assert.ok(Number(back) < 20_000, row)
  }
})

test('what is wrong with the command is said, and --help says all', async () => {
  const unknown = await tryOutages('reddis')
  assert.equal(unknown.code, 2)
  assert.match(unknown.complaints, /unknown server 'reddis'; did you mean 'redis'\?/)
  assert.equal((await tryOutages('--seconds', 'x')).code, 2)
  const { code, text } = await tryOutages('--help')
  assert.equal(code, 0)
  for (const word of ['killed', 'frozen', 'trickle', 'longest', 'redis-sentinel']) {
    assert.ok(text.includes(word), word)
  }
})
