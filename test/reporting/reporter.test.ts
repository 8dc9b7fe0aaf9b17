import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const reporter = fileURLToPath(new URL('reporter.ts', import.meta.url))

/** Runs files of tests as `npm test` does. @param files their texts */
async function runTests(
  t: TestContext,
  ...files: string[]
): Promise<{ code: number; text: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'undici-cache-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const names = files.map((text, n) => {
    const name = join(folder, `${n}.test.mjs`)
    writeFileSync(name, `import { describe, test } from 'node:test'\n${text}`)
    return name
  })
  // A runner tells its children that they are such, and in a terminal asks them for colours.
  const { FORCE_COLOR: _, NODE_TEST_CONTEXT: _context, ...env } = process.env
  const args = ['--import', import.meta.resolve('tsx'), '--test', `--test-reporter=${reporter}`]
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...args, ...names],
      { env, timeout: 50_000 },
      (_error, text) => resolve({ code: child.exitCode ?? -1, text }),
    )
  })
}

const skipped = (server: string): string =>
  `test('s', { skip: '${server} does not answer at …: npm run services -- start ${server}' })\n`

test('it ends with the backends that were not tested, of all files together', async (t) => {
  const { code, text } = await runTests(
    t,
    skipped('redis') + skipped('redis'),
    `describe('d', { skip: 'mongodb …: npm run services -- start mongodb' }, () => { test('x') })`,
  )
  assert.equal(code, 0)
  const lines = [
    'Not tested, for want of a server: redis, mongodb and gridfs. To start what is missing:',
    '  eval "$(npm run -s services -- start redis mongodb)"',
    '  docker compose up --wait redis mongodb',
    '',
  ]
  assert.deepEqual(text.split('\n').slice(-lines.length), lines, text)
  // Above it is what `spec` says.
  assert.match(text, /^. skipped 2$/m)
})

test('a server that docker-compose.yml has under a profile, and one that it has not', async (t) => {
  const cluster = await runTests(t, skipped('redis-cluster'))
  assert.match(cluster.text, /^ {2}docker compose --profile cluster up --wait redis-cluster$/m)
  const sentinel = await runTests(t, skipped('redis-sentinel'))
  assert.match(sentinel.text, /services -- start redis-sentinel\)"\n$/)
})

test('what has to be installed only, for what is not tested in outages', async (t) => {
  const install = `test('i', { skip: 'dynamodb is not installed: npm run services -- install dynamodb' })\n`
  const { text } = await runTests(t, install)
  assert.match(text, /^Not tested in outages, .*: dynamodb\. .*\n.* -- install dynamodb\n$/m)
  // Who starts it installs it.
  const both = await runTests(t, install + skipped('dynamodb'))
  assert.ok(!both.text.includes('outages'), both.text)
})

test('where all were tested it says nothing', async (t) => {
  const { code, text } = await runTests(t, `test('w', { skip: 'not on Windows' }); test('x')`)
  assert.equal(code, 0)
  assert.match(text, /^. duration_ms .*\n$/m)
  assert.ok(text.trimEnd().split('\n').at(-1)!.includes('duration_ms'), text)
  assert.ok(!text.includes('Not tested'), text)
})

test('a test that fails is told of, and the exit code is as it was', async (t) => {
  const fails = `test('fails', () => { throw new Error('on purpose') })\n`
  const { code, text } = await runTests(t, skipped('redis') + fails)
  assert.equal(code, 1)
  assert.match(text, /on purpose/)
  assert.match(text, /docker compose up --wait redis\n$/)
})
