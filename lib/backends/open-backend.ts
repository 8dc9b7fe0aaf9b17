/** Alias → cache. A driver is loaded only when a cache that needs it is made. */
import { CacheError, misuse, nearestName } from '../errors.ts'
import { BaseCache } from '../cache/base-cache.ts'
import type { CacheTuning } from '../cache/tuning.ts'
import { DynamoDbCache, type DynamoDbCacheOptions } from './dynamodb/dynamodb-cache.ts'
import { FileCache, type FileCacheOptions } from './filesystem/file-cache.ts'
import { GridFSCache } from './mongodb/gridfs-cache.ts'
import { MongoCache } from './mongodb/mongo-cache.ts'
import type { MongoCacheOptions } from './mongodb/mongo-database.ts'
import { RedisCache, type RedisCacheOptions } from './redis/redis-cache.ts'
import { SQLiteCache, type SQLiteCacheOptions } from './sqlite/sqlite-cache.ts'

/** Options of each backend's class, by alias. */
export interface BackendOptionsByAlias {
  sqlite: SQLiteCacheOptions
  redis: RedisCacheOptions
  mongodb: MongoCacheOptions
  gridfs: MongoCacheOptions
  dynamodb: DynamoDbCacheOptions
  filesystem: FileCacheOptions
  memory: CacheTuning
}

/** The name of a backend. */
export type BackendAlias = keyof BackendOptionsByAlias
/** Options of some backend. */
export type BackendOptions = BackendOptionsByAlias[BackendAlias]

type Opener = (cacheName: string | undefined, options: object) => BaseCache

const openers: { readonly [Alias in BackendAlias]: Opener } = {
  sqlite: (name, options) => new SQLiteCache(name, options),
  redis: (name, options) => new RedisCache(name, options as RedisCacheOptions),
  mongodb: (name, options) => new MongoCache(name, options as MongoCacheOptions),
  gridfs: (name, options) => new GridFSCache(name, options as MongoCacheOptions),
  dynamodb: (name, options) => new DynamoDbCache(name, options as DynamoDbCacheOptions),
  filesystem: (name, options) => new FileCache(name, options),
  memory: (_name, options) => new BaseCache(options),
}

/**
 * Opens the cache of an alias; without one SQLite, or memory where SQLite cannot be loaded.
 * @throws TypeError ERR_CACHE_BACKEND_UNKNOWN, and what the class throws
 */
export function openBackend(
  alias: string | undefined,
  cacheName: string | undefined,
  options: object = {},
): BaseCache {
  if (alias === undefined) return openDefault(cacheName, options)
  if (!Object.hasOwn(openers, alias)) {
    const known = Object.keys(openers)
    const nearest = nearestName(alias, known)
    const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
    const message = `unknown backend '${alias}'; there are ${known.join(', ')}${hint}`
    throw misuse('ERR_CACHE_BACKEND_UNKNOWN', message)
  }
  return openers[alias as BackendAlias](cacheName, options)
}

function openDefault(cacheName: string | undefined, options: object): BaseCache {
  try {
    return new SQLiteCache(cacheName, options)
  } catch (error) {
    if (!(error instanceof CacheError) || error.code !== 'ERR_CACHE_DRIVER_MISSING') throw error
    // Where it was the serializer's package the memory cache throws the same.
    const { hotTierBytes, maxCacheBytes, serializer } = options as CacheTuning
    const cache = new BaseCache({ hotTierBytes, maxCacheBytes, serializer })
    warnOnce(error)
    return cache
  }
}

let warned = false

function warnOnce(error: CacheError): void {
  if (warned) return
  warned = true
  process.emitWarning(
    `SQLite is not available, responses are cached in memory only: ${error.message}`,
    { type: 'CacheWarning', code: error.code },
  )
}
