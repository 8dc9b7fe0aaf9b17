/** A cache on each server that answers, opened as a user would: by class and address. */
import { describe, test, type TestContext } from 'node:test'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { DynamoDbCache } from '../../lib/backends/dynamodb/dynamodb-cache.ts'
import { GridFSCache } from '../../lib/backends/mongodb/gridfs-cache.ts'
import { MongoCache } from '../../lib/backends/mongodb/mongo-cache.ts'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { localDynamo, type BackendName } from './backend-names.ts'
import { openServerView, type ServerView } from './server-views.ts'
import { findServer } from './servers.ts'

// A machine that is busy is not what is tested here. (Redis has its driver's word for it.)
const patient = { operationTimeout: 60_000 }
const redis = { commandTimeout: 60_000 }
// SecantusDB looks through all writes of the last half hour that could be repeated, at each write.
const mongo = { ...patient, retryWrites: false }

const openers: Readonly<Record<BackendName, (url: string, cacheName: string) => BaseCache>> = {
  redis: (url, cacheName) => new RedisCache(cacheName, { ...redis, url }),
  'redis-cluster': (url, cacheName) => new RedisCache(cacheName, { ...redis, cluster: [url] }),
  mongodb: (url, cacheName) => new MongoCache(cacheName, { ...mongo, url }),
  gridfs: (url, cacheName) => new GridFSCache(cacheName, { ...mongo, url }),
  dynamodb: (endpoint, cacheName) =>
    new DynamoDbCache(cacheName, { ...patient, ...localDynamo, endpoint }),
}

/** One more cache of that name, with a connection of its own. */
export function openCache(backend: BackendName, url: string, cacheName: string): BaseCache {
  return openers[backend](url, cacheName)
}

/** A backend whose server answers. */
export interface Backend {
  readonly name: BackendName
  readonly url: string
  /** What every name of these tests begins with; whatever has it is removed at the end. */
  readonly prefix: string
  /** The same server by the database's own client. */
  readonly server: ServerView
  readonly open: (cacheName: string) => BaseCache
  /** The same, and it is closed after the test. */
  readonly openFor: (t: TestContext, cacheName: string) => BaseCache
}

/** Tests of the long waits, and with the large numbers, are for nights and not for each change. */
export const slow: boolean = process.env['CACHE_TEST_SLOW'] === '1'

/** Registers tests for each of these backends; one without a server is skipped, and says why. */
export async function describeBackends(
  backends: readonly BackendName[],
  register: (backend: Backend) => void,
): Promise<void> {
  // All of them first: a test that runs already may keep the loop busy for longer than one waits.
  const found = await Promise.all(
    backends.map(async (name) => {
      const { url, skip } = await findServer(name === 'gridfs' ? 'mongodb' : name)
      return { name, url, skip }
    }),
  )
  for (const { name, url, skip } of found) {
    if (skip === false) describe(name, () => register(openBackend(name, url)))
    else test(name, { skip }, () => {})
  }
}

/** A backend on a server that answers, for the tests of this process. */
export function openBackend(name: BackendName, url: string): Backend {
  const started = Math.trunc(performance.timeOrigin) % 1e6
  const prefix = `t${process.pid}x${started}${name.at(-1)}`
  const open = (cacheName: string): BaseCache => openCache(name, url, cacheName)
  const openFor = (t: TestContext, cacheName: string): BaseCache => {
    const cache = open(cacheName)
    t.after(() => cache.close())
    return cache
  }
  return { name, url, prefix, server: openServerView(name, url, prefix), open, openFor }
}
