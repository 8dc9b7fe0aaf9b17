/** Where requests-cache forgets, keeps or breaks on a server (defects 1, 10 and 12): not so here. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'
import { BaseCache, DynamoDbCache, RedisCache } from '../../lib/index.ts'
import { setUp } from '../coming-from-requests-cache/desk.ts'
import { findServer } from '../networked/servers.ts'

const { url, skip } = await findServer('redis')
const dynamodb = await findServer('dynamodb')
const patient = { commandTimeout: 60_000 }
const freshName = (): string => `parity-${process.pid}-${Math.trunc(performance.now() * 1000)}`

describe('Redis', { skip }, () => {
  test('what never expires has no end, what has expired is not copied, and redirects have one', async (t) => {
    const source = new BaseCache()
    const { ask, url: urlOf } = await setUp(t, { backend: source })
    await ask('/never')
    await ask('/hour', { expireAfter: '1h' })
    await ask('/old', { expireAfter: '1h' })
    const [response] = await Array.fromAsync(source.filter({ urls: [urlOf('/hour')] }))
    const record = await source.responses.get(response!.key)
    // Hours ago: theirs gives it a time to live of less than nothing, which is for ever.
    await source.responses.set('long-ago', { ...record!, expiresAt: Date.now() - 7_200_000 })

    const name = freshName()
    const cache = new RedisCache(name, { ...patient, url })
    t.after(() => cache.close())
    const { unreadable } = await cache.update(source)
    assert.equal(unreadable, 0)
    const client = new Redis(url)
    t.after(() => client.disconnect())
    const lives: number[] = []
    for (const key of await client.keys(`*${name}*`)) lives.push(await client.pttl(key))
    assert.equal(lives.length, 4, 'two responses, a redirect and where it leads')
    assert.equal(lives.filter((ms) => ms === -1).length, 1)
    for (const ms of lives) assert.ok(ms === -1 || (ms > 3_000_000 && ms <= 3_601_000), `${ms}`)
    await cache.clear()
    assert.deepEqual(await client.keys(`*${name}*`), [])
  })
})

test('Redis is down: the origin answers, in no more than the budget', async (t) => {
  // A port that nobody listens on.
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  const backend = new RedisCache(freshName(), { host: '127.0.0.1', port })
  t.after(() => backend.close())
  const codes: string[] = []
  const { hits } = await setUp(t, {
    backend,
    storageTimeout: 200,
    onError: ({ code }) => codes.push(code),
  })
  // A URL of its own each: what waits to be written answers from this process's memory.
  assert.deepEqual(await hits('/', '/other', '/old'), [false, false, false])
  assert.ok(codes.length > 0 && codes.every((code) => code.startsWith('ERR_CACHE_STORAGE_')))
})

describe('DynamoDB', { skip: dynamodb.skip }, () => {
  test('bodies of more than an item, redirects, and listings of more than a page', async (t) => {
    const name = freshName()
    const open = (): DynamoDbCache => {
      const cache = new DynamoDbCache(name, {
        endpoint: dynamodb.url,
        region: 'eu-central-1',
        credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
        operationTimeout: 60_000,
      })
      t.after(() => cache.close())
      return cache
    }
    const first = open()
    const { ask, hits, origin } = await setUp(t, { backend: first, storageTimeout: 60_000 })
    for (const path of ['/1', '/2', '/old']) await ask(path)
    const body = Buffer.alloc(200_000, 'x')
    const keys = Array.from({ length: 12 }, (_, nth) => `key-${nth}`)
    await first.responses.setMany(keys.map((key) => [key, { head: '', body }]))
    assert.equal((await Array.fromAsync(first.responses.keys())).length, keys.length + 3)
    assert.equal(await first.responses.deleteMany(keys), keys.length)
    assert.deepEqual(await hits('/1'), [true])
    await first.close()
    const second = open()
    const there = await setUp(t, { backend: second, storageTimeout: 60_000 }, origin)
    assert.deepEqual(await there.hits('/2', '/old'), [true, true])
    await second.clear()
  })
})
