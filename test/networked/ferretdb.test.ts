/** A server that reads no two collections at once, and knows no index that deletes. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { MongoClient } from 'mongodb'
import { request } from 'undici'
import type { BaseStorage, StoredRecord } from '../../lib/storage/base-storage.ts'
import { GridFSCache } from '../../lib/backends/mongodb/gridfs-cache.ts'
import { MongoCache } from '../../lib/backends/mongodb/mongo-cache.ts'
import { testStorage } from '../../lib/testing/index.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { findServer } from './servers.ts'

const { url, skip } = await findServer('ferretdb')
const prefix = `ferret-${process.pid}-${Date.now() % 100_000}`

if (skip === false) {
  const client = new MongoClient(url, { maxPoolSize: 4 })
  const database = client.db(prefix)
  after(async () => {
    await database.dropDatabase()
    await client.close()
  })
  let opened = 0
  const open = (): BaseStorage => {
    const options = { connection: database, operationTimeout: 30_000 }
    return new MongoCache(`${opened++}`, options).responses
  }
  // Of GridFS, which takes a minute for hundreds of files, what is different here comes below.
  testStorage('the storage of MongoCache on ferretdb', open, { records: 60 })
}

test('gridfs on ferretdb: what is read in two steps is one record', { skip }, async (t) => {
  const cache = new GridFSCache(`${prefix}-two`, { url, operationTimeout: 30_000 })
  t.after(() => cache.close())
  const { responses } = cache
  const long = Buffer.alloc(600_000, 'long')
  const recordOf = (n: number): StoredRecord & { body: Buffer } => ({
    head: `${n}`,
    body: long.subarray(0, n * 99_000),
  })
  for (let n = 0; n < 7; n++) {
    // An empty body has no file, the longest ones have several chunks.
    await responses.set('a', recordOf(n))
    const found = await responses.get('a')
    assert.equal(found?.head, `${n}`)
    assert.ok(recordOf(n).body.equals(found.body))
  }
  // What is replaced meanwhile is read anew.
  const writing = Promise.all([1, 2, 3, 4, 5].map(async (n) => responses.set('a', recordOf(n))))
  for (let read = 0; read < 10; read++) {
    const found = await responses.get('a')
    assert.equal(found?.body.byteLength, Number(found?.head) * 99_000)
  }
  await writing
  assert.equal(await responses.replaceHead('a', 'none', { head: 'x' }), false)
  assert.equal(await responses.delete('a'), true)
  assert.equal(await responses.get('a'), undefined)
  await responses.setMany([
    ['b', { ...recordOf(1), expiresAt: 1 }],
    ['c', recordOf(2)],
  ])
  assert.equal(await responses.deleteExpired(2, 10), 1)
  assert.equal(await responses.size(), 1)
  await cache.clear()
})
const body = Buffer.alloc(2_500_000, 'body ')

for (const backend of ['mongodb', 'gridfs'] as const) {
  test(
    `${backend} on ferretdb: requests are hits, and twenty who store at once succeed`,
    { skip },
    async (t) => {
      const origin = await startOrigin(t, ({ path }, response) =>
        response.end(path === '/long' ? body : path),
      )
      const cacheName = `${prefix}-${backend}`
      const { agent, caching } = cachedAgent(t, {
        backend,
        cacheName,
        backendOptions: { url, operationTimeout: 30_000 },
        storageTimeout: 30_000,
      })
      const ask = async (path: string): Promise<boolean> => {
        const response = await request(origin.url + path, { dispatcher: agent })
        const got = Buffer.from(await response.body.arrayBuffer())
        assert.ok(got.equals(path === '/long' ? body : Buffer.from(path)))
        return String(response.headers['cache-status']).includes('; hit')
      }
      for (const path of ['/short', '/long']) {
        assert.equal(await ask(path), false)
        await caching.cache.flush()
        assert.equal(await ask(path), true)
      }
      const { responses } = caching.cache
      const record = { head: 'head', body: Buffer.from('body') }
      await Promise.all(Array.from({ length: 20 }, async () => responses.set('same', record)))
      assert.equal((await responses.get('same'))?.head, 'head')
      await caching.cache.clear()
    },
  )
}
