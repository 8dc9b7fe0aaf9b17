/**
 * A record an item: storage and key as the partition key, head, body as binary, the instant at which
 * it expires and, for DynamoDB's TTL, the same in seconds. Two storages share a table.
 */
import {
  BaseStorage,
  checkKey,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from '../../storage/base-storage.ts'
import { sleep } from '../../timers.ts'
import type { EpochMs, Ms } from '../../units.ts'
import { torn } from '../../storage/frame.ts'
import { keyAttribute, nameOf, ttlAttribute, type Send } from './dynamodb-table.ts'
import { slicesOf } from '../../storage/slices.ts'
import { unreadableHead } from '../../storage/unreadable-head.ts'
import type { WriteQueue } from '../../storage/write-queue.ts'

/** Where it is none of ours, anything but the key may be missing, or of another type. */
interface Item {
  readonly key: { S: string }
  readonly head?: { S?: string }
  readonly body?: { B?: Uint8Array }
  readonly expiresAt?: { N?: string }
}

interface Page {
  readonly Items?: readonly Item[]
  readonly Count: number
  readonly LastEvaluatedKey?: object
}

interface Unprocessed {
  readonly UnprocessedItems?: Readonly<Record<string, readonly object[]>>
}

// DynamoDB's own limits for one batch.
const batchWrites = 25
// The SDK has 50 connections; what waits for one is not to be too late for that.
const requestsAtOnce = 50
const firstDelay = 50
const retries = 8

/** Where a storage is, and how it reads. */
export interface DynamoDbStorageOptions {
  readonly table: string
  /** Which of the table's storages. */
  readonly name: string
  /** Whether reads see every write that has ended; they cost twice as much. */
  readonly consistentRead: boolean
  /** What is written waits here for its turn. */
  readonly writes: WriteQueue
  /** Milliseconds by which the server's clock is ahead of ours. */
  readonly serverAhead: () => Ms
}

/** Records as items of a table; see the top of the file. */
export class DynamoDbStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: true,
    // DynamoDB holds 400 KB in an item, names and head included.
    maxBodyBytes: 320 * 2 ** 10,
  }
  readonly #send: Send
  readonly #options: DynamoDbStorageOptions
  readonly #prefix: string

  /** @param send sends once the table is ready */
  constructor(send: Send, options: DynamoDbStorageOptions) {
    super()
    this.#send = send
    this.#options = options
    this.#prefix = `${options.name}:`
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    const { Item: item } = await this.#read(key)
    return item === undefined ? undefined : recordOf(item)
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    // The SDK writes later than it is told to, and callers may change what they handed over.
    await this.adopt(key, { ...record, body: Buffer.from(record.body) })
  }

  override async adopt(key: string, record: StoredRecord): Promise<void> {
    const { table, writes } = this.#options
    checkKey(key)
    await writes.write(record.body.byteLength, () =>
      this.#send('PutItem', () => ({ TableName: table, Item: this.#itemOf(key, record) })),
    )
  }

  override async delete(key: string): Promise<boolean> {
    const { table, writes } = this.#options
    const input = { TableName: table, Key: this.#keyOf(key), ReturnValues: 'ALL_OLD' }
    const { Attributes } = await writes.write(0, () =>
      this.#send<{ Attributes?: object }>('DeleteItem', input),
    )
    return Attributes !== undefined
  }

  override async has(key: string): Promise<boolean> {
    const { Item: item } = await this.#read(key, {
      ProjectionExpression: '#key',
      ExpressionAttributeNames: { '#key': keyAttribute },
    })
    return item !== undefined
  }

  override async replaceHead(
    key: string,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    const names = { '#head': 'head', '#expiresAt': 'expiresAt', '#ttl': ttlAttribute }
    const inputOf = (): object => {
      const expiry = expiresAt === undefined ? undefined : this.#expiryOf(expiresAt)
      return {
        TableName: this.#options.table,
        Key: this.#keyOf(key),
        ConditionExpression: '#head = :from',
        UpdateExpression:
          expiry === undefined
            ? 'SET #head = :head REMOVE #expiresAt, #ttl'
            : 'SET #head = :head, #expiresAt = :expiresAt, #ttl = :ttl',
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: {
          ':from': { S: from },
          ':head': { S: head },
          ...(expiry && { ':expiresAt': expiry.expiresAt, ':ttl': expiry[ttlAttribute] }),
        },
      }
    }
    checkKey(key)
    try {
      await this.#send('UpdateItem', inputOf)
      return true
    } catch (error) {
      if (nameOf(error) === 'ConditionalCheckFailedException') return false
      throw error
    }
  }

  override async *keys(): AsyncIterable<string> {
    for await (const { Items = [] } of this.#scan('#key')) {
      for (const item of Items) yield item.key.S.slice(this.#prefix.length)
    }
  }

  override async *heads(): AsyncIterable<StoredHead> {
    for await (const { Items = [] } of this.#scan('#key, #head, #expiresAt')) {
      for (const item of Items) {
        const key = item.key.S.slice(this.#prefix.length)
        const expiresAt = instantOf(item)
        const head = item.head?.S
        yield head === undefined ? unreadableHead(key, expiresAt, torn()) : { key, head, expiresAt }
      }
    }
  }

  override async size(): Promise<number> {
    let count = 0
    for await (const page of this.#scan(undefined)) count += page.Count
    return count
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    // A batch names a key once only: of several records for one the last counts.
    const last = new Map(records)
    const own = Array.from(last, ([key, record]) => {
      checkKey(key)
      return [key, { ...record, body: Buffer.from(record.body) }] as const
    })
    await this.#writeBatches(own, ([key, record]) => ({
      PutRequest: { Item: this.#itemOf(key, record) },
    }))
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    let deleted = 0
    for (const slice of slicesOf([...new Set(keys)], requestsAtOnce)) {
      const found = await Promise.all(slice.map((key) => this.delete(key)))
      deleted += found.filter(Boolean).length
    }
    return deleted
  }

  override async clear(): Promise<void> {
    for await (const { Items = [] } of this.#scan('#key')) {
      await this.#writeBatches(Items, ({ key }) => ({ DeleteRequest: { Key: { key } } }))
    }
  }

  #read(key: string, input: object = {}): Promise<{ Item?: Item }> {
    const { table, consistentRead } = this.#options
    return this.#send('GetItem', {
      TableName: table,
      Key: this.#keyOf(key),
      ConsistentRead: consistentRead,
      ...input,
    })
  }

  /** Every page; `projection` undefined counts only. */
  async *#scan(projection: '#key' | '#key, #head, #expiresAt' | undefined): AsyncIterable<Page> {
    const names = { '#key': keyAttribute, '#head': 'head', '#expiresAt': 'expiresAt' }
    const used = Object.entries(names).filter(([name]) => (projection ?? '#key').includes(name))
    let start: object | undefined
    do {
      const page = await this.#send<Page>('Scan', {
        TableName: this.#options.table,
        ConsistentRead: this.#options.consistentRead,
        FilterExpression: 'begins_with(#key, :prefix)',
        ExpressionAttributeNames: Object.fromEntries(used),
        ExpressionAttributeValues: { ':prefix': { S: this.#prefix } },
        ...(projection === undefined ? { Select: 'COUNT' } : { ProjectionExpression: projection }),
        ...(start !== undefined && { ExclusiveStartKey: start }),
      })
      yield page
      start = page.LastEvaluatedKey
    } while (start !== undefined)
  }

  async #writeBatches<T>(items: readonly T[], requestOf: (item: T) => object): Promise<void> {
    const { table } = this.#options
    for (const batch of slicesOf(items, batchWrites)) {
      let open: readonly object[] | undefined
      for (let attempt = 0; open === undefined || open.length > 0; attempt++) {
        if (attempt === retries) {
          throw new Error(`${open?.length} items of a batch were not written`)
        }
        // What DynamoDB had no room for comes back, to be sent again a little later.
        if (attempt > 0) await sleep(firstDelay * 2 ** attempt)
        const { UnprocessedItems = {} }: Unprocessed = await this.#send('BatchWriteItem', () => ({
          RequestItems: { [table]: open ?? batch.map(requestOf) },
        }))
        open = UnprocessedItems[table] ?? []
      }
    }
  }

  #keyOf(key: string): { key: { S: string } } {
    checkKey(key)
    return { [keyAttribute]: { S: this.#prefix + key } }
  }

  #itemOf(key: string, { head, body, expiresAt }: StoredRecord): object {
    return {
      ...this.#keyOf(key),
      head: { S: head },
      body: { B: body },
      ...(expiresAt !== undefined && this.#expiryOf(expiresAt)),
    }
  }

  // What we look at is by our clock, and what DynamoDB looks at by its own.
  #expiryOf(expiresAt: EpochMs): { expiresAt: { N: string }; ttl: { N: string } } {
    const seconds = Math.ceil((expiresAt + this.#options.serverAhead()) / 1000)
    return { expiresAt: { N: String(expiresAt) }, [ttlAttribute]: { N: String(seconds) } }
  }
}

function recordOf(item: Item): StoredRecord {
  const head = item.head?.S
  const bytes = item.body?.B
  if (head === undefined || bytes === undefined) throw torn()
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { head, body, expiresAt: instantOf(item) }
}

function instantOf({ expiresAt }: Item): EpochMs | undefined {
  return expiresAt?.N === undefined ? undefined : Number(expiresAt.N)
}
