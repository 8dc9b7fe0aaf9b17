/** What each operation costs on DynamoDB, counted by the server: the table of the README. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { request } from 'undici'
import type { DynamoDbClient } from '../../lib/backends/dynamodb/dynamodb-table.ts'
import { DynamoDbCache } from '../../lib/backends/dynamodb/dynamodb-cache.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { localDynamo } from './backend-names.ts'
import { findServer } from './servers.ts'

const { url, skip } = await findServer('dynamodb')
const pages = 60
const page = Buffer.alloc(10_000, 'page')
// A page with its header lines: three reads of 4 KB, eleven or twelve writes of 1 KB.
const pageReads = 3
const mostPageWrites = 12

interface Units {
  reads: number
  writes: number
  scans: number
}

interface Sent {
  readonly input: { ReturnConsumedCapacity?: string }
}

interface Consumed {
  readonly CapacityUnits?: number
}

/** A client that adds up what the server says it has consumed. */
function counting(client: DynamoDBClient) {
  const units: Units = { reads: 0, writes: 0, scans: 0 }
  const send = async (command: Sent, options: object): Promise<unknown> => {
    const name = command.constructor.name
    if (/Item|Scan/.test(name)) command.input.ReturnConsumedCapacity = 'TOTAL'
    const answer = (await client.send(command as never, options)) as {
      ConsumedCapacity?: Consumed | Consumed[]
    }
    const consumed = [answer.ConsumedCapacity ?? []].flat()
    const sum = consumed.reduce((all, { CapacityUnits = 0 }) => all + CapacityUnits, 0)
    if (/^(?:Get|Scan)/.test(name)) units.reads += sum
    else units.writes += sum
    if (name.startsWith('Scan')) units.scans++
    return answer
  }
  const connection = { config: client.config, send, destroy: () => {} }
  return { units, connection: connection as unknown as DynamoDbClient }
}

test('dynamodb: units of each operation', { skip }, async (t) => {
  const client = new DynamoDBClient({ ...localDynamo, endpoint: url })
  const TableName = `units-${process.pid}-${Date.now()}`
  after(async () => {
    await client.send(new DeleteTableCommand({ TableName }))
    client.destroy()
  })
  const { units, connection } = counting(client)
  const cache = new DynamoDbCache(TableName, { connection })
  t.after(() => cache.close())
  const origin = await startOrigin(t, ({ path }, response) => {
    if (path.startsWith('/vary')) response.setHeader('vary', 'accept-language')
    response.setHeader('etag', '"1"')
    response.end(page)
  })
  const { agent } = cachedAgent(t, { backend: cache, storageTimeout: 30_000 })
  const ask = async (path: string, method: 'GET' | 'POST' = 'GET'): Promise<void> => {
    const { body } = await request(origin.url + path, { dispatcher: agent, method })
    await body.dump()
    await cache.flush()
  }
  const costOf = async (work: () => Promise<unknown>): Promise<Units> => {
    Object.assign(units, { reads: 0, writes: 0, scans: 0 })
    await work()
    await cache.flush()
    return { ...units }
  }
  for (let n = 0; n < pages; n++) await ask(`/${n}`)

  const miss = await costOf(() => ask('/miss'))
  assert.ok(miss.reads <= 3 && miss.writes <= mostPageWrites, JSON.stringify(miss))
  const hit = await costOf(() => ask('/miss'))
  assert.deepEqual(hit, { reads: pageReads, writes: 0, scans: 0 })

  const invalidated = await costOf(() => ask('/miss', 'POST'))
  assert.equal(invalidated.scans, 0)
  assert.ok(invalidated.reads <= 8, JSON.stringify(invalidated))
  assert.ok(invalidated.writes <= mostPageWrites + 6, JSON.stringify(invalidated))

  const deleted = await costOf(() => cache.delete(`${origin.url}/1`))
  assert.equal(deleted.scans, 0)
  assert.ok(deleted.reads <= 20, JSON.stringify(deleted))
  assert.ok(deleted.writes <= mostPageWrites + 6, JSON.stringify(deleted))
  const nothing = await costOf(() => cache.delete(`${origin.url}/none`))
  assert.deepEqual([nothing.scans, nothing.reads <= 10], [0, true], JSON.stringify(nothing))

  // Variants have places of their own, which nobody knows but by a listing.
  await ask('/vary')
  const varying = await costOf(() => cache.delete(`${origin.url}/vary`))
  const whole = (pages * pageReads) / 4
  assert.ok(varying.scans > 0 && varying.reads > whole, JSON.stringify(varying))

  const counted = await costOf(() => cache.size())
  assert.ok(counted.scans > 0 && counted.writes === 0)
  const tagged = await costOf(() => cache.delete({ tags: ['none'] }))
  assert.equal(tagged.writes, 0)
})
