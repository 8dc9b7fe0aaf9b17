/** What the two caches in MongoDB have in common: a database of ours, or one that is handed in. */
import { loadDriver } from '../../storage/load-driver.ts'
import type {
  Ask,
  MongoCollection,
  MongoConnection,
  MongoDatabase,
  OwnMongoConnection,
} from './mongo-connection.ts'
import { prepared } from '../../storage/prepared.ts'
import { ServerClock } from './server-clock.ts'
import { PendingOperations } from '../../storage/pending-operations.ts'
import { WriteQueue } from '../../storage/write-queue.ts'
import { invalidOption } from '../../errors.ts'
import type { Serializer } from '../../serializers/serializer.ts'
import { cacheArguments, checkTimeout } from '../cache-arguments.ts'
import type { MongoCacheOptions } from './mongo-options.ts'

export type { MongoConnection } from './mongo-connection.ts'
export type { MongoCacheOptions } from './mongo-options.ts'

/** The package `mongodb`, as far as it is used here. */
export interface MongoDriver {
  readonly MongoClient: new (url: string, options: object) => OwnMongoConnection
  readonly GridFSBucket: new (database: MongoDatabase, options: object) => unknown
}

/** A database, and how to part from it. */
export interface OpenedDatabase {
  readonly driver: MongoDriver
  readonly database: MongoDatabase
  /** What the names of the cache's collections begin with. */
  readonly prefix: string
  readonly ask: Ask
  readonly clock: ServerClock
  readonly writes: WriteQueue
  readonly serializer: Serializer | undefined
  /** Of what is under way, and of our own client; one that was handed in stays open. */
  readonly close: () => Promise<void>
}

// The driver has a hundred connections, and a server that is slow gets no faster by all of them.
const writeLimits = { atOnce: 16, bytesAtOnce: 16 * 2 ** 20 }

// The driver would look for a server for half a minute, with every request anew.
const ownDefaults = {
  serverSelectionTimeoutMS: 1_000,
  connectTimeoutMS: 2_000,
  // How soon a server is used again that is back.
  heartbeatFrequencyMS: 1_000,
}

/**
 * Connects with the first operation, not here.
 * @throws CacheError ERR_CACHE_DRIVER_MISSING; TypeError where there cannot be such a name
 */
export function openDatabase(
  alias: string,
  first: string | MongoCacheOptions | undefined,
  second: MongoCacheOptions | undefined,
): OpenedDatabase {
  const { cacheName, options } = cacheArguments(first, second)
  const { connection, operationTimeout = 5_000, serializer, ...own } = options as MongoCacheOptions
  checkTimeout('operationTimeout', operationTimeout)
  const waiting = new PendingOperations('MongoDB', operationTimeout)
  if (connection !== undefined && 'collection' in connection) {
    const ask = asking(connection.client, waiting)
    const named = typeof first === 'string' || (first ?? second)?.cacheName !== undefined
    if (named) checkPrefix(cacheName, connection.databaseName)
    return {
      driver: loadDriver(alias, 'mongodb') as MongoDriver,
      database: connection,
      prefix: named ? `${cacheName}.` : '',
      ask,
      clock: clockOf(connection, ask),
      writes: new WriteQueue('MongoDB', writeLimits),
      serializer,
      close: async () => waiting.close(),
    }
  }
  checkDatabase(cacheName)
  const driver = loadDriver(alias, 'mongodb') as MongoDriver
  const client = connection === undefined ? createClient(driver, own) : undefined
  const database = (connection ?? client!).db(cacheName)
  const ask = client === undefined ? asking(connection!, waiting) : askingOwn(client, waiting)
  return {
    driver,
    database,
    prefix: '',
    ask,
    clock: clockOf(database, ask),
    writes: new WriteQueue('MongoDB', writeLimits),
    serializer,
    async close() {
      waiting.close()
      await client?.close()
    },
  }
}

function createClient(driver: MongoDriver, options: MongoCacheOptions): OwnMongoConnection {
  const { url = 'mongodb://127.0.0.1:27017', ...others } = options
  return new driver.MongoClient(url, { ...ownDefaults, ...others })
}

// What a server says of itself when it is greeted, which everybody may do.
function clockOf(database: MongoDatabase, ask: Ask): ServerClock {
  return new ServerClock(async () => {
    try {
      const greeting = await ask(() => database.command({ hello: 1 }))
      return (greeting as { localTime?: unknown }).localTime
    } catch (error) {
      if (!isRefusal(error)) throw error
      return undefined
    }
  })
}

/** Asks a client that is somebody else's: what it does about outages is its own affair. */
function asking(client: Pick<MongoConnection, 'connect'>, waiting: PendingOperations): Ask {
  // Left to itself, a client that once found no server would not look for one again.
  const connected = prepared(() => client.connect())
  return (command) => waiting.for(() => connected().then(command))
}

/** Asks a client of ours: nothing, while it is known that there is no server. */
function askingOwn(client: OwnMongoConnection, waiting: PendingOperations): Ask {
  const connect = async (): Promise<void> => {
    await client.connect()
    // From now on the driver looks after them all the time, asked or not.
    client.on('topologyDescriptionChanged', ({ newDescription }) => {
      const servers = [...newDescription.servers.values()]
      const { error } = servers.find((server) => server.error !== null) ?? {}
      if (servers.some(({ type }) => type !== 'Unknown')) waiting.accept()
      else if (error) waiting.refuse(error)
    })
  }
  return asking({ connect }, waiting)
}

/** A collection whose values come as they are read here, whatever its client prefers. */
export function openCollection(
  { database, prefix }: OpenedDatabase,
  name: string,
): MongoCollection {
  const values = { raw: false, promoteValues: true, promoteLongs: true, useBigInt64: false }
  return database.collection(prefix + name, { ...values, promoteBuffers: true })
}

/** @returns false where the server refuses the index: it is done without */
export async function createIndex(
  ask: Ask,
  collection: MongoCollection,
  keys: Record<string, 1>,
  options: object = {},
): Promise<boolean> {
  try {
    await ask(() => collection.createIndex(keys, options))
    return true
  } catch (error) {
    if (!isRefusal(error)) throw error
    warnOnce(error as Error)
    return false
  }
}

// What the servers of a replica set say while they cannot do what they would otherwise: not the
// primary (any more), shutting down, out of time or reach; and that they do not know the user.
const passing = new Set([
  6, 7, 11, 18, 50, 89, 91, 134, 189, 202, 262, 9001, 10107, 11600, 11602, 13435, 13436, 13388,
])

// What does not come from a server has no number.
function isRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'number' && !passing.has(code)
}

let warned = false

function warnOnce(error: Error): void {
  if (warned) return
  warned = true
  const message = `MongoDB refuses an index, the cache deletes what has expired itself: ${error.message}`
  process.emitWarning(message, { type: 'CacheWarning' })
}

function checkDatabase(name: string): void {
  if (!/[/\\. "$*<>:|?\0]/.test(name) && Buffer.byteLength(name) <= 63) return
  const expected =
    'a name for a database: at most 63 bytes, none of / \\ . " $ * < > : | ? or space'
  throw invalidOption('cacheName', expected, name)
}

const longestCollection = '.responses.chunks'
const longestNamespace = 255

function checkPrefix(name: string, database: string): void {
  const bytes = longestNamespace - Buffer.byteLength(`${database}.${longestCollection}`)
  // No part of a name is empty, none is `system`.
  const odd = /[$\0]|^\.|\.\.|\.$|(?:^|\.)system(?:\.|$)/.test(name)
  if (!odd && Buffer.byteLength(name) <= bytes) return
  const expected = `a name for collections: at most ${bytes} bytes, no $, no part between dots that is empty or 'system'`
  throw invalidOption('cacheName', expected, name)
}
