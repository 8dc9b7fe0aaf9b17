import type { BaseStorage } from '../../storage/base-storage.ts'
import { loadDriver } from '../../storage/load-driver.ts'
import {
  asking,
  askingOwn,
  inDatabase,
  linkOf,
  type Ask,
  type OwnRedisClient,
} from './redis-connection.ts'
import { RedisStorage } from './redis-storage.ts'
import { PendingOperations } from '../../storage/pending-operations.ts'
import { serialized } from '../../serializers/serializer.ts'
import { monotonicNow } from '../../timers.ts'
import type { Ms } from '../../units.ts'
import { BaseCache } from '../../cache/base-cache.ts'
import { cacheArguments, checkTimeout } from '../cache-arguments.ts'
import type { RedisCacheOptions } from './redis-options.ts'

export type { RedisCacheOptions } from './redis-options.ts'

interface RedisDriver {
  readonly Redis: new (...parameters: unknown[]) => OwnRedisClient
  readonly Cluster: new (nodes: unknown, options: object) => OwnRedisClient
}

const patience: Ms = 5_000
const longestRetryDelay: Ms = 1_000
const betweenReconnects: Ms = 10_000

/** A cache in Redis or Valkey: one node, Sentinel or Cluster. */
export class RedisCache extends BaseCache {
  override readonly responses: BaseStorage
  override readonly redirects: BaseStorage
  readonly #clients: OwnRedisClient[] = []
  readonly #waiting: PendingOperations[] = []

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING */
  constructor(cacheName?: string | RedisCacheOptions, given?: RedisCacheOptions) {
    super()
    const { cacheName: namespace, options } = cacheArguments(cacheName, given)
    const {
      connection,
      commandTimeout = patience,
      serializer,
      ...own
    } = options as RedisCacheOptions
    checkTimeout('commandTimeout', commandTimeout)
    const newPending = (): PendingOperations => {
      const waiting = new PendingOperations('Redis', commandTimeout)
      this.#waiting.push(waiting)
      return waiting
    }
    const askOwn = (): Ask => {
      const client = createClient(own)
      this.#clients.push(client)
      return inDatabase(askingOwn(client, newPending()), client.options.db)
    }
    const link =
      connection === undefined
        ? linkOf(askOwn(), askOwn())
        : linkOf(asking(connection, newPending()))
    const open = (name: string): BaseStorage =>
      serialized(new RedisStorage(link, namespace, name), serializer)
    this.responses = open('responses')
    this.redirects = open('redirects')
  }

  protected override async disconnect(): Promise<void> {
    for (const waiting of this.#waiting) waiting.close()
    for (const client of this.#clients) client.disconnect()
  }
}

function createClient({ url, cluster, ...options }: RedisCacheOptions): OwnRedisClient {
  const { Redis, Cluster } = loadDriver('redis', 'ioredis') as RedisDriver
  const node = { ...nodeDefaults(), ...options }
  if (cluster !== undefined) {
    const redisOptions = { ...node, enableAutoPipelining: false, ...options.redisOptions }
    return new Cluster(cluster, { ...clusterDefaults, ...options, redisOptions })
  }
  return url === undefined ? new Redis(node) : new Redis(url, node)
}

const clientDefaults = {
  lazyConnect: true,
  // A server that is loading its data says so to each command; the driver would wait for it.
  enableReadyCheck: false,
}

function nodeDefaults(): object {
  let reconnectedAt = -Infinity
  return {
    ...clientDefaults,
    // What was under way when a connection broke is sent once more on the next.
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
    disconnectTimeout: 500,
    // A machine that is gone does not end its connections.
    socketTimeout: patience,
    sentinelCommandTimeout: 2_000,
    retryStrategy: (times: number) => Math.min(25 * 2 ** times, longestRetryDelay),
    // What was the master when we connected may be a replica by now, and the name lead elsewhere.
    reconnectOnError: (error: Error): boolean => {
      if (!error.message.startsWith('READONLY')) return false
      const now = monotonicNow()
      if (now - reconnectedAt < betweenReconnects) return false
      reconnectedAt = now
      return true
    },
  }
}

const clusterDefaults = {
  ...clientDefaults,
  // Of one node what is asked in a turn of the loop is written at once anyway.
  enableAutoPipelining: true,
  // A node that is gone, or slots that nobody has, are not waited for.
  retryDelayOnFailover: 0,
  retryDelayOnClusterDown: 0,
}
