import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { findServer } from '../networked/servers.ts'

interface Shown {
  readonly code: number
  readonly pid: number
  readonly text: string
  readonly complaints: string
  /** The cells of a backend's row. */
  cells(backend: string): string[]
}

/** Runs the program in a pipe. */
function tryBackends(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Shown> {
  const program = fileURLToPath(new URL('run.ts', import.meta.url))
  // A runner in a terminal asks its children for colours.
  const { FORCE_COLOR: _, ...inherited } = process.env
  const command = ['--import', import.meta.resolve('tsx'), program, ...args]
  return new Promise((resolve) => {
    // A program that hangs is no reason for this one to.
    const options = { env: { ...inherited, ...env }, timeout: 50_000 }
    const child = execFile(process.execPath, command, options, (_error, text, complaints) => {
      const cells = (backend: string): string[] => {
        const row = text.split('\n').find((line) => line.startsWith(`${backend} `))
        assert.ok(row !== undefined, `no row of ${backend} in\n${text}${complaints}`)
        return row.split(/ {2,}/)
      }
      resolve({ code: child.exitCode ?? -1, pid: child.pid!, text, complaints, cells })
    })
  })
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'undici-cache-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

// Nothing listens there, for nobody but root may.
const nobody = '127.0.0.1:1'
const [reachable, cold, hit, atRest, entries, listing] = [1, 2, 3, 4, 5, 6] as const

test('each named backend is a row, with what it took', async (t) => {
  const TMPDIR = temporaryFolder(t)
  const shown = await tryBackends({ TMPDIR }, 'memory', 'sqlite', 'filesystem')
  assert.deepEqual([shown.code, shown.complaints], [0, ''], shown.text)
  for (const backend of ['sqlite', 'filesystem', 'memory']) {
    const cells = shown.cells(backend)
    assert.deepEqual([cells[reachable], cells[entries]], ['yes', '20'], shown.text)
    for (const time of [cold, hit, listing]) assert.match(cells[time]!, /^\d+(\.\d)?$/)
  }
  // The photo alone has 2 MiB.
  const bytes = (backend: string): number =>
    Number(shown.cells(backend)[atRest]!.replaceAll(',', ''))
  assert.ok(bytes('sqlite') > 2 ** 21 && bytes('filesystem') > 2 ** 21, shown.text)
  assert.equal(shown.cells('memory')[atRest], '–')
  assert.equal(shown.text.split('\n').length, 1 + 3 + 1, shown.text)
  assert.ok(!shown.text.includes('\u001b'), 'no colours in a pipe')
  // A transpiler keeps its own folder there.
  const left = readdirSync(TMPDIR).filter((name) => name.startsWith('undici-cache'))
  assert.deepEqual(left, [])
})

test('what cannot be reached says why, and how to start it', async () => {
  const shown = await tryBackends({ MONGODB_URL: `mongodb://user:secret@${nobody}` }, 'gridfs')
  assert.equal(shown.code, 1, shown.text)
  assert.equal(shown.cells('gridfs')[reachable], 'no')
  assert.match(shown.text, /^ {2}nothing answers at 127\.0\.0\.1:1$/m)
  assert.match(shown.text, /npm run -s services -- start mongodb/)
  assert.match(shown.text, /docker compose up --wait mongodb$/m)
  assert.ok(!shown.text.includes('secret'), shown.text)
})

test('nothing has to be reachable where nothing was named', async () => {
  const shown = await tryBackends({
    REDIS_URL: `redis://${nobody}`,
    MONGODB_URL: `mongodb://${nobody}`,
    DYNAMODB_ENDPOINT: `http://${nobody}`,
  })
  assert.deepEqual([shown.code, shown.complaints], [0, ''], shown.text)
  for (const backend of ['redis', 'mongodb', 'gridfs', 'dynamodb']) {
    assert.equal(shown.cells(backend)[reachable], 'no', shown.text)
  }
  assert.equal(shown.cells('sqlite')[reachable], 'yes')
  for (const line of shown.text.split('\n')) assert.ok(line.length <= 80, line)
})

test('a server that is none of the kind is not reached', async (t) => {
  const { createServer } = await import('node:http')
  const server = createServer((_, response) => response.writeHead(404).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const shown = await tryBackends({ REDIS_URL: `redis://127.0.0.1:${port}` }, 'redis')
  assert.equal(shown.code, 1, shown.text)
  assert.equal(shown.cells('redis')[reachable], 'no', shown.text)
  // The reason, in one line.
  assert.match(shown.text, /^ {2}\S.*\n$/m)
})

const { url, skip } = await findServer('redis')
test('nothing is left behind on a server', { skip }, async (t) => {
  const shown = await tryBackends({ REDIS_URL: url }, 'redis')
  assert.equal(shown.code, 0, shown.text)
  assert.deepEqual([shown.cells('redis')[reachable], shown.cells('redis')[entries]], ['yes', '20'])
  const client = new Redis(url)
  t.after(() => client.quit())
  const left: string[] = []
  for await (const page of client.scanStream({ match: `*try-${shown.pid}*`, count: 1_000 })) {
    left.push(...(page as string[]))
  }
  assert.deepEqual(left, [])
})

test('a name that there is not names the nearest', async () => {
  const shown = await tryBackends({}, 'monogdb')
  assert.deepEqual([shown.code, shown.text], [2, ''])
  assert.match(shown.complaints, /^unknown backend 'monogdb'; did you mean 'mongodb'\?$/m)
})

test('it tells how it is used', async () => {
  const shown = await tryBackends({}, '--help')
  assert.equal(shown.code, 0)
  assert.match(shown.text, /^Usage: npm run try-backends/)
  for (const line of shown.text.split('\n')) assert.ok(line.length <= 80, line)
})
