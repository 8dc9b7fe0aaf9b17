/** Serializers on real servers: what goes in comes out, in documents, small, and unreadable to others. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import { DynamoDbCache } from '../../lib/backends/dynamodb/dynamodb-cache.ts'
import { GridFSCache } from '../../lib/backends/mongodb/gridfs-cache.ts'
import { MongoCache } from '../../lib/backends/mongodb/mongo-cache.ts'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { compress } from '../../lib/serializers/compress.ts'
import { encrypt } from '../../lib/serializers/encrypt.ts'
import type { Serializer } from '../../lib/serializers/serializer.ts'
import { sign } from '../../lib/serializers/sign.ts'
import { backendNames, localDynamo } from './backend-names.ts'
import { describeBackends, type Backend } from './open-caches.ts'

const openers = {
  redis: (url, cacheName, serializer) => new RedisCache(cacheName, { url, serializer }),
  'redis-cluster': (url, cacheName, serializer) =>
    new RedisCache(cacheName, { cluster: [url], serializer }),
  mongodb: (url, cacheName, serializer) => new MongoCache(cacheName, { url, serializer }),
  gridfs: (url, cacheName, serializer) => new GridFSCache(cacheName, { url, serializer }),
  dynamodb: (endpoint, cacheName, serializer) =>
    new DynamoDbCache(cacheName, { ...localDynamo, endpoint, serializer }),
} as const satisfies Record<
  Backend['name'],
  (url: string, cacheName: string, serializer: Serializer) => unknown
>

const key = randomBytes(32)
const serializers: Readonly<Record<string, Serializer>> = {
  json: 'json',
  yaml: 'yaml',
  bson: 'bson',
  'a pile': ['json', compress('zstd'), sign('secret'), encrypt(key)],
}

function openStorage(t: TestContext, { name, url, prefix }: Backend, to: Serializer): BaseStorage {
  const cache = openers[name](url, `${prefix}serialized`, to)
  t.after(() => cache.close())
  return cache.responses
}

await describeBackends(backendNames, (backend) => {
  for (const [name, serializer] of Object.entries(serializers)) {
    test(`${name}: records, their heads, and new heads`, async (t) => {
      const storage = openStorage(t, backend, serializer)
      await storage.clear()
      const longest = Math.min(2 ** 20, storage.traits.maxBodyBytes)
      const bodies = ['{"a":[1,2]}', 'text', '', randomBytes(longest), Buffer.alloc(longest, '"\n')]
      const expiresAt = Date.now() + 3_600_000
      for (const [index, each] of bodies.entries()) {
        const head = `{"number":${index}}\n{"method":"GET"}`
        const body = Buffer.from(each)
        await storage.set('key', { head, body, expiresAt })
        const record = await storage.get('key')
        assert.ok(record !== undefined && body.equals(record.body))
        assert.deepEqual([record.head, record.expiresAt], [head, expiresAt])
        assert.equal(await storage.replaceHead('key', head, { head: 'new' }), true)
        const [listed] = await Array.fromAsync(storage.heads())
        assert.deepEqual([listed?.key, listed?.head, listed?.expiresAt], ['key', 'new', undefined])
        assert.ok(body.equals((await storage.get('key'))!.body))
      }
      await storage.clear()
    })
  }

  test('what another key has encrypted is refused', async (t) => {
    const storage = openStorage(t, backend, encrypt(key))
    await storage.set('key', { head: 'head', body: Buffer.from('body') })
    const stranger = openStorage(t, backend, encrypt(randomBytes(32)))
    const failed = { code: 'ERR_CACHE_DECRYPT_FAILED' }
    await assert.rejects(async () => stranger.get('key'), failed)
    const [listed] = await Array.fromAsync(stranger.heads())
    assert.throws(() => listed?.head, failed)
    await stranger.set('key', { head: 'head', body: Buffer.from('theirs') })
    await assert.rejects(async () => storage.get('key'), failed)
    await storage.clear()
  })

  test('a wrong serializer is refused at once, and nothing is connected', () => {
    assert.throws(
      () => openers[backend.name](backend.url, `${backend.prefix}none`, 'pickle' as never),
      { name: 'TypeError', message: /'serializer' must be 'native'/ },
    )
  })
})
