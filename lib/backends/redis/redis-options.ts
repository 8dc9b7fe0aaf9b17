import type { RedisClient } from './redis-connection.ts'
import type { SerializerOption } from '../../serializers/serializer.ts'
import type { Ms } from '../../units.ts'

/** A server. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/**
 * The options of ioredis that are used most, and ours. All others of its `RedisOptions`, and of its
 * `ClusterOptions` with `cluster`, are handed on as they are.
 */
export interface RedisCacheOptions extends SerializerOption {
  /** Namespace of the keys. Default `http_cache`. */
  readonly cacheName?: string | undefined
  /** A client that is ready, `Redis` or `Cluster`; it is neither closed nor changed. */
  readonly connection?: RedisClient | undefined
  /** `redis://user:password@host:port/db`, or `rediss://…` for TLS; wins over what it says again. */
  readonly url?: string | undefined
  /** Default `localhost`. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  /** A Unix socket, in the place of `host` and `port`. */
  readonly path?: string | undefined
  /** IP version of `host`: 4, 6, or 0 for both. Default 0. */
  readonly family?: number | undefined
  /** Of an access control list (Redis 6). */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Number of the database; a Cluster has none but 0. Default 0. */
  readonly db?: number | undefined
  /** Options of `tls.connect()`; `{}` is TLS as Node does it by default. */
  readonly tls?: object | undefined

  /** Some nodes of a Redis Cluster, as addresses or URLs; the others are found through them. */
  readonly cluster?: readonly (RedisAddress | string)[] | undefined
  /** Cluster: which nodes are read; a replica may not have yet what was just stored. Default `'master'`. */
  readonly scaleReads?: 'master' | 'slave' | 'all' | undefined
  /** Cluster, Sentinel: addresses that the servers give away, and where they are from here. */
  readonly natMap?:
    | Readonly<Record<string, RedisAddress>>
    | ((address: string) => RedisAddress | null)
    | undefined
  /** Cluster: how names are resolved; `(name, callback) => callback(null, name)` leaves it to TLS. */
  readonly dnsLookup?:
    | ((name: string, callback: (error: Error | null, address: string) => void) => void)
    | undefined
  /** Cluster: options of each node that differ from those given here. */
  readonly redisOptions?: Readonly<Record<string, unknown>> | undefined

  /** Some Sentinels; `name` has to be given, too. */
  readonly sentinels?: readonly Partial<RedisAddress>[] | undefined
  /** Sentinel: the name of the master that they watch. */
  readonly name?: string | undefined
  readonly sentinelUsername?: string | undefined
  /** Of the Sentinels; `password` is that of the servers. */
  readonly sentinelPassword?: string | undefined
  /** Options of `tls.connect()` for the Sentinels. */
  readonly sentinelTLS?: object | undefined
  /** Sentinel: whether to connect to the master or to a replica, which can only be read. Default `'master'`. */
  readonly role?: 'master' | 'slave' | undefined

  /** Put before every key, the namespace included. */
  readonly keyPrefix?: string | undefined
  /** What the server calls our connections in `CLIENT LIST`. */
  readonly connectionName?: string | undefined
  /** How long a connection may take to be made. Default 2000. */
  readonly connectTimeout?: Ms | undefined
  /** How long a command may take, its waiting for a connection included. Default 5000. */
  readonly commandTimeout?: Ms | undefined
  /** After how long without a byte a connection on which answers are due is given up. Default 5000. */
  readonly socketTimeout?: Ms | undefined
  /** First probe of an idle connection. Default 30000. */
  readonly keepAlive?: Ms | undefined
  /** Delay before the next attempt to connect; by default 50 ms, doubled each time up to 1000. */
  readonly retryStrategy?: ((times: number) => Ms | null) | undefined
  /** How often a command is sent anew after its connection broke. Default 1. */
  readonly maxRetriesPerRequest?: number | null | undefined
  /**
   * Whether the driver puts the commands of one turn of the loop together. Default true with
   * `cluster`, otherwise false: they are written at once anyway.
   */
  readonly enableAutoPipelining?: boolean | undefined
  readonly [option: string]: unknown
}
