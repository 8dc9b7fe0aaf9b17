/** Options of the backends on a network. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import {
  DynamoDbCache,
  GridFSCache,
  MongoCache,
  RedisCache,
  type BaseCache,
} from '../../lib/index.ts'
import { findServer } from '../networked/servers.ts'
import { setUp, type Checks } from './desk.ts'

const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
const record = { head: 'head', body: Buffer.from('body') }

function freshName(): string {
  return `parity-${process.pid}-${Math.trunc(performance.now() * 1000)}`
}

/** It is closed after the test, however that ends. */
function closed<T extends BaseCache>(t: TestContext, cache: T): T {
  t.after(() => cache.close())
  return cache
}

export const serverChecks: Checks = {
  '`RedisCache(namespace, host, port, …)`, `connection`': async (t) => {
    const { url, skip } = await findServer('redis')
    if (skip !== false) return t.skip(skip)
    const { hostname: host, port } = new URL(url)
    const cacheName = freshName()
    const connection = new Redis(url)
    t.after(() => connection.disconnect())
    const given = { connection, commandTimeout: 60_000 }
    const own = { host, port: Number(port), commandTimeout: 60_000 }
    const outer = closed(t, new RedisCache(cacheName, own))
    // Theirs takes the keys of `ns:x` for those of `ns`.
    const inner = closed(t, new RedisCache(`${cacheName}:x`, given))
    const pattern = closed(t, new RedisCache(`${cacheName}[*]`, given))
    for (const cache of [outer, inner, pattern]) await cache.responses.set('key', record)
    await outer.clear()
    assert.deepEqual([await outer.size(), await inner.size(), await pattern.size()], [0, 1, 1])
    for (const cache of [inner, pattern]) {
      await cache.clear()
      await cache.close()
    }
    assert.equal(await connection.ping(), 'PONG', 'a client that was handed in stays open')
  },

  '`ttl`, `ttl_offset`': async (t) => {
    const { url, skip } = await findServer('redis')
    if (skip !== false) return t.skip(skip)
    const client = new Redis(url)
    t.after(() => client.disconnect())
    const cache = closed(t, new RedisCache(freshName(), { connection: client }))
    const { ask } = await setUp(t, { backend: cache, storageTimeout: 60_000 })
    const lived = async (key: string): Promise<number> => {
      const [name] = await client.keys(`*${key}*`)
      return client.pttl(name!)
    }
    const never = await ask('/never')
    const hour = await ask('/hour', { expireAfter: '1h' })
    await cache.flush()
    assert.equal(await lived(never.info!.key!), -1, 'theirs goes after an hour')
    const left = await lived(hour.info!.key!)
    // A second more than the lifetime: the clocks of several machines are never quite the same.
    assert.ok(left > 3_500_000 && left <= 3_601_000, `${left}`)
    await cache.clear()
  },

  '`MongoCache(db_name, host)`, `GridFSCache(db_name)`': async (t) => {
    const { url, skip } = await findServer('mongodb')
    if (skip !== false) return t.skip(skip)
    const cacheName = freshName()
    const client = new MongoClient(url, { retryWrites: false })
    t.after(() => client.close())
    const connection = client
    for (const cache of [
      new MongoCache(cacheName, { url, retryWrites: false, operationTimeout: 60_000 }),
      new GridFSCache(`${cacheName}-files`, { connection, operationTimeout: 60_000 }),
    ]) {
      closed(t, cache)
      await cache.responses.set('key', record)
      assert.equal(await cache.size(), 1)
      await cache.clear()
      await cache.close()
    }
    await client.db('admin').command({ ping: 1 })
    // Theirs leaves these options out without a word.
    const auth = { username: 'user', password: 'secret' }
    assert.throws(() => new MongoCache(cacheName, { auth, authMechanism: 'NONE-SUCH' }))
  },

  '`cache.set_ttl()`, `cache.get_ttl()`': async (t) => {
    const { url, skip } = await findServer('mongodb')
    if (skip !== false) return t.skip(skip)
    const name = freshName()
    const client = new MongoClient(url, { retryWrites: false })
    t.after(() => client.close())
    const cache = closed(t, new MongoCache(name, { connection: client, operationTimeout: 60_000 }))
    const at = Date.now() + 3_600_000
    await cache.responses.set('hour', { ...record, expiresAt: at })
    await cache.responses.set('never', record)
    const documents = client.db(name).collection('responses')
    const dates = await documents.find({}, { projection: { expiresAt: 1 } }).toArray()
    const byKey = new Map(dates.map((each) => [String(each._id), each['expiresAt'] as unknown]))
    assert.deepEqual([byKey.get('hour'), byKey.get('never')], [new Date(at), undefined])
    await cache.clear()
  },

  '`DynamoDbCache(table_name, create_table, region_name, endpoint_url, profile_name, aws_access_key_id, …)`':
    async (t) => {
      const { url: endpoint, skip } = await findServer('dynamodb')
      if (skip !== false) return t.skip(skip)
      const cacheName = freshName()
      const region = 'eu-central-1'
      const own = { region, endpoint, credentials, operationTimeout: 60_000 }
      const cache = closed(t, new DynamoDbCache(cacheName, { ...own, createTable: true }))
      // More than a page of a scan, which has a megabyte: theirs reads the first one only.
      const body = Buffer.alloc(300_000, 'x')
      await cache.responses.setMany(
        Array.from({ length: 8 }, (_, nth) => [`key-${nth}`, { head: '', body }] as const),
      )
      assert.equal(await cache.size(), 8)
      await cache.clear()
      assert.equal(await cache.size(), 0)
      const client = new DynamoDBClient({ region, endpoint, credentials, profile: 'none' })
      const connection = client
      const absent = new DynamoDbCache(`${cacheName}-absent`, { connection, createTable: false })
      await assert.rejects(async () => absent.responses.get('key'))
      client.destroy()
    },
}
