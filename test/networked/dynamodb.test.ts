import { after, test } from 'node:test'
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { DynamoDbClient } from '../../lib/backends/dynamodb/dynamodb-table.ts'
import { DynamoDbCache } from '../../lib/backends/dynamodb/dynamodb-cache.ts'
import { testCache, testStorage } from '../../lib/testing/index.ts'
import { findServer } from './servers.ts'

const { url, skip } = await findServer('dynamodb')
if (skip !== false) {
  test('dynamodb', { skip }, () => {})
} else {
  const client = new DynamoDBClient({
    endpoint: url,
    region: 'local',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  const run = `test-${process.pid}-${Date.now()}`
  const names = new WeakMap<object, string>()
  let opened = 0
  const connection = client as unknown as DynamoDbClient
  const open = (cacheName: string): DynamoDbCache => {
    const cache = new DynamoDbCache(cacheName, { connection })
    names.set(cache, cacheName).set(cache.responses, cacheName)
    return cache
  }
  after(async () => {
    const tables = Array.from({ length: opened }, (_, n) => `${run}-${n}`)
    // A test that failed early has made no table.
    await Promise.allSettled(
      tables.map((TableName) => client.send(new DeleteTableCommand({ TableName }))),
    )
    client.destroy()
  })

  testStorage('DynamoDbStorage', () => open(`${run}-${opened++}`).responses, {
    reopen: (given) => open(names.get(given)!).responses,
    // More than some batches of 25, and than are asked for at once; a page of such small ones has
    // thousands, and is in listing.test.ts.
    records: 200,
  })
  testCache('DynamoDbCache', () => open(`${run}-${opened++}`), {
    reopen: (given) => open(names.get(given)!),
  })
}
