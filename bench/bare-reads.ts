/** What a program does that reads a record with nothing but the driver: the floor of every hit. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { BackendAlias } from '../lib/index.ts'
import { loadDriver } from '../lib/storage/load-driver.ts'
import type { SqliteDriver } from '../lib/backends/sqlite/sqlite-file.ts'
import { localDynamo } from '../test/try-backends/backends.ts'

/** The driver's own connection, and how it reads. */
export interface BareReads {
  /** By the names of the calls; hits are compared with the first. */
  readonly reads: Readonly<Record<string, (key: string) => unknown>>
  close(): unknown
}

/** Opens what `SQLiteCache` and the others keep responses in. @param url of the server */
export type BareReader = (cacheName: string, url: string) => Promise<BareReads>

/** Every backend that is measured. Drivers are loaded for those that can be reached only. */
export const bareReaders: Readonly<Record<Exclude<BackendAlias, 'memory'>, BareReader>> = {
  async sqlite(cacheName) {
    // It has no types of its own.
    const Database = loadDriver('sqlite', 'better-sqlite3') as new (path: string) => SqliteDriver
    const database = new Database(`${cacheName}.sqlite`)
    const select = database.prepare('SELECT expires, head, body FROM responses WHERE key = ?')
    return { reads: { get: (key) => select.get(key) }, close: () => database.close() }
  },

  async filesystem(cacheName) {
    const folder = join(cacheName, 'responses')
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    // A file is named by its key, which has no dot, and an ending.
    const paths = new Map(files.map((file) => [parse(file).name, join(folder, file)]))
    return { reads: { readFileSync: (key) => readFileSync(paths.get(key)!) }, close() {} }
  },

  async redis(cacheName, url) {
    const { Redis } = await import('ioredis')
    const client = new Redis(url)
    return {
      reads: { getBuffer: (key) => client.getBuffer(`${cacheName}:responses:${key}`) },
      close: () => client.quit(),
    }
  },

  async mongodb(cacheName, url) {
    const { MongoClient } = await import('mongodb')
    const client = new MongoClient(url)
    const responses = client.db(cacheName).collection<{ _id: string }>('responses')
    return {
      reads: { findOne: (key) => responses.findOne({ _id: key }) },
      close: () => client.close(),
    }
  },

  async gridfs(cacheName, url) {
    const { GridFSBucket, MongoClient } = await import('mongodb')
    const client = new MongoClient(url)
    const database = client.db(cacheName)
    const heads = database.collection<{ _id: string; file: string }>('responses.heads')
    const chunks = database.collection('responses.chunks')
    const bucket = new GridFSBucket(database, { bucketName: 'responses' })
    const fileOf = async (key: string): Promise<string> => (await heads.findOne({ _id: key }))!.file
    return {
      reads: {
        async 'findOne, find chunks'(key) {
          const found = chunks.find({ files_id: await fileOf(key) }, { sort: { n: 1 } })
          return found.toArray()
        },
        async 'findOne, bucket download'(key) {
          // The ids are texts, for which the driver's types have no room.
          const stream = bucket.openDownloadStream((await fileOf(key)) as never)
          return Buffer.concat(await stream.toArray())
        },
      },
      close: () => client.close(),
    }
  },

  async dynamodb(cacheName, endpoint) {
    const { DynamoDBClient, GetItemCommand } = await import('@aws-sdk/client-dynamodb')
    const client = new DynamoDBClient({ ...localDynamo, endpoint })
    const input = (key: string): ConstructorParameters<typeof GetItemCommand>[0] => ({
      TableName: cacheName,
      Key: { key: { S: `responses:${key}` } },
      ConsistentRead: true,
    })
    return {
      reads: { GetItem: (key) => client.send(new GetItemCommand(input(key))) },
      close: () => client.destroy(),
    }
  },
}
