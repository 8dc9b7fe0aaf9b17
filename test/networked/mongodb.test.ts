import { after, test } from 'node:test'
import { MongoClient } from 'mongodb'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { GridFSCache } from '../../lib/backends/mongodb/gridfs-cache.ts'
import { MongoCache } from '../../lib/backends/mongodb/mongo-cache.ts'
import { testCache, testStorage } from '../../lib/testing/index.ts'
import { findServer } from './servers.ts'

const { url, skip } = await findServer('mongodb')
const kinds = { MongoCache, GridFSCache }

for (const [name, Cache] of Object.entries(kinds)) {
  if (skip !== false) {
    test(name, { skip }, () => {})
    continue
  }
  // SecantusDB looks through all writes that may be sent again with each of them, and writes that
  // meet wait for each other the longer the more they are. The second client is another process's.
  const [client, other] = [1, 2].map(
    () => new MongoClient(url, { maxPoolSize: 1, retryWrites: false }),
  ) as [MongoClient, MongoClient]
  // One for all: each database costs it as much as a hundred operations.
  const database = `test-${process.pid}-${Date.now() % 100_000}-${name}`
  const names = new WeakMap<object, string>()
  let opened = 0
  const open = (cacheName: string, on = client): BaseCache => {
    const cache = new Cache(cacheName, { connection: on.db(database), operationTimeout: 30_000 })
    names.set(cache, cacheName).set(cache.responses, cacheName)
    return cache
  }
  after(async () => {
    await client.db(database).dropDatabase()
    await Promise.all([client.close(), other.close()])
  })

  testStorage(`the storage of ${name}`, () => open(`${opened++}`).responses, {
    reopen: (given) => open(names.get(given)!, other).responses,
    // More than one page: a page has 500.
    records: 510,
  })
  testCache(name, () => open(`${opened++}`), {
    reopen: (given) => open(names.get(given)!, other),
  })
}
