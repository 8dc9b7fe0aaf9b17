import { after, test } from 'node:test'
import { MongoClient } from 'mongodb'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { GridFSCache } from '../../lib/cache/gridfs-cache.ts'
import { MongoCache } from '../../lib/cache/mongo-cache.ts'
import type { MongoConnection } from '../../lib/cache/mongo-database.ts'
import { testCache, testStorage } from '../../lib/testing/index.ts'
import { findServer } from './servers.ts'

const { url, skip } = await findServer('mongodb')
const kinds = { MongoCache, GridFSCache }

for (const [name, Cache] of Object.entries(kinds)) {
  if (skip !== false) {
    test(name, { skip }, () => {})
    continue
  }
  const client = new MongoClient(url)
  const run = `test-${name}-${process.pid}-${Date.now() % 100_000}`
  const names = new WeakMap<object, string>()
  let opened = 0
  const connection = client as unknown as MongoConnection
  const open = (cacheName: string): BaseCache => {
    const cache = new Cache(cacheName, { connection })
    names.set(cache, cacheName).set(cache.responses, cacheName)
    return cache
  }
  after(async () => {
    for (let n = 0; n < opened; n++) await client.db(`${run}-${n}`).dropDatabase()
    await client.close()
  })

  testStorage(`the storage of ${name}`, () => open(`${run}-${opened++}`).responses, {
    reopen: (given) => open(names.get(given)!).responses,
  })
  testCache(name, () => open(`${run}-${opened++}`), {
    reopen: (given) => open(names.get(given)!),
  })
}
