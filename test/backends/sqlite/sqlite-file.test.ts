import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Agent, request } from 'undici'
import type { SqliteDriver } from '../../../lib/backends/sqlite/sqlite-file.ts'
import { SQLiteCache, type SQLiteCacheOptions } from '../../../lib/backends/sqlite/sqlite-cache.ts'
import { cacheInterceptor } from '../../../lib/interceptor.ts'
import { startOrigin } from '../../../lib/testing/origin.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { wholeOf, writeOf } from '../writes.ts'

const Driver = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
) => SqliteDriver
const folder = temporaryFolder()
let made = 0

function newPath(name = 'cache.sqlite'): string {
  return join(folder, String(made++), name)
}

function open(t: TestContext, name: string, options?: SQLiteCacheOptions): SQLiteCache {
  const cache = new SQLiteCache(name, options)
  t.after(() => cache.close())
  return cache
}

/** Sets a variable of the environment for the time of a test. */
function setVariable(t: TestContext, name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.after(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}

/** A database that somebody has made with this SQL. */
function makeDatabase(sql: string): string {
  const path = newPath()
  mkdirSync(dirname(path))
  const db = new Driver(path)
  db.exec(sql)
  db.close()
  return path
}

function assertRefused(path: string, code: string): void {
  const before = readFileSync(path)
  assert.throws(() => new SQLiteCache(path), { name: 'CacheError', code })
  assert.ok(readFileSync(path).equals(before), 'the file was changed')
}

describe('the path of a SQLite cache', () => {
  test('a name without an ending gets .sqlite', (t) => {
    const path = newPath('cache')
    assert.equal(open(t, path).path, `${path}.sqlite`)
    assert.ok(existsSync(`${path}.sqlite`))
  })

  test('a name with an ending keeps it', (t) => {
    const path = newPath('cache.db')
    assert.equal(open(t, path).path, path)
    assert.ok(existsSync(path))
  })

  test('~ is the home folder', (t) => {
    const home = newPath('home')
    setVariable(t, 'HOME', home)
    setVariable(t, 'USERPROFILE', home)
    assert.equal(open(t, '~/sub/cache', { useTemp: true }).path, join(home, 'sub/cache.sqlite'))
  })

  test('useTemp puts it below the folder for temporary files', (t) => {
    const temporary = newPath('tmp')
    for (const name of ['TMPDIR', 'TEMP', 'TMP']) setVariable(t, name, temporary)
    assert.equal(open(t, 'cache', { useTemp: true }).path, join(temporary, 'cache.sqlite'))
    const absolute = newPath('absolute.sqlite')
    assert.equal(open(t, absolute, { useTemp: true }).path, absolute)
  })

  test('useCacheDir puts it below the folder for caches', (t) => {
    if (process.platform !== 'linux') return t.skip('other platforms have no XDG_CACHE_HOME')
    const caches = newPath('caches')
    setVariable(t, 'XDG_CACHE_HOME', caches)
    const options = { useCacheDir: true, useTemp: true }
    return assert.equal(open(t, 'app/cache', options).path, join(caches, 'app/cache.sqlite'))
  })

  test('parent folders are made', (t) => {
    const path = newPath('a/b/c/cache.sqlite')
    open(t, path)
    assert.ok(existsSync(path))
  })

  test(':memory: belongs to the instance alone', async (t) => {
    const [first, second] = [open(t, ':memory:'), open(t, ':memory:')]
    await first.responses.set('a', writeOf(1))
    assert.equal(first.path, ':memory:')
    assert.equal(await first.responses.size(), 1)
    assert.equal(await second.responses.size(), 0)
    assert.ok(!existsSync(':memory:') && !existsSync(':memory:.sqlite'))
  })

  test('a folder, or a file as parent, is refused with our error', () => {
    mkdirSync(newPath('a-folder.sqlite'), { recursive: true })
    const file = join(folder, 'file')
    writeFileSync(file, '')
    for (const path of [join(folder, String(made - 1), 'a-folder.sqlite'), join(file, 'cache')]) {
      const code = 'ERR_CACHE_STORAGE_FAILED'
      assert.throws(() => new SQLiteCache(path), { name: 'CacheError', code })
    }
  })
})

describe('the file of a SQLite cache', () => {
  test('is in WAL mode, and says whose it is', (t) => {
    const path = newPath()
    open(t, path)
    const db = new Driver(path)
    t.after(() => void db.close())
    assert.equal(db.pragma('journal_mode', { simple: true }), 'wal')
    assert.notEqual(db.pragma('application_id', { simple: true }), 0)
    assert.equal(db.pragma('user_version', { simple: true }), 1)
  })

  test('of another program is refused and left as it is', () => {
    assertRefused(makeDatabase('CREATE TABLE mine (x)'), 'ERR_CACHE_FILE_FOREIGN')
    assertRefused(makeDatabase('PRAGMA application_id = 42'), 'ERR_CACHE_FILE_FOREIGN')
    const withOurNames = 'CREATE TABLE responses (key, expires, head, body)'
    assertRefused(makeDatabase(withOurNames), 'ERR_CACHE_FILE_FOREIGN')
  })

  test('of a newer version is refused and left as it is', async () => {
    const path = newPath()
    await new SQLiteCache(path).close()
    const db = new Driver(path)
    db.pragma('user_version = 99')
    db.close()
    assertRefused(path, 'ERR_CACHE_FILE_NEWER')
    assert.throws(() => new SQLiteCache(path, { onCorrupt: 'replace' }), {
      code: 'ERR_CACHE_FILE_NEWER',
    })
  })

  test('that is no database is refused and left as it is', () => {
    const path = newPath()
    mkdirSync(dirname(path))
    writeFileSync(path, 'no database '.repeat(1_000))
    assertRefused(path, 'ERR_CACHE_FILE_CORRUPT')
  })

  test("onCorrupt 'replace' sets such a file aside and begins anew", async (t) => {
    const path = newPath()
    mkdirSync(dirname(path))
    const garbage = Buffer.from('no database '.repeat(1_000))
    writeFileSync(path, garbage)
    const cache = open(t, path, { onCorrupt: 'replace' })
    await cache.responses.set('a', writeOf(1))
    wholeOf(await cache.responses.get('a'))
    const aside = readdirSync(dirname(path)).filter((name) => name.includes('.corrupt-'))
    assert.equal(aside.length, 1)
    assert.ok(readFileSync(join(dirname(path), aside[0] ?? '')).equals(garbage))
  })

  test('that is empty is taken', async (t) => {
    const path = newPath()
    mkdirSync(dirname(path))
    writeFileSync(path, '')
    await open(t, path).responses.set('a', writeOf(1))
  })

  test('damaged in the middle breaks no request', async (t) => {
    const path = newPath()
    const origin = await startOrigin()
    t.after(() => origin.close())
    const ask = async (cache: SQLiteCache): Promise<void> => {
      const caching = cacheInterceptor({ backend: cache, onError: () => {} })
      const agent = new Agent()
      for (let i = 0; i < 200; i++) {
        const dispatcher = agent.compose(caching)
        const response = await request(`${origin.url}/${i}`, { dispatcher })
        assert.match(await response.body.text(), new RegExp(`^GET /${i} [12]$`))
      }
      await caching.close()
      await agent.close()
    }
    const whole = new SQLiteCache(path)
    await ask(whole)
    await whole.close()
    const bytes = readFileSync(path)
    bytes.fill('damage', bytes.byteLength / 4, (bytes.byteLength / 4) * 3)
    writeFileSync(path, bytes)
    let damaged: SQLiteCache
    try {
      damaged = new SQLiteCache(path)
    } catch (error) {
      return assert.equal((error as { code?: unknown }).code, 'ERR_CACHE_FILE_CORRUPT')
    }
    await ask(damaged)
    return damaged.close()
  })
})
