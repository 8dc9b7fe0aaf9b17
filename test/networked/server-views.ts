/**
 * What is on a server, as the database's own client shows it: not what our storages say. Of all of
 * it only what belongs to the tests of one process, whose names begin alike.
 */
import { after } from 'node:test'
import {
  DeleteTableCommand,
  DynamoDBClient,
  paginateListTables,
  paginateScan,
} from '@aws-sdk/client-dynamodb'
import { Cluster, Redis } from 'ioredis'
import { MongoClient, type Collection, type Document } from 'mongodb'
import { localDynamo, type BackendName } from './backend-names.ts'

/** A key, a document, an item. */
export interface ServerRecord {
  /** Where it is. */
  readonly id: string
  /** All that is in it, bytes as Latin-1. */
  readonly text: string
  /** When the server removes it, as far as it does; undefined: never. */
  readonly expiresAt: number | undefined
}

export interface ServerView {
  /** Everything there is of ours, or of the cache of that name. */
  records(cacheName?: string): Promise<ServerRecord[]>
}

/** @param prefix of everything that is ours; it is removed after the tests */
export function openServerView(backend: BackendName, url: string, prefix: string): ServerView {
  const all = openers[backend](url, prefix)
  return {
    records: async (cacheName = prefix) => (await all()).filter(({ id }) => id.includes(cacheName)),
  }
}

type ReadAll = () => Promise<ServerRecord[]>

const openers: Readonly<Record<BackendName, (url: string, prefix: string) => ReadAll>> = {
  redis: (url, prefix) => viewRedis(new Redis(url, { lazyConnect: true }), prefix),
  'redis-cluster': (url, prefix) => viewRedis(new Cluster([url], { lazyConnect: true }), prefix),
  mongodb: viewMongo,
  gridfs: viewMongo,
  dynamodb: viewDynamo,
}

function viewRedis(client: Redis | Cluster, prefix: string): ReadAll {
  const keys = async (): Promise<string[]> => {
    // A Cluster knows its masters once it is connected.
    await client.ping()
    const found = new Set<string>()
    for (const node of client instanceof Cluster ? client.nodes('master') : [client]) {
      const stream = node.scanStream({ match: `*${prefix}*`, count: 1_000 })
      for await (const page of stream) for (const key of page as string[]) found.add(key)
    }
    return [...found]
  }
  after(async () => {
    for (const key of await keys()) await client.unlink(key)
    client.disconnect()
  })
  // Records that belong together are a hash.
  const textOfKey = async (id: string): Promise<string | undefined> => {
    if ((await client.type(id)) === 'hash') {
      return textOf(await client.hvalsBuffer(id))
    }
    return (await client.getBuffer(id))?.toString('latin1')
  }
  return async () => {
    const read = async (id: string): Promise<ServerRecord[]> => {
      const [expiry, text] = await Promise.all([client.pexpiretime(id), textOfKey(id)])
      if (text === undefined) return []
      return [{ id, text, expiresAt: expiry < 0 ? undefined : expiry }]
    }
    return (await Promise.all((await keys()).map(read))).flat()
  }
}

function viewMongo(url: string, prefix: string): ReadAll {
  const client = new MongoClient(url)
  const databases = async (): Promise<string[]> => {
    const { databases: all } = await client.db().admin().listDatabases({ nameOnly: true })
    return all.map(({ name }) => name).filter((name) => name.startsWith(prefix))
  }
  // What is in a file of GridFS is in another collection.
  const textOfFile = async (files: Collection, { _id }: Document): Promise<string> => {
    const name = files.collectionName.replace(/\.files$/, '.chunks')
    if (name === files.collectionName) return ''
    const chunks = client.db(files.dbName).collection(name).find({ files_id: _id })
    return (await chunks.map((chunk) => textOf(chunk)).toArray()).join('')
  }
  after(async () => {
    for (const name of await databases()) await client.db(name).dropDatabase()
    await client.close()
  })
  return async () => {
    const found: ServerRecord[] = []
    for (const database of await databases()) {
      for (const collection of await client.db(database).collections()) {
        for await (const document of collection.find({}, { promoteBuffers: true })) {
          const id = `${database} ${collection.collectionName} ${String(document._id)}`
          const text = textOf(document) + (await textOfFile(collection, document))
          found.push({ id, text, expiresAt: document['expiresAt']?.getTime() })
        }
      }
    }
    return found
  }
}

function viewDynamo(endpoint: string, prefix: string): ReadAll {
  const client = new DynamoDBClient({ ...localDynamo, endpoint })
  const tables = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { TableNames = [] } of paginateListTables({ client }, {})) {
      found.push(...TableNames.filter((name) => name.startsWith(prefix)))
    }
    return found
  }
  after(async () => {
    for (const TableName of await tables()) await client.send(new DeleteTableCommand({ TableName }))
    client.destroy()
  })
  return async () => {
    const found: ServerRecord[] = []
    for (const TableName of await tables()) {
      const pages = paginateScan({ client }, { TableName, ConsistentRead: true })
      for await (const { Items = [] } of pages) {
        for (const { key, ttl, ...rest } of Items) {
          const values = Object.values(rest).map(({ B, S, N }) => textOf([B ?? S ?? N]))
          const expiresAt = ttl === undefined ? undefined : Number(ttl.N) * 1_000
          found.push({ id: `${TableName} ${key?.S}`, text: values.join(' '), expiresAt })
        }
      }
    }
    return found
  }
}

function textOf(values: object): string {
  const texts = Object.values(values).map((value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value),
  )
  return texts.join(' ')
}
