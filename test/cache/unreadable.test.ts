/**
 * Entries that cannot be read, whatever is wrong with them: everything that goes through a whole cache
 * passes over them, counts them and tells of each once, and `verify({ repair: true })` removes them.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import { FileStorage } from '../../lib/backends/filesystem/file-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { encodeEntry, wholeBody } from '../../lib/entries/record.ts'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { encrypt, sign } from '../../lib/index.ts'
import { serialized, type Serializer } from '../../lib/serializers/serializer.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { findServer } from '../networked/servers.ts'

/** One place, as a cache opens it that reads and writes its records in a certain way. */
interface Place {
  open(serializer?: Serializer): BaseCache
  /** Puts bytes there that no storage has written. */
  harm(key: string): Promise<void>
}

type Opener = (t: TestContext) => Place

/** A cache in memory, which another one with another serializer can look into. */
class SharedCache extends BaseCache {
  override readonly responses: BaseStorage
  override readonly redirects: BaseStorage

  constructor(storages: readonly [BaseStorage, BaseStorage], serializer: Serializer | undefined) {
    super()
    this.responses = serialized(storages[0], serializer)
    this.redirects = serialized(storages[1], serializer)
  }
}

const inMemory: Opener = () => {
  const storages = [new MemoryStorage(), new MemoryStorage()] as const
  return {
    open: (serializer) => new SharedCache(storages, serializer),
    harm: async (key) => storages[0].set(key, { head: '', body: Buffer.from('garbage') }),
  }
}

const inSQLite: Opener = (t) => {
  const path = join(temporaryFolder(t), 'cache')
  return {
    open: (serializer) => closed(t, new SQLiteCache(path, { serializer })),
    async harm(key) {
      await using bare = new SQLiteCache(path)
      await bare.responses.set(key, { head: '', body: Buffer.from('garbage') })
    },
  }
}

const inFiles: Opener = (t) => {
  const path = join(temporaryFolder(t), 'cache')
  return {
    open: (serializer) => new FileCache(path, { serializer }),
    async harm(key) {
      const files = new FileStorage(join(path, 'responses'))
      files.set(key, { head: 'a head that is longer than what is left', body: Buffer.alloc(9) })
      truncateSync(files.pathOf(key), 10)
    },
  }
}

const { url, skip } = await findServer('redis')

const inRedis: Opener = (t) => {
  const namespace = `unreadable-${randomUUID()}`
  return {
    open: (serializer) => closed(t, new RedisCache(namespace, { url, serializer })),
    async harm(key) {
      const client = new Redis(url)
      await client.set(`${namespace}:responses:${key}`, 'garbage')
      await client.quit()
    },
  }
}

function closed<C extends BaseCache>(t: TestContext, cache: C): C {
  t.after(async () => {
    await cache.clear().catch(() => {})
    await cache.close()
  })
  return cache
}

const site = 'https://example.com'
const good = ['/good/1', '/good/2', '/good/3']
type Record = ReturnType<typeof encodeEntry>

function recordOf(path: string): Record {
  const head = {
    text: `GET ${site}${path}`,
    status: 200,
    statusText: 'OK',
    rawHeaders: ['content-type', 'text/plain'],
    rawTrailers: [],
    storedAt: Date.now() - 1000,
    expiresAt: undefined,
  }
  const request = { method: 'GET', url: site + path, headers: [] }
  return encodeEntry(head, wholeBody(Buffer.from(`body of ${path}`)), request, undefined)
}

const put = async (cache: BaseCache, path: string, record = recordOf(path)): Promise<void> =>
  cache.responses.set(cache.createKey(site + path), record)

/** What is wrong with the head of a record; each is seen without reading its body. */
const headsGoneWrong: Readonly<{ [path: string]: (head: string) => string }> = {
  '/cut': (head) => head.slice(0, 40),
  '/garbage': () => 'garbage \u0000 and more',
  '/foreign-version': (head) => head.replace('"version":1', '"version":99'),
  '/request': (head) => head.slice(0, -10),
}

interface Damaged {
  readonly cache: BaseCache
  /** How many cannot be read: those that show in a listing, and all. */
  readonly listed: number
  readonly all: number
}

/** Three that are whole, and one of each kind that is not. */
async function damage(place: Place): Promise<Damaged> {
  const cache = place.open()
  for (const path of good) await put(cache, path)
  for (const [path, wrong] of Object.entries(headsGoneWrong)) {
    const record = recordOf(path)
    await put(cache, path, { ...record, head: wrong(record.head) })
  }
  await put(cache, '/body', { ...recordOf('/body'), body: Buffer.from('another') })
  await place.harm(cache.createKey(`${site}/harmed`))
  const chain = { head: '{"version":1,"history":"none"}\n{}', body: Buffer.alloc(0) }
  await cache.redirects.set(`${cache.createKey(`${site}/chain`)}.chain`, chain)
  const listed = Object.keys(headsGoneWrong).length + 1
  return { cache, listed, all: listed + 2 }
}

/** How many failures the cache tells of meanwhile. */
async function told<T>(work: Promise<T>): Promise<{ result: T; errors: number }> {
  let errors = 0
  const count = (): unknown => errors++
  subscribe('undici-cache:error', count)
  try {
    return { result: await work, errors }
  } finally {
    unsubscribe('undici-cache:error', count)
  }
}

const places: { [name: string]: Opener } = {
  memory: inMemory,
  sqlite: inSQLite,
  files: inFiles,
  redis: inRedis,
}

for (const [name, open] of Object.entries(places)) {
  describe(name, { skip: name === 'redis' && skip }, () => {
    test('urls(), filter(), size() and stats()', async (t) => {
      const { cache, listed, all } = await damage(open(t))
      const urls = await told(Array.fromAsync(cache.urls()))
      const seen = [...good, '/body'].map((path) => site + path)
      assert.deepEqual([urls.result.toSorted(), urls.errors], [seen.toSorted(), listed])
      const some = await told(Array.fromAsync(cache.filter({ urlPrefix: `${site}/good/` })))
      assert.deepEqual([some.result.length, some.errors], [good.length, listed])
      const { result, errors } = await told(cache.stats())
      assert.deepEqual(
        [result.responses, result.redirects, result.unreadable, errors],
        [good.length + 1, 0, all - 1, all - 1],
      )
      assert.equal(await cache.size(), good.length + all - 1, 'they are there')
    })

    test('update() copies the others', async (t) => {
      const { cache, all } = await damage(open(t))
      const copy = new BaseCache()
      const keys: string[] = []
      const onError = (_: unknown, key: string): unknown => keys.push(key)
      const { result, errors } = await told(copy.update(cache, { onError }))
      assert.deepEqual(result, { copied: good.length, skipped: 0, unreadable: all })
      assert.deepEqual([errors, new Set(keys).size], [all, all])
      // A second time into what is there, whatever cannot be read there.
      const { cache: other } = await damage(inMemory(t))
      for await (const key of other.responses.keys()) await copy.responses.delete(key)
      await copy.redirects.set('x.chain', { head: 'garbage', body: Buffer.alloc(0) })
      assert.equal((await copy.update(cache)).copied, good.length)
    })

    test('delete() of a selection, and of a URL that cannot be read', async (t) => {
      const { cache, listed } = await damage(open(t))
      const some = await told(cache.delete({ urlPrefix: `${site}/good/1` }))
      assert.deepEqual([some.result, some.errors], [1, listed + 1], 'the chain, too')
      assert.equal(await cache.delete({ olderThan: 3600 }), 0)
      assert.equal(await cache.delete(`${site}/good/2`), true)
      for (const path of [...Object.keys(headsGoneWrong), '/body', '/harmed', '/chain']) {
        assert.equal(await cache.delete(site + path), true, path)
      }
      const { responses, unreadable } = await cache.stats()
      assert.deepEqual([responses, unreadable], [1, 0])
    })

    test('resetExpiration() and prune()', async (t) => {
      const { cache, all } = await damage(open(t))
      assert.equal((await told(cache.resetExpiration('1h'))).result, good.length)
      assert.equal((await told(cache.prune())).result, 0)
      assert.equal((await cache.verify()).unreadable, all, 'they are there')
    })

    test('verify() names them, and removes them where it repairs', async (t) => {
      const { cache, all } = await damage(open(t))
      const keys: string[] = []
      const onProblem = ({ key }: { key: string }): unknown => keys.push(key)
      const { result, errors } = await told(cache.verify({ onProblem }))
      assert.deepEqual([result.responses, result.unreadable, errors], [good.length, all, all])
      assert.equal(new Set(keys).size, all)
      assert.equal((await cache.verify({ repair: true })).removed, all)
      const { errors: rest, result: counted } = await told(cache.stats())
      assert.deepEqual([rest, counted.unreadable, counted.responses], [0, 0, good.length])
      assert.equal((await cache.verify()).unreadable, 0)
    })

    const stages: { [what: string]: (secret: string) => Serializer } = {
      'a bad signature': (secret) => sign(secret),
      'another key': (secret) => encrypt(secret.repeat(64)),
    }
    for (const [what, stage] of Object.entries(stages)) {
      test(`${what}: passed over, counted, and removed`, async (t) => {
        const place = open(t)
        const cache = place.open(stage('a'))
        for (const path of good) await put(cache, path)
        const other = place.open(stage('b'))
        await put(other, '/wrong')
        await put(other, '/wrong/too')
        const urls = await told(Array.fromAsync(cache.urls()))
        assert.deepEqual([urls.result.length, urls.errors], [good.length, 2])
        assert.deepEqual((await told(cache.stats())).result.unreadable, 2)
        assert.equal(await cache.delete({ urlPrefix: `${site}/wrong` }), 0)
        assert.equal(await cache.resetExpiration('1h', { urlPrefix: `${site}/good/1` }), 1)
        await cache.prune()
        const copied = await new BaseCache().update(cache)
        assert.deepEqual(copied, { copied: good.length, skipped: 0, unreadable: 2 })
        assert.equal(await cache.delete(`${site}/wrong/too`), true)
        const { unreadable, removed } = await cache.verify({ repair: true })
        assert.deepEqual([unreadable, removed], [1, 1])
        assert.equal((await cache.stats()).unreadable, 0)
      })
    }
  })
}
