/** Backends and their options. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { request } from 'undici'
import {
  BaseCache,
  cacheInterceptor,
  DynamoDbCache,
  FileCache,
  GridFSCache,
  MongoCache,
  RedisCache,
  SQLiteCache,
  type SQLiteCacheOptions,
} from '../../lib/index.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { findServer } from '../networked/servers.ts'
import { setUp, type Checks } from './desk.ts'

const unknown = { code: 'ERR_CACHE_OPTION_UNKNOWN' }

interface Database {
  pragma(name: string, options: { simple: true }): unknown
  exec(sql: string): unknown
  close(): unknown
}

const Driver = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => Database
// A machine that is busy is not what is tested here.
const patient = { operationTimeout: 60_000 }
const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }

/** Asked by one program after another, redirects included. */
async function outlives(t: TestContext, open: () => BaseCache, keeps = true): Promise<void> {
  const openFor = (): BaseCache => {
    const cache = open()
    t.after(() => cache.close())
    return cache
  }
  const first = openFor()
  const { hits, origin } = await setUp(t, { backend: first, storageTimeout: 60_000 })
  assert.deepEqual(await hits('/', '/old', '/', '/old'), [false, false, true, true])
  await first.close()
  const second = openFor()
  const again = await setUp(t, { backend: second, storageTimeout: 60_000 }, origin)
  assert.deepEqual(await again.hits('/', '/old'), [keeps, keeps])
  await again.cache.clear()
  assert.equal(await second.size(), 0)
}

/** The same on a server; skipped where there is none. */
async function outlivesOn(
  t: TestContext,
  server: string,
  open: (url: string, name: string) => BaseCache,
): Promise<void> {
  const { url, skip } = await findServer(server)
  if (skip !== false) return t.skip(skip)
  const name = `parity-${process.pid}-${Date.now() % 1e6}`
  await outlives(t, () => open(url, name))
}

export const backendChecks: Checks = {
  "`'sqlite'`, `SQLiteCache`": async (t) => {
    const path = join(temporaryFolder(t), 'http_cache')
    await outlives(t, () => new SQLiteCache(path))
    const { cache } = cacheInterceptor({ backend: 'sqlite', cacheName: path })
    assert.ok(cache instanceof SQLiteCache)
    await cache.close()
  },

  "`'filesystem'`, `FileCache`": async (t) => {
    const folder = temporaryFolder(t)
    await outlives(t, () => new FileCache(folder))
    assert.ok(cacheInterceptor({ backend: 'filesystem' }).cache instanceof FileCache)
  },

  "`'memory'`, `BaseCache`": async (t) => {
    await outlives(t, () => new BaseCache(), false)
    const { cache, agent: dispatcher, url } = await setUp(t, { backend: 'memory', maxBodyBytes: 1 })
    assert.equal(cache.constructor, BaseCache)
    for (let round = 0; round < 2; round++) {
      const { body } = await request(url('/'), { dispatcher })
      const bytes = Buffer.concat(await Array.fromAsync(body as AsyncIterable<Buffer>))
      assert.equal(String(bytes), '1')
      bytes.fill('x')
    }
  },

  "`'redis'`, `RedisCache`": async (t) => {
    const { cache } = cacheInterceptor({ backend: 'redis' })
    t.after(() => cache.close())
    assert.ok(cache instanceof RedisCache)
    const options = { commandTimeout: 60_000 }
    await outlivesOn(t, 'redis', (url, name) => new RedisCache(name, { ...options, url }))
  },

  "`'mongodb'`, `MongoCache`": async (t) => {
    const { cache } = cacheInterceptor({ backend: 'mongodb' })
    t.after(() => cache.close())
    assert.ok(cache instanceof MongoCache)
    await outlivesOn(t, 'mongodb', (url, name) => new MongoCache(name, { ...patient, url }))
  },

  "`'gridfs'`, `GridFSCache`": async (t) => {
    const { cache } = cacheInterceptor({ backend: 'gridfs' })
    t.after(() => cache.close())
    assert.ok(cache instanceof GridFSCache)
    await outlivesOn(t, 'mongodb', (url, name) => new GridFSCache(`${name}g`, { ...patient, url }))
  },

  "`'dynamodb'`, `DynamoDbCache`": async (t) => {
    const { cache } = cacheInterceptor({ backend: 'dynamodb' })
    t.after(() => cache.close())
    assert.ok(cache instanceof DynamoDbCache)
    const options = { ...patient, region: 'eu-central-1', credentials }
    await outlivesOn(
      t,
      'dynamodb',
      (endpoint, name) => new DynamoDbCache(name, { ...options, endpoint }),
    )
  },

  '`use_cache_dir`, `use_temp`': () => {
    const temporary = new FileCache('parity-never-written', { useTemp: true })
    assert.equal(temporary.directory, join(tmpdir(), 'parity-never-written'))
    const kept = new FileCache('parity-never-written', { useCacheDir: true })
    assert.ok(kept.directory.startsWith(homedir()) || process.env['XDG_CACHE_HOME'] !== undefined)
    assert.ok(!existsSync(kept.directory))
    const cacheName = 'parity-never-written'
    const backendOptions = { useTemp: true }
    const { cache } = cacheInterceptor({ backend: 'filesystem', cacheName, backendOptions })
    assert.equal((cache as FileCache).directory, temporary.directory)
  },

  '`use_memory`, `:memory:`, `file::memory:?cache=shared`': async (t) => {
    const open = (): SQLiteCache =>
      cacheInterceptor({ backend: 'sqlite', cacheName: ':memory:' }).cache as SQLiteCache
    const [one, other] = [open(), open()]
    const { hits } = await setUp(t, { backend: one })
    assert.deepEqual(await hits('/', '/'), [false, true])
    assert.deepEqual([await one.size(), await other.size()], [1, 0])
    await one.close()
    await other.close()
  },

  '`wal`': async (t) => {
    const { path, ...cache } = openSqlite(t)
    assert.equal(cache.pragma('journal_mode'), 'wal')
    assert.ok(existsSync(`${path}-wal`))
  },

  '`fast_save`': (t) => {
    const { path } = openSqlite(t, { fastSave: true })
    assert.ok(existsSync(path))
    assert.throws(() => new SQLiteCache(path, { fastSave: 1 } as object), {
      code: 'ERR_CACHE_OPTION_INVALID',
    })
  },

  '`busy_timeout`, `timeout`': async (t) => {
    const { path, cache } = openSqlite(t, { timeout: 300 })
    const other = new Driver(path)
    other.exec('BEGIN IMMEDIATE')
    let turns = 0
    const turning = setInterval(() => turns++, 5)
    const writing = (async () => cache.responses.set('key', { head: '', body: Buffer.alloc(1) }))()
    await assert.rejects(writing, { code: 'ERR_CACHE_STORAGE_BUSY' })
    clearInterval(turning)
    assert.ok(turns > 2, `the loop has turned ${turns} times`)
    other.exec('ROLLBACK')
    other.close()
    await cache.responses.set('key', { head: '', body: Buffer.alloc(1) })
  },

  '`isolation_level`, `check_same_thread` and the others of `sqlite3.connect()`': () => {
    for (const name of ['isolation_level', 'check_same_thread', 'cached_statements', 'uri']) {
      assert.throws(() => new SQLiteCache(':memory:', { [name]: 1 }), unknown, name)
    }
  },

  '`extension`': async (t) => {
    const endings = { native: '.cached', json: '.json', yaml: '.yaml', bson: '.bson' } as const
    for (const [serializer, ending] of Object.entries(endings)) {
      const named = { serializer: serializer as keyof typeof endings }
      const cache = new FileCache(temporaryFolder(t), named)
      await (await setUp(t, { backend: cache })).ask('/')
      const [path] = await Array.fromAsync(cache.paths())
      assert.equal(extname(path!), ending)
    }
    assert.throws(() => new FileCache('x', { extension: 'txt' } as object), unknown)
  },

  '`max_file_bytes`': async (t) => {
    const { ask } = await setUp(t, { maxBodyBytes: 0 })
    assert.equal((await ask('/')).info?.reason, 'too-large')
  },

  '`max_cache_bytes`, `block_bytes`, `sync_index`': async (t) => {
    const cache = new FileCache(temporaryFolder(t), { maxCacheBytes: 2_000 })
    const { ask } = await setUp(t, { backend: cache })
    for (let n = 0; n < 20; n++) await ask(`/${n}`)
    await cache.flush()
    const size = await cache.size()
    assert.ok(size > 0 && size < 20, `${size} responses`)
    for (const name of ['max_cache_bytes', 'block_bytes', 'sync_index']) {
      assert.throws(() => new FileCache('x', { [name]: 1 }), unknown, name)
    }
  },
}

interface OpenSqlite {
  readonly cache: SQLiteCache
  readonly path: string
  /** As another program sees it. */
  readonly pragma: (name: string) => unknown
}

function openSqlite(t: TestContext, options: SQLiteCacheOptions = {}): OpenSqlite {
  const cache = new SQLiteCache(join(temporaryFolder(t), 'cache'), options)
  const database = new Driver(cache.path)
  t.after(async () => {
    database.close()
    await cache.close()
  })
  return { cache, path: cache.path, pragma: (name) => database.pragma(name, { simple: true }) }
}
