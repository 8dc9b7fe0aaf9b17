import { setTimeout as later } from 'node:timers/promises'
import { loadDriver } from '../backends/load-driver.ts'
import { RedisStorage, type RedisClient } from '../backends/redis.ts'
import type { Ms } from '../units.ts'
import { BaseCache } from './base-cache.ts'
import { cacheArguments } from './cache-arguments.ts'

/** Besides these, everything that ioredis itself takes: `host`, `port`, `password`, `tls`, … */
export interface RedisCacheOptions {
  /** Namespace of the keys. Default `http_cache`. */
  readonly cacheName?: string | undefined
  /** A client that is ready; it is neither closed nor changed. */
  readonly connection?: RedisClient | undefined
  /** `redis://…`, in the place of `host` and `port`. */
  readonly url?: string | undefined
  /** Some nodes of a Redis Cluster. */
  readonly cluster?: readonly ({ host: string; port: number } | string)[] | undefined
  readonly [option: string]: unknown
}

interface OwnClient extends RedisClient {
  on(event: 'error', listener: () => void): unknown
  quit(): Promise<unknown>
  disconnect(): void
}

interface RedisDriver {
  readonly Redis: new (...parameters: unknown[]) => OwnClient
  readonly Cluster: new (nodes: unknown, options: object) => OwnClient
}

const quitWithin: Ms = 1_000

// What is asked of a server that is down fails soon, and is tried again with the next request.
const ownDefaults = {
  enableAutoPipelining: true,
  lazyConnect: true,
  maxRetriesPerRequest: 1,
  connectTimeout: 2_000,
  commandTimeout: 10_000,
}

/** A cache in Redis or Valkey: one node, Sentinel or Cluster. */
export class RedisCache extends BaseCache {
  override readonly responses: RedisStorage
  override readonly redirects: RedisStorage
  readonly #own: OwnClient | undefined

  /** @throws CacheError ERR_CACHE_DRIVER_MISSING */
  constructor(cacheName?: string | RedisCacheOptions, given?: RedisCacheOptions) {
    super()
    const { cacheName: namespace, options } = cacheArguments(cacheName, given)
    const { connection, ...own } = options as RedisCacheOptions
    this.#own = connection === undefined ? connect(own) : undefined
    const client = connection ?? this.#own!
    this.responses = new RedisStorage(client, namespace, 'responses')
    this.redirects = new RedisStorage(client, namespace, 'redirects')
  }

  protected override async disconnect(): Promise<void> {
    if (this.#own === undefined) return
    // A server that does not answer does not say goodbye, either.
    const patience = new AbortController()
    const goodbye = this.#own.quit().catch(() => {})
    await Promise.race([goodbye, later(quitWithin, undefined, { signal: patience.signal })])
    patience.abort()
    this.#own.disconnect()
  }
}

function connect({ url, cluster, ...options }: RedisCacheOptions): OwnClient {
  const { Redis, Cluster } = loadDriver('redis', 'ioredis') as RedisDriver
  const all = { ...ownDefaults, ...options }
  let client: OwnClient
  if (cluster !== undefined) {
    const { enableAutoPipelining, lazyConnect, ...redisOptions } = all
    client = new Cluster(cluster, { enableAutoPipelining, lazyConnect, redisOptions })
  } else {
    client = url === undefined ? new Redis(all) : new Redis(url, all)
  }
  // Each command that fails is told of where it was given; ioredis prints what nobody listens to.
  client.on('error', () => {})
  return client
}
