/** The seven backends as a program tries them: under a name of its own, which is removed again. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackendAlias, CacheOptions } from '../../lib/index.ts'

/** A backend, and the server that it needs. */
export interface Backend {
  readonly alias: BackendAlias
  /** As docker-compose.yml and `npm run services` call it; undefined where none is needed. */
  readonly server?: string
  /** @param name of the cache, which nobody else uses @param url of the server */
  readonly place: (name: string, url: string) => Promise<Place>
}

/** Where a cache is kept for as long as it is tried. */
export interface Place {
  /** What a user would write to have it there. */
  readonly options: Pick<CacheOptions, 'backend' | 'cacheName' | 'backendOptions'>
  /** What it takes there; undefined where nothing is kept. */
  bytesAtRest(): Promise<number | undefined>
  /** Removes all that is there. */
  remove(): Promise<void>
  /** Parts from the server, whatever state that is in. */
  close(): Promise<void>
}

/** As the README lists them. */
export const backends: readonly Backend[] = [
  { alias: 'sqlite', place: async (name) => placeInFolder('sqlite', name) },
  { alias: 'filesystem', place: async (name) => placeInFolder('filesystem', name) },
  { alias: 'memory', place: async () => nowhere },
  { alias: 'redis', server: 'redis', place: placeInRedis },
  { alias: 'mongodb', server: 'mongodb', place: (...at) => placeInMongo('mongodb', ...at) },
  { alias: 'gridfs', server: 'mongodb', place: (...at) => placeInMongo('gridfs', ...at) },
  { alias: 'dynamodb', server: 'dynamodb', place: placeInDynamo },
]

const nowhere: Place = {
  options: { backend: 'memory' },
  bytesAtRest: async () => undefined,
  async remove() {},
  async close() {},
}

async function placeInFolder(backend: 'sqlite' | 'filesystem', name: string): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  // However this program ends.
  process.on('exit', remove)
  return {
    options: { backend, cacheName: join(folder, 'cache') },
    async bytesAtRest() {
      const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      return files
        .filter((file) => file.isFile())
        .reduce((sum, { parentPath, name: file }) => sum + statSync(join(parentPath, file)).size, 0)
    },
    async remove() {
      remove()
    },
    async close() {
      remove()
      process.off('exit', remove)
    },
  }
}

// Drivers are loaded for the backends that are tried, and no others: they take a while.

async function placeInRedis(cacheName: string, url: string): Promise<Place> {
  const { Redis } = await import('ioredis')
  const patience = { maxRetriesPerRequest: 1, connectTimeout: 2_000, commandTimeout: 5_000 }
  // What is wrong with the connection is told by the command that needs it.
  const client = new Redis(url, { lazyConnect: true, ...patience }).on('error', () => {})
  const keys = (): AsyncIterable<string[]> => client.scanStream({ match: `${cacheName}:*` })
  return {
    options: { backend: 'redis', cacheName, backendOptions: { url } },
    async bytesAtRest() {
      const bytes = new Map<string, number>()
      for await (const page of keys()) {
        for (const key of page) bytes.set(key, (await client.memory('USAGE', key)) ?? 0)
      }
      return [...bytes.values()].reduce((sum, each) => sum + each, 0)
    },
    async remove() {
      for await (const page of keys()) if (page.length > 0) await client.unlink(page)
    },
    async close() {
      client.disconnect()
    },
  }
}

async function placeInMongo(
  backend: 'mongodb' | 'gridfs',
  cacheName: string,
  url: string,
): Promise<Place> {
  const { MongoClient } = await import('mongodb')
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 2_000 })
  const database = client.db(cacheName)
  return {
    options: { backend, cacheName, backendOptions: { url } },
    async bytesAtRest() {
      return Number((await database.stats())['dataSize'])
    },
    async remove() {
      await database.dropDatabase()
    },
    close: () => client.close(),
  }
}

/** DynamoDB Local takes any credentials, and keeps the tables of each apart. */
export const localDynamo = {
  region: 'local',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
} as const

async function placeInDynamo(cacheName: string, endpoint: string): Promise<Place> {
  const { DeleteTableCommand, DescribeTableCommand, DynamoDBClient } =
    await import('@aws-sdk/client-dynamodb')
  const client = new DynamoDBClient({ ...localDynamo, endpoint })
  const table = { TableName: cacheName }
  return {
    options: { backend: 'dynamodb', cacheName, backendOptions: { ...localDynamo, endpoint } },
    async bytesAtRest() {
      // DynamoDB Local counts at once, the cloud every six hours.
      return (await client.send(new DescribeTableCommand(table))).Table?.TableSizeBytes
    },
    async remove() {
      await client.send(new DeleteTableCommand(table))
    },
    async close() {
      client.destroy()
    },
  }
}
