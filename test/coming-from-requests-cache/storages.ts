/** What is below a cache, and what its files are called. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  BaseCache,
  BaseStorage,
  FileCache,
  MemoryStorage,
  SQLiteCache,
  type StoredRecord,
} from '../../lib/index.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { setUp, type Checks } from './desk.ts'

const record: StoredRecord = { head: 'head', body: Buffer.from('body') }

export const storageChecks: Checks = {
  '`cache.responses`, `cache.redirects`': async () => {
    const cache = new BaseCache()
    for (const storage of [cache.responses, cache.redirects]) {
      await storage.set('key', record)
      assert.deepEqual((await storage.get('key'))?.body, record.body)
      assert.deepEqual(await Array.fromAsync(storage.keys()), ['key'])
      assert.equal((await Array.fromAsync(storage.values())).length, 1)
      assert.equal((await Array.fromAsync(storage.entries()))[0]?.[0], 'key')
      assert.deepEqual([await storage.has('key'), await storage.size()], [true, 1])
      assert.deepEqual([await storage.delete('key'), await storage.delete('key')], [true, false])
      assert.equal(await storage.get('key'), undefined)
      await storage.clear()
    }
  },

  '`bulk_delete()`, `bulk_commit()`': async () => {
    const { responses } = new SQLiteCache(':memory:')
    const keys = Array.from({ length: 2_000 }, (_, nth) => `key-${nth}`)
    await responses.setMany(keys.map((key) => [key, record] as const))
    assert.equal(await responses.deleteMany([...keys, 'none']), 2_000)
    assert.equal(await responses.deleteMany([]), 0)
    await responses.close()
  },

  '`vacuum()`, `delete(vacuum=)`': async (t) => {
    const cache = new SQLiteCache(join(temporaryFolder(t), 'cache'))
    const body = Buffer.alloc(1_000_000, 'x')
    const keys = Array.from({ length: 20 }, (_, nth) => `key-${nth}`)
    for (let round = 0; round < 3; round++) {
      await cache.responses.setMany(keys.map((key) => [key, { head: '', body }]))
      if (round > 0) await cache.responses.clear()
      else await cache.responses.deleteMany(keys)
    }
    await cache.close()
    const { size } = statSync(cache.path)
    assert.ok(size < 8_000_000, `${size} bytes for 60 MB that are gone`)
  },

  '`cache.db_path`': async (t) => {
    const folder = temporaryFolder(t)
    const sqliteCache = new SQLiteCache(join(folder, 'new', 'http_cache'))
    assert.equal(sqliteCache.path, join(folder, 'new', 'http_cache.sqlite'))
    assert.ok(existsSync(sqliteCache.path))
    await sqliteCache.close()
  },

  '`cache.cache_dir`, `cache.paths()`': async (t) => {
    const folder = temporaryFolder(t)
    const fileCache = new FileCache(folder, { serializer: 'json' })
    const { ask, url } = await setUp(t, { backend: fileCache })
    await ask('/')
    assert.equal(fileCache.directory, folder)
    const [path, ...others] = await Array.fromAsync(fileCache.paths())
    assert.deepEqual(others, [])
    const { request } = JSON.parse(readFileSync(path!, 'utf8')) as { request: { url: string } }
    assert.equal(request.url, url('/'))
  },

  '`cache.lock`, `lock`': async (t) => {
    const folder = temporaryFolder(t)
    const caches = Array.from({ length: 4 }, () => new FileCache(folder))
    const bodies = caches.map((_, nth) => Buffer.alloc(200_000, nth))
    await Promise.all(
      caches.map(async ({ responses }, nth) => {
        for (let round = 0; round < 10; round++) {
          await responses.set('key', { head: `${nth}`, body: bodies[nth]! })
          const read = await responses.get('key')
          assert.deepEqual(read?.body, bodies[Number(read?.head)], 'one write, whole')
        }
      }),
    )
    assert.throws(() => new FileCache(folder, { lock: {} } as object), {
      code: 'ERR_CACHE_OPTION_UNKNOWN',
    })
  },

  'subclasses of `BaseCache` and `BaseStorage`': async (t) => {
    class MapStorage extends BaseStorage {
      readonly #records = new Map<string, StoredRecord>()
      override get(key: string): StoredRecord | undefined {
        return structuredClone(this.#records.get(key))
      }
      override set(key: string, given: StoredRecord): void {
        this.#records.set(key, structuredClone(given))
      }
      override delete(key: string): boolean {
        return this.#records.delete(key)
      }
      override async *keys(): AsyncIterable<string> {
        yield* [...this.#records.keys()]
      }
      override size(): number {
        return this.#records.size
      }
      override clear(): void {
        this.#records.clear()
      }
    }
    class MapCache extends BaseCache {
      override readonly responses = new MapStorage()
      override readonly redirects = new MapStorage()
    }
    const cache = new MapCache()
    const { hits } = await setUp(t, { backend: cache })
    assert.deepEqual(await hits('/', '/', '/old', '/old'), [false, true, false, true])
    assert.deepEqual([cache.responses.size(), cache.redirects.size()], [2, 1])
  },

  '`DictStorage`, `SQLiteDict`, `RedisDict`, `RedisHashDict`, `MongoDict`, `GridFSDict`, `DynamoDbDict`, `FileDict`, `LRUFileDict`':
    () => {
      const cache = new BaseCache()
      assert.ok(cache.responses instanceof MemoryStorage)
      assert.ok(new FileCache('never-written').responses instanceof BaseStorage)
    },
}
