/** Records expire on the servers themselves: each at its own instant, never early. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { MongoClient } from 'mongodb'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { backendNames, localDynamo } from './backend-names.ts'
import { describeBackends, slow } from './open-caches.ts'
import type { ServerView } from './server-views.ts'

const hour = 3_600_000
/** What a Date of JavaScript can be at the most. */
const lastInstant = 8.64e15
/** What a date of some databases, or of their drivers, can be; what has none does not expire. */
const farEnough = Date.UTC(9999, 0)
/** SecantusDB and DynamoDB Local look for what has expired about once a minute. */
const removedWithin = 75_000

await describeBackends(backendNames, ({ name, prefix, server, openFor }) => {
  // Redis and MongoDB count milliseconds, the TTL of DynamoDB seconds.
  const unit = name === 'dynamodb' ? 1_000 : 1
  const roundedUp = (instant: number): number => Math.ceil(instant / unit) * unit

  test('the server knows the instant of each record', async (t) => {
    const { responses } = openFor(t, `${prefix}instants`)
    const at = Date.now() + hour
    const [whole, fraction, next] = [at - (at % 1_000), at + 0.4, at + 1]
    await responses.set('a', recordOf('<whole>', whole))
    await responses.set('b', recordOf('<fraction>', fraction))
    await responses.set('c', recordOf('<never>'))
    await responses.set('d', recordOf('<was never>'))
    await responses.set('d', recordOf('<set again>', next))
    await responses.set('e', recordOf('<had an end>', at))
    await responses.set('e', recordOf('<has none>'))
    await responses.setMany([
      ['f', recordOf('<one of many>', next)],
      ['g', recordOf('<without end among many>')],
    ])
    await responses.set('h', recordOf('<of old>', at))
    assert.ok(await responses.replaceHead('h', '<of old>', { head: '<put off>', expiresAt: next }))
    await responses.set('i', recordOf('<until then>', at))
    assert.ok(await responses.replaceHead('i', '<until then>', { head: '<for good>' }))
    await responses.set('j', recordOf('<for ever>'))
    assert.ok(await responses.replaceHead('j', '<for ever>', { head: '<ends>', expiresAt: at }))

    const found = await instantsOf(server, `${prefix}instants`)
    const expected = {
      '<whole>': whole,
      '<fraction>': roundedUp(fraction),
      '<never>': undefined,
      '<set again>': roundedUp(next),
      '<has none>': undefined,
      '<one of many>': roundedUp(next),
      '<without end among many>': undefined,
      '<put off>': roundedUp(next),
      '<for good>': undefined,
      '<ends>': roundedUp(at),
    }
    // Redis counts from when it is told, with the slack that it is given.
    const latest = name.startsWith('redis') ? 10_000 : 0
    assert.deepEqual(Object.keys(found).toSorted(), Object.keys(expected).toSorted())
    for (const [head, instant] of Object.entries(expected)) {
      if (instant === undefined) assert.equal(found[head], undefined, head)
      else assert.ok(found[head]! >= instant && found[head]! <= instant + latest, head)
    }
  })

  test('an instant beyond the last Date is not an early one', async (t) => {
    const { responses } = openFor(t, `${prefix}far`)
    const beyond = lastInstant + 30 * 24 * hour
    await responses.set('a', recordOf('<last>', lastInstant))
    await responses.set('b', recordOf('<beyond>', beyond))
    await responses.set('c', recordOf('<soon>', Date.now() + hour))
    const moved = { head: '<moved beyond>', expiresAt: beyond }
    assert.ok(await responses.replaceHead('c', '<soon>', moved))
    const found = await instantsOf(server, `${prefix}far`)
    assert.deepEqual(Object.keys(found).toSorted(), ['<beyond>', '<last>', '<moved beyond>'])
    for (const [head, at] of Object.entries(found)) {
      assert.ok(at === undefined || at >= farEnough, `${head} goes at ${at}`)
    }
    assert.equal(await responses.deleteExpired(Date.now(), 10), 0)
    for await (const { head, expiresAt } of responses.heads()) {
      assert.ok(expiresAt === undefined || expiresAt >= farEnough, `${head}: ${expiresAt}`)
    }
  })

  const waits = name.startsWith('redis') || name === 'gridfs' || slow
  const skip = waits ? false : 'takes a minute; CACHE_TEST_SLOW=1 runs it'
  test('what has expired is removed, and nothing else', { skip }, async (t) => {
    const { responses } = openFor(t, `${prefix}removed`)
    const end = Date.now() + 700
    await responses.set('soon', recordOf('<soon>', end))
    await responses.set('put off', recordOf('<short>', end))
    const putOff = { head: '<put off>', expiresAt: end + hour }
    assert.ok(await responses.replaceHead('put off', '<short>', putOff))
    await responses.set('for good', recordOf('<for now>', end))
    assert.ok(await responses.replaceHead('for good', '<for now>', { head: '<for good>' }))
    await responses.set('late', recordOf('<late>', end + hour))
    await responses.set('never', recordOf('<never>'))

    const limit = performance.now() + removedWithin
    for (let gone = false; !gone; await later(unit === 1 ? 5 : 500)) {
      assert.ok(performance.now() < limit, 'it is still there')
      // Nothing but the cache itself removes what is in GridFS.
      if (name === 'gridfs') await responses.deleteExpired(Date.now(), 10)
      const found = await instantsOf(server, `${prefix}removed`)
      gone = !('<soon>' in found)
      if (gone) assert.ok(Date.now() >= end, 'it went early')
      const left = Object.keys(found).filter((head) => head !== '<soon>')
      assert.deepEqual(left.toSorted(), ['<for good>', '<late>', '<never>', '<put off>'])
    }
    assert.equal(await responses.get('soon'), undefined)
  })
})

await describeBackends(['mongodb', 'gridfs'], ({ name, url, prefix, openFor }) => {
  test('an index removes documents at their date, but no files, whose chunks would stay', async (t) => {
    const { responses, redirects } = openFor(t, `${prefix}index`)
    await responses.set('a', recordOf('a'))
    await redirects.set('a', recordOf('a'))
    const client = new MongoClient(url)
    t.after(() => client.close())
    const found: Record<string, number | undefined> = {}
    for (const collection of await client.db(`${prefix}index`).collections()) {
      for (const { key, expireAfterSeconds } of await collection.indexes()) {
        if ('expiresAt' in key) found[collection.collectionName] = expireAfterSeconds
        else assert.equal(expireAfterSeconds, undefined, collection.collectionName)
      }
    }
    const expected =
      name === 'mongodb'
        ? { redirects: 0, responses: 0 }
        : { 'redirects.heads': undefined, 'responses.heads': undefined }
    assert.deepEqual(found, expected)
  })
})

await describeBackends(['gridfs'], ({ prefix, server, openFor }) => {
  test('the files of what has expired are swept, with all of their chunks', async (t) => {
    const { responses } = openFor(t, `${prefix}swept`)
    const end = Date.now() + hour
    const body = Buffer.alloc(600_000, 'b')
    const keys = Array.from({ length: 5 }, (_, i) => `k${i}`)
    await responses.setMany(keys.map((key) => [key, { head: '', body, expiresAt: end }]))
    await responses.set('late', { head: '', body, expiresAt: end + 1 })
    const count = async (): Promise<number> => (await server.records(`${prefix}swept`)).length
    const each = (await count()) / 6
    assert.ok(each >= 3, 'a head, a file and its chunks')
    assert.equal(await responses.deleteExpired(end - 1, 10), 0)
    assert.equal(await count(), each * 6)
    assert.equal(await responses.deleteExpired(end, 3), 3)
    assert.equal(await count(), each * 3)
    assert.equal(await responses.deleteExpired(end, 3), 2)
    assert.equal(await count(), each)
    assert.deepEqual(Buffer.from((await responses.get('late'))!.body), body)
  })
})

await describeBackends(['dynamodb'], ({ url, prefix, openFor }) => {
  test('TTL is switched on, by the attribute that the items have', async (t) => {
    await openFor(t, `${prefix}ttl`).responses.set('a', recordOf('a', Date.now() + hour))
    const client = new DynamoDBClient({ ...localDynamo, endpoint: url })
    t.after(() => client.destroy())
    const described = await client.send(
      new DescribeTimeToLiveCommand({ TableName: `${prefix}ttl` }),
    )
    const { AttributeName, TimeToLiveStatus = '' } = described.TimeToLiveDescription ?? {}
    assert.equal(AttributeName, 'ttl')
    assert.match(TimeToLiveStatus, /^ENABL(?:ED|ING)$/)
  })
})

function recordOf(head: string, expiresAt?: number): StoredRecord {
  return { head, body: Buffer.from('body'), expiresAt }
}

/** When the server removes each record, by their heads. */
async function instantsOf(
  server: ServerView,
  cacheName: string,
): Promise<Record<string, number | undefined>> {
  const found: Record<string, number | undefined> = {}
  for (const { text, expiresAt } of await server.records(cacheName)) {
    const head = /<[^>]+>/.exec(text)?.[0]
    if (head !== undefined) found[head] = expiresAt
  }
  return found
}
