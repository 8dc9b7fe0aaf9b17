/** A cache that its surroundings do not allow: one report, and the program runs all the same. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SqliteDriver } from '../../lib/backends/sqlite/sqlite-file.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { startOrigin, type Origin } from '../../lib/testing/origin.ts'
import { viaFetch, viaRequest } from './ask.ts'
import { cachedAgent, temporaryFolder } from './caches.ts'

const Driver = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
) => SqliteDriver

async function originFor(t: TestContext): Promise<Origin> {
  const origin = await startOrigin()
  t.after(() => origin.close())
  return origin
}

/** What keeps a cache from being opened: makes it, and says how the file is called. */
const troubles: Readonly<Record<string, [code: string, make: (folder: string) => string]>> = {
  'a file in the place of the folder': [
    'ERR_CACHE_STORAGE_FAILED',
    (folder) => {
      writeFileSync(join(folder, 'file'), '')
      return join(folder, 'file', 'cache')
    },
  ],
  'a folder in the place of the file': [
    'ERR_CACHE_STORAGE_FAILED',
    (folder) => {
      mkdirSync(join(folder, 'cache.sqlite'))
      return join(folder, 'cache')
    },
  ],
  'a file that is no database': [
    'ERR_CACHE_FILE_CORRUPT',
    (folder) => {
      writeFileSync(
        join(folder, 'cache.sqlite'),
        'no database, but long enough for one. '.repeat(50),
      )
      return join(folder, 'cache')
    },
  ],
  'a file of a newer version': [
    'ERR_CACHE_FILE_NEWER',
    (folder) => {
      const path = join(folder, 'cache.sqlite')
      const db = new Driver(path)
      db.exec('PRAGMA application_id = 1969513320; PRAGMA user_version = 99')
      db.close()
      return path
    },
  ],
}

describe('a cache that cannot be opened', () => {
  for (const [trouble, [code, make]] of Object.entries(troubles)) {
    for (const backend of ['sqlite', undefined] as const) {
      test(`${backend ?? 'the default'}, ${trouble}: one report, and the origin answers`, async (t) => {
        const origin = await originFor(t)
        const errors: CacheError[] = []
        const cacheName = make(temporaryFolder(t))
        const options = { backend, cacheName, onError: (error: CacheError) => errors.push(error) }
        const cached = cachedAgent(t, options)
        assert.deepEqual(
          errors.map((error) => error.code),
          [code],
        )
        assert.ok(errors[0]!.message.includes(cacheName), errors[0]!.message)
        for (const ask of [viaFetch, viaRequest]) {
          const { text, info } = await ask(cached, `${origin.url}/${ask.name}`)
          assert.deepEqual([text, info?.reason], [`GET /${ask.name} 1`, 'cache-unavailable'])
          const again = await ask(cached, `${origin.url}/${ask.name}`)
          assert.equal(again.text, `GET /${ask.name} 2`)
        }
        const refused = await viaRequest(cached, `${origin.url}/stored`, { onlyIfCached: true })
        assert.deepEqual([refused.status, origin.hits('/stored')], [504, 0])
        assert.equal(await cached.caching.cache.size(), 0)
        await cached.caching.clear()
        await cached.caching.close()
        assert.equal(errors.length, 1)
      })
    }

    test(`the class throws for ${trouble}`, (t) => {
      const path = make(temporaryFolder(t))
      assert.throws(() => new SQLiteCache(path), { name: 'CacheError', code })
    })
  }

  test('nobody waits for an identical request: it will not be stored', async (t) => {
    const origin = await originFor(t)
    let answer!: () => void
    const all = new Promise<void>((resolve) => (answer = resolve))
    origin.answer((_, response) => {
      if (origin.hits() === 5) answer()
      void all.then(() => response.end('x'))
    })
    const cacheName = troubles['a file in the place of the folder']![1](temporaryFolder(t))
    const cached = cachedAgent(t, { backend: 'sqlite', cacheName, onError() {} })
    await Promise.all(Array.from({ length: 5 }, () => viaRequest(cached, origin.url)))
    assert.equal(origin.hits(), 5)
  })

  test('by default it is a warning of the process', async (t) => {
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    const cacheName = troubles['a file in the place of the folder']![1](temporaryFolder(t))
    await cacheInterceptor({ cacheName }).close()
    assert.equal(((await warned) as CacheError).code, 'ERR_CACHE_STORAGE_FAILED')
  })

  test('a mistake in the options throws', (t) => {
    const path = join(temporaryFolder(t), 'theirs.sqlite')
    const db = new Driver(path)
    db.exec('CREATE TABLE theirs (x)')
    db.close()
    const mistakes: [CacheOptions, object][] = [
      [{ cacheName: path }, { name: 'CacheError', code: 'ERR_CACHE_FILE_FOREIGN' }],
      [{ cacheName: 'a\0b' }, { name: 'TypeError', code: 'ERR_CACHE_OPTION_INVALID' }],
      [{ backend: 'sqllite' as 'sqlite' }, { code: 'ERR_CACHE_BACKEND_UNKNOWN' }],
      [{ backendOptions: { timeout: -1 } }, { code: 'ERR_CACHE_OPTION_INVALID' }],
    ]
    for (const [options, expected] of mistakes) {
      assert.throws(() => cacheInterceptor(options), expected)
    }
  })
})

describe('a cache that can be read, and not written', () => {
  const program = fileURLToPath(import.meta.resolve('./opening-program.ts'))

  interface Outcome {
    readonly got: readonly [text: string, hit: boolean | undefined][]
    readonly errors: readonly { readonly code: string; readonly message: string }[]
  }

  /** Runs the program as a user who owns nothing, where permissions would not bind this one. */
  function runAsNobody(origin: Origin, options: CacheOptions): Promise<Outcome> {
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const command = ['--import', import.meta.resolve('tsx'), program, origin.url]
    return new Promise((resolve, reject) => {
      execFile(
        process.execPath,
        [...command, JSON.stringify(options)],
        { ...user, timeout: 60_000 },
        (error, out) => (error ? reject(error) : resolve(JSON.parse(out) as Outcome)),
      )
    })
  }

  type Files = 'sqlite' | 'filesystem'

  async function fixtures(t: TestContext, origin: Origin, backend: Files): Promise<string> {
    const folder = join(temporaryFolder(t), 'fixtures')
    const cacheName = join(folder, 'cache')
    const cached = cachedAgent(t, { backend, cacheName })
    await viaRequest(cached, `${origin.url}/stored`)
    await cached.caching.close()
    return folder
  }

  /** The folder and all that is in it. */
  function setModes(folder: string, folders: number, files: number): void {
    for (const each of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      chmodSync(join(each.parentPath, each.name), each.isDirectory() ? folders : files)
    }
    chmodSync(folder, folders)
    chmodSync(join(folder, '..'), 0o755)
  }

  function windows(t: TestContext): boolean {
    if (process.platform === 'win32') t.skip('files have other permissions there')
    return process.platform === 'win32'
  }

  for (const backend of ['sqlite', 'filesystem'] as const) {
    for (const [where, modes] of Object.entries({
      'a folder that cannot be written': [0o555, 0o444],
      'files that cannot be written in a folder that can': [0o777, 0o444],
    })) {
      test(`${backend}, ${where}: hits`, async (t) => {
        if (windows(t)) return
        const origin = await originFor(t)
        const folder = await fixtures(t, origin, backend)
        setModes(folder, modes[0]!, modes[1]!)
        const options = { backend, cacheName: join(folder, 'cache'), readOnly: true }
        const { got, errors } = await runAsNobody(origin, options)
        assert.deepEqual(got, [
          ['GET /stored 1', true],
          ['GET /new 1', false],
          ['GET /new 2', false],
        ])
        assert.deepEqual(errors, [])
      })
    }

    test(`${backend}, without readOnly: hits, and one report that nothing can be stored`, async (t) => {
      if (windows(t)) return
      const origin = await originFor(t)
      const folder = await fixtures(t, origin, backend)
      setModes(folder, 0o555, 0o444)
      const { got, errors } = await runAsNobody(origin, {
        backend,
        cacheName: join(folder, 'cache'),
      })
      assert.deepEqual(
        got.map(([, hit]) => hit),
        [true, false, false],
      )
      assert.deepEqual(
        errors.map(({ code }) => code),
        ['ERR_CACHE_STORAGE_FAILED'],
      )
    })
  }

  test('sqlite, a file that cannot be made: one report', async (t) => {
    if (windows(t)) return
    const origin = await originFor(t)
    const folder = await fixtures(t, origin, 'sqlite')
    setModes(folder, 0o555, 0o444)
    const cacheName = join(folder, 'other')
    const { got, errors } = await runAsNobody(origin, { backend: 'sqlite', cacheName })
    assert.equal(got[0]![0], 'GET /stored 2')
    assert.equal(errors.length, 1)
    assert.match(errors[0]!.message, /^cannot open '.*other\.sqlite'/)
  })

  test('sqlite, what was not written back to the file: one report that says so', async (t) => {
    if (windows(t)) return
    const origin = await originFor(t)
    const folder = await fixtures(t, origin, 'sqlite')
    const copy = join(folder, '..', 'copy')
    const cached = cachedAgent(t, { backend: 'sqlite', cacheName: join(folder, 'cache') })
    await viaRequest(cached, `${origin.url}/more`)
    await cached.caching.cache.flush()
    // As a program that was killed has left it, the index of the WAL aside.
    cpSync(folder, copy, { recursive: true, filter: (path) => !path.endsWith('-shm') })
    await cached.caching.close()
    assert.ok(existsSync(join(copy, 'cache.sqlite-wal')))
    const before = readFileSync(join(copy, 'cache.sqlite'))
    setModes(copy, 0o555, 0o444)
    const options = { backend: 'sqlite', cacheName: join(copy, 'cache'), readOnly: true } as const
    const { got, errors } = await runAsNobody(origin, options)
    assert.deepEqual(got[0], ['GET /stored 2', false])
    assert.match(errors[0]!.message, /has changes in its -wal/)
    assert.ok(before.equals(readFileSync(join(copy, 'cache.sqlite'))))
  })

  test('sqlite, while another user writes it: what that one stores is seen', async (t) => {
    if (windows(t)) return
    const origin = await originFor(t)
    const folder = await fixtures(t, origin, 'sqlite')
    const cacheName = join(folder, 'cache')
    const cached = cachedAgent(t, { backend: 'sqlite', cacheName })
    await viaRequest(cached, `${origin.url}/new`)
    await cached.caching.cache.flush()
    setModes(folder, 0o555, 0o444)
    const options = { backend: 'sqlite', cacheName, readOnly: true } as const
    const { got, errors } = await runAsNobody(origin, options)
    assert.deepEqual(
      got.map(([, hit]) => hit),
      [true, true, true],
    )
    assert.deepEqual(errors, [])
  })
})
