/** What the two caches in MongoDB have in common: a database of ours, or one that is handed in. */
import { loadDriver } from '../backends/load-driver.ts'
import type { MongoCollection, MongoDatabase } from '../backends/mongodb.ts'
import { invalidOption } from '../errors.ts'
import { cacheArguments } from './cache-arguments.ts'

/** A `MongoClient` of the driver. */
export interface MongoConnection {
  db(name: string): MongoDatabase
}

/** Besides these, everything that `MongoClient` itself takes. */
export interface MongoCacheOptions {
  /** Name of the database. Default `http_cache`. */
  readonly cacheName?: string | undefined
  /** A `MongoClient` or `Db` that is ready; it is neither closed nor changed. */
  readonly connection?: MongoConnection | MongoDatabase | undefined
  /** Default `mongodb://127.0.0.1:27017`. */
  readonly url?: string | undefined
  readonly [option: string]: unknown
}

/** The package `mongodb`, as far as it is used here. */
export interface MongoDriver {
  readonly MongoClient: new (
    url: string,
    options: object,
  ) => MongoConnection & { close(): Promise<void> }
  readonly GridFSBucket: new (database: MongoDatabase, options: object) => unknown
}

/** A database, and how to part from it. */
export interface OpenedDatabase {
  readonly driver: MongoDriver
  readonly database: MongoDatabase
  /** Of our own client; nothing where it was handed in. */
  readonly close: () => Promise<void>
}

// The driver would look for a server for half a minute, with every request anew.
const ownDefaults = { serverSelectionTimeoutMS: 1_000, connectTimeoutMS: 2_000 }

/** Connects with the first operation, not here. @throws CacheError ERR_CACHE_DRIVER_MISSING */
export function openDatabase(
  alias: string,
  first: string | MongoCacheOptions | undefined,
  second: MongoCacheOptions | undefined,
): OpenedDatabase {
  const { cacheName, options } = cacheArguments(first, second)
  const { connection, url = 'mongodb://127.0.0.1:27017', ...own } = options as MongoCacheOptions
  checkName(cacheName)
  const driver = loadDriver(alias, 'mongodb') as MongoDriver
  const nothing = async (): Promise<void> => {}
  if (connection !== undefined) {
    const database = 'collection' in connection ? connection : connection.db(cacheName)
    return { driver, database, close: nothing }
  }
  const client = new driver.MongoClient(url, { ...ownDefaults, ...own })
  return { driver, database: client.db(cacheName), close: () => client.close() }
}

/** Drops documents after their `expiresAt`; a server that refuses is done without. */
export async function createTtlIndex(collection: MongoCollection): Promise<boolean> {
  try {
    await collection.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })
    return true
  } catch (error) {
    // Nothing to do with the index where the server cannot be reached: the next use tries again.
    if ((error as { code?: unknown }).code === undefined) throw error
    warnOnce(error as Error)
    return false
  }
}

let warned = false

function warnOnce(error: Error): void {
  if (warned) return
  warned = true
  process.emitWarning(
    `MongoDB makes no TTL index, expired responses are removed by us: ${error.message}`,
    {
      type: 'CacheWarning',
    },
  )
}

function checkName(name: string): void {
  if (!/[/\\. "$*<>:|?\0]/.test(name) && Buffer.byteLength(name) <= 63) return
  const expected =
    'a name for a database: at most 63 bytes, none of / \\ . " $ * < > : | ? or space'
  throw invalidOption('cacheName', expected, name)
}
