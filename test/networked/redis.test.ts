import { after, test } from 'node:test'
import { Cluster, Redis } from 'ioredis'
import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import type { RedisClient } from '../../lib/backends/redis/redis-storage.ts'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { testCache, testStorage } from '../../lib/testing/index.ts'
import { findServer } from './servers.ts'

const kinds = [
  { name: 'redis', connect: (url: string) => new Redis(url, { keyPrefix: 'own[*]:' }) },
  { name: 'redis-cluster', connect: (url: string) => new Cluster([url]) },
] as const

for (const { name, connect } of kinds) {
  const { url, skip } = await findServer(name)
  if (skip !== false) {
    test(name, { skip }, () => {})
    continue
  }
  const client = connect(url)
  after(() => client.quit())
  const connection = client as unknown as RedisClient
  const run = `test-${process.pid}-${Date.now()}`
  const names = new WeakMap<object, string>()
  let opened = 0
  const open = (cacheName: string): RedisCache => {
    const cache = new RedisCache(cacheName, { connection })
    names.set(cache, cacheName).set(cache.responses, cacheName)
    return cache
  }
  const storage = (cacheName: string): BaseStorage => open(cacheName).responses

  testStorage(`RedisStorage on ${name}`, () => storage(`${run}:${opened++}`), {
    reopen: (given) => storage(names.get(given)!),
  })
  testCache(`RedisCache on ${name}`, () => open(`${run}:${opened++}`), {
    reopen: (given) => open(names.get(given)!),
  })
}
