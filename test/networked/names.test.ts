/** Caches side by side on one server, whatever they are called: none sees what another one stores. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cluster, Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import type { RedisClient } from '../../lib/backends/redis/redis-storage.ts'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { GridFSCache } from '../../lib/backends/mongodb/gridfs-cache.ts'
import { MongoCache } from '../../lib/backends/mongodb/mongo-cache.ts'
import type { MongoDatabase } from '../../lib/backends/mongodb/mongo-storage.ts'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { cacheInterceptor } from '../../lib/index.ts'
import { backendNames, type BackendName } from './backend-names.ts'
import { describeBackends } from './open-caches.ts'
import type { ServerRecord, ServerView } from './server-views.ts'

const keys = ['k0', 'k1', 'k2']

/** Beginnings, globs, separators and escapes of each other; tests put something before them. */
const any = ['', 'a', 'a*', 'a:b', 'a.b', 'a?', '[a]', 'a\\', `a"b'c`, 'ä ö', '%61']
const alike = ['a:responses', 'a:responses:k0', 'a.responses', 'a:redirects', 'a%3Ab', 'a^', "a'"]
const spread = [...any, ...alike, 'A', 'a\0b']

// A and a are one database in MongoDB, which may not be spelt in two ways; and one table in
// DynamoDB Local, though not in DynamoDB.
const databases = ['', 'a', '[a]', '%61', 'a%3Ab', 'a^', "a'", 'ä', 'a_responses', 'a-b']
const tables = ['', 'a', 'a.b', 'a.responses', 'a-b', 'a_b', 'a.b.c']

/** Names that are held, and names that are refused. */
const names: Readonly<Record<BackendName, readonly [held: string[], refused: string[]]>> = {
  redis: [spread, []],
  'redis-cluster': [spread, []],
  mongodb: [databases, spread.filter((name) => /[*:.?"\\ \0]/.test(name))],
  gridfs: [databases, spread.filter((name) => /[*:.?"\\ \0]/.test(name))],
  dynamodb: [tables, spread.filter((name) => /[^\w.-]/.test(name))],
}

/** Too short and too long for the engine; whole names, with nothing before them. */
const wrongLengths: Readonly<Record<BackendName, readonly string[]>> = {
  redis: [],
  'redis-cluster': [],
  mongodb: ['a'.repeat(64), 'ä'.repeat(32)],
  gridfs: ['a'.repeat(64), 'ä'.repeat(32)],
  dynamodb: ['ab', 'a'.repeat(256)],
}

await describeBackends(backendNames, ({ name, url, prefix, server, open }) => {
  const [held, refused] = names[name]

  test(`${held.length} names live side by side`, async (t) => {
    await liveSideBySide(
      t,
      server,
      held.map((each) => open(prefix + each)),
    )
  })

  test('a name that the engine cannot hold is refused at once', () => {
    const never = ['', 'a\ud800', '\udc00a']
    for (const each of [...refused.map((n) => prefix + n), ...wrongLengths[name], ...never]) {
      assert.throws(() => open(each), isRefusal, JSON.stringify(each))
    }
    for (const each of [1, null]) {
      assert.throws(() => open(each as unknown as string), isRefusal, String(each))
    }
  })

  test('so it is by alias', () => {
    const alias = name === 'redis-cluster' ? 'redis' : name
    const backendOptions = name === 'dynamodb' ? { endpoint: url, region: 'local' } : { url }
    for (const cacheName of [...refused.map((n) => prefix + n), 'a\ud800']) {
      const making = (): unknown => cacheInterceptor({ backend: alias, cacheName, backendOptions })
      assert.throws(making, isRefusal, JSON.stringify(cacheName))
    }
  })
})

const redisClients = {
  redis: (url: string, keyPrefix: string) => new Redis(url, { keyPrefix }),
  'redis-cluster': (url: string, keyPrefix: string) => new Cluster([url], { keyPrefix }),
}

await describeBackends(['redis', 'redis-cluster'], ({ name, url, prefix, server }) => {
  test('clients with a prefix of their own, which looks like a pattern', async (t) => {
    const before = ['', 'a', 'a*', 'a?', '[a]', 'a\\', '*', '^'].map((each) => prefix + each)
    const caches = before.flatMap((keyPrefix) => {
      const client = redisClients[name as keyof typeof redisClients](url, keyPrefix)
      t.after(() => client.quit())
      const connection = client as unknown as RedisClient
      return ['a', '*'].map((cacheName) => new RedisCache(cacheName, { connection }))
    })
    await liveSideBySide(t, server, caches)
  })
})

await describeBackends(['mongodb'], ({ url, prefix, server, openFor }) => {
  test('documents and GridFS, by names in a database that is handed in', async (t) => {
    const client = new MongoClient(url)
    t.after(() => client.close())
    const connection = client.db(`${prefix}db`) as unknown as MongoDatabase
    const kinds = [MongoCache, GridFSCache]
    const held = [...any.slice(1), 'a:responses', 'a.responses', 'a.responses.heads', 'A']
    const caches = held.flatMap((name) => kinds.map((Cache) => new Cache(name, { connection })))
    await liveSideBySide(t, server, caches)
    for (const name of ['', 'a\0b', '$a', 'a$', 'a\ud800', 'a'.repeat(300)]) {
      for (const Cache of kinds)
        assert.throws(() => new Cache(name, { connection }), isRefusal, name)
    }
  })

  test('documents and GridFS, in one database of their own', async (t) => {
    const caches = [MongoCache, GridFSCache].map((Cache) => new Cache(`${prefix}both`, { url }))
    await liveSideBySide(t, server, caches)
    assert.equal(await openFor(t, `${prefix}both`).size(), 0)
  })
})

function isRefusal(error: unknown): boolean {
  assert.ok(error instanceof TypeError, String(error))
  assert.equal((error as { code?: unknown }).code, 'ERR_CACHE_OPTION_INVALID')
  // What is wrong, and what would be right.
  assert.match(error.message, /^option 'cacheName' must be a (?:name|text) .+, got /)
  return true
}

/** Each sees, counts and clears its own, by its own account and by the server's. */
async function liveSideBySide(
  t: TestContext,
  server: ServerView,
  caches: readonly BaseCache[],
): Promise<void> {
  t.after(() => Promise.all(caches.map((cache) => cache.close())))
  const foreign = await server.records()
  await Promise.all(caches.map(fill))
  for (const [index, cache] of caches.entries()) await assertOwn(cache, markOf(index))
  const marks = caches.map((_, index) => markOf(index))
  const stored = await server.records()
  for (const mark of marks) assert.ok(ofMark(stored, mark).length >= 2 * keys.length, mark)

  let left = stored
  for (const [index, cache] of caches.entries()) {
    const mark = markOf(index)
    await cache.responses.clear()
    assert.deepEqual(await keysOf(cache.responses), [])
    assert.deepEqual(await keysOf(cache.redirects), keys, `${mark} redirects`)
    await cache.clear()
    assert.equal(await cache.redirects.size(), 0)
    const now = await server.records()
    assert.deepEqual(ofMark(now, mark), [], `some of ${mark} is left`)
    const others = left.filter((record) => !record.text.includes(mark))
    assert.deepEqual(now.toSorted(byId), others.toSorted(byId), `${mark} took others along`)
    left = now
  }
  assert.deepEqual(left.toSorted(byId), foreign.toSorted(byId))
}

async function fill(cache: BaseCache, index: number): Promise<void> {
  const mark = markOf(index)
  for (const [part, storage] of Object.entries({
    responses: cache.responses,
    redirects: cache.redirects,
  })) {
    const record = (key: string): [string, { head: string; body: Buffer }] => {
      const text = `${mark} ${part} ${key}`
      return [key, { head: text, body: Buffer.from(text) }]
    }
    await storage.setMany(keys.map(record))
  }
}

async function assertOwn(cache: BaseCache, mark: string): Promise<void> {
  assert.equal(await cache.size(), keys.length, mark)
  assert.deepEqual(await keysOf(cache.responses), keys, mark)
  assert.equal(await cache.responses.size(), keys.length)
  for await (const { key, head } of cache.responses.heads()) {
    assert.equal(head, `${mark} responses ${key}`)
  }
  for await (const [key, record] of cache.redirects) {
    assert.equal(record.head, `${mark} redirects ${key}`)
    assert.equal(Buffer.from(record.body).toString(), record.head)
  }
}

async function keysOf(storage: BaseStorage): Promise<string[]> {
  return (await Array.fromAsync(storage.keys())).toSorted()
}

function markOf(index: number): string {
  return `<cache ${index}>`
}

function ofMark(records: readonly ServerRecord[], mark: string): ServerRecord[] {
  return records.filter(({ text }) => text.includes(mark))
}

function byId(a: ServerRecord, b: ServerRecord): number {
  return a.id < b.id ? -1 : 1
}
