/** Servers that cannot, or will not, make the index by which MongoDB removes what has expired. */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { MongoClient, type Collection, type IndexDescriptionInfo } from 'mongodb'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { GridFSCache } from '../../lib/backends/mongodb/gridfs-cache.ts'
import { MongoCache } from '../../lib/backends/mongodb/mongo-cache.ts'
import { attempt } from '../../lib/testing/storage-check.ts'
import type { Server } from '../services/server.ts'
import { startMongo } from '../services/servers.ts'
import { reasonToSkip } from './harmed-server.ts'

const hour = 3_600_000

describe('the index of MongoDB', { skip: reasonToSkip('mongodb') }, () => {
  let server: Server
  let client: MongoClient
  before(async () => {
    server = await startMongo()
    client = new MongoClient(server.url)
  })
  after(async () => {
    await client.close()
    await server.stop()
  })

  const open = (
    t: TestContext,
    cacheName: string,
    Cache: typeof MongoCache | typeof GridFSCache = MongoCache,
  ): BaseCache => {
    const cache = new Cache(cacheName, { url: server.url, appName: cacheName })
    t.after(() => cache.close())
    return cache
  }
  const documents = (name: string): Collection<{ _id: string }> =>
    client.db(name).collection('responses')

  /** Makes the server fail `createIndexes` of one cache, as often as `mode` says. */
  const failIndexes = async (
    t: TestContext,
    appName: string,
    mode: 'alwaysOn' | { times: number },
    data: object,
  ): Promise<void> => {
    const admin = client.db('admin')
    const failPoint = { configureFailPoint: 'failCommand' }
    await admin.command({
      ...failPoint,
      mode,
      data: { failCommands: ['createIndexes'], appName, ...data },
    })
    t.after(() => admin.command({ ...failPoint, mode: 'off' }))
  }

  // These before those of refusals, of which the process is told once.
  for (const [trouble, data] of [
    ['cannot be reached', { closeConnection: true }],
    ['is no primary any more', { errorCode: 10_107 }],
    ['shuts down', { errorCode: 91 }],
  ] as const) {
    test(`a server that ${trouble} has not refused it`, async (t) => {
      const warnings = watchWarnings(t)
      const name = `unreachable-${trouble.replaceAll(' ', '-')}`
      // The driver tries some of it a second time.
      await failIndexes(t, name, { times: 2 }, data)
      const { responses } = open(t, name)
      await assert.rejects(async () => {
        for (let n = 0; n < 2; n++) await responses.set('a', recordOf('a', Date.now() + hour))
      })
      // Tried anew with each write, and made with one of the next.
      while ((await attempt(() => responses.set('a', recordOf('a')))) !== undefined) {
        await later(50)
      }
      assert.equal((await responses.get('a'))?.head, 'a')
      const [index] = await ttlIndexes(documents(name))
      assert.equal(index?.expireAfterSeconds, 0)
      assert.equal(responses.traits.expires, true)
      assert.deepEqual(await warnings(), [])
    })
  }

  test('a server that refuses it is told of once, and the cache removes what has expired', async (t) => {
    const warnings = watchWarnings(t)
    await failIndexes(t, 'refused', 'alwaysOn', { errorCode: 67 })
    // Somebody has made another index of that name.
    await documents('other').createIndex({ expiresAt: 1 })
    for (const name of ['refused', 'other']) {
      const cache = open(t, name)
      const { responses } = cache
      for (const key of ['a', 'b']) await responses.set(key, recordOf(key, Date.now() + hour))
      await responses.set('c', recordOf('c', Date.now() + 2 * hour))
      await responses.set('d', recordOf('d'))
      assert.equal((await responses.get('a'))?.head, 'a')
      assert.equal(responses.traits.expires, false)
      assert.deepEqual(await ttlIndexes(documents(name)), [])
      assert.equal(await cache.prune(Date.now() + hour + 1_000), 2)
      assert.deepEqual((await Array.fromAsync(responses.keys())).toSorted(), ['c', 'd'])
    }
    const told = await warnings()
    assert.equal(told.length, 1)
    assert.equal(told[0]?.name, 'CacheWarning')
    assert.match(told[0].message, /MongoDB refuses an index, .+failCommand/)
  })

  test('GridFS does without indexes, too', async (t) => {
    await failIndexes(t, 'bucket', 'alwaysOn', { errorCode: 67 })
    const { responses } = open(t, 'bucket', GridFSCache)
    await responses.set('a', recordOf('a', Date.now() + hour))
    assert.equal((await responses.get('a'))?.head, 'a')
    assert.equal(await responses.deleteExpired(Date.now() + 2 * hour, 10), 1)
  })
})

function recordOf(head: string, expiresAt?: number): StoredRecord {
  return { head, body: Buffer.from('body'), expiresAt }
}

async function ttlIndexes(documents: Collection<{ _id: string }>): Promise<IndexDescriptionInfo[]> {
  const indexes = await documents.indexes()
  return indexes.filter(({ expireAfterSeconds }) => expireAfterSeconds !== undefined)
}

/** Of the process, from now on; given once those that are under way have come. */
function watchWarnings(t: TestContext): () => Promise<Error[]> {
  const warnings: Error[] = []
  const heard = (warning: Error): unknown => warnings.push(warning)
  process.on('warning', heard)
  t.after(() => process.off('warning', heard))
  return async () => {
    await later(1)
    return warnings.filter(({ name }) => name === 'CacheWarning')
  }
}
