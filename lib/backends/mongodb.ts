/** A record a document: the key as `_id`, head, body as BSON binary, and a date at which it expires. */
import {
  BaseStorage,
  checkKey,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from './base-storage.ts'
import type { EpochMs } from '../units.ts'

/** The parts of the driver that are used here. */
export interface MongoDatabase {
  collection(name: string): MongoCollection
}

/** A collection of the driver's, as far as it is used here. */
export interface MongoCollection {
  findOne(filter: object, options?: object): Promise<object | null>
  find(filter: object, options?: object): MongoCursor
  replaceOne(filter: object, document: object, options?: object): Promise<unknown>
  updateOne(filter: object, update: object): Promise<{ matchedCount: number }>
  findOneAndReplace(filter: object, document: object, options?: object): Promise<object | null>
  findOneAndDelete(filter: object): Promise<object | null>
  deleteOne(filter: object): Promise<{ deletedCount: number }>
  deleteMany(filter: object): Promise<{ deletedCount: number }>
  bulkWrite(operations: readonly object[], options?: object): Promise<unknown>
  countDocuments(filter: object): Promise<number>
  createIndex(keys: object, options?: object): Promise<unknown>
}

/** A cursor of the driver's: documents, one after the other. */
export interface MongoCursor extends AsyncIterable<object> {
  limit(count: number): MongoCursor
}

interface HeadDocument {
  readonly _id: string
  readonly head: string
  readonly expiresAt?: Date | null
}

interface RecordDocument extends HeadDocument {
  readonly body: Buffer
}

/** Bodies as Buffers, not as the driver's own class; heads without the body. */
const wholeOptions = { promoteBuffers: true }
const headOptions = { projection: { head: 1, expiresAt: 1 } }
const keyOptions = { projection: { _id: 1 } }
// A batch is held in memory as a whole.
const batchBytes = 8 * 2 ** 20

/** Records as documents of a collection; see the top of the file. */
export class MongoStorage extends BaseStorage {
  override traits: StorageTraits = {
    persistent: true,
    expires: true,
    // MongoDB holds 16 MB in a document, the head included.
    maxBodyBytes: 12 * 2 ** 20,
  }
  readonly #collection: () => Promise<MongoCollection>

  /** @param collection ready to be used, once it is asked for; a failed attempt is made again */
  constructor(collection: () => Promise<MongoCollection>) {
    super()
    this.#collection = collection
  }

  /** Told that the server has no TTL index: what has expired is then deleted by the cache. */
  expiresNothing(): void {
    this.traits = { ...this.traits, expires: false }
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    const collection = await this.#collection()
    const found = (await collection.findOne(idOf(key), wholeOptions)) as RecordDocument | null
    return found === null
      ? undefined
      : { head: found.head, body: found.body, expiresAt: instantOf(found) }
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    const document = documentOf(key, record)
    const collection = await this.#collection()
    await collection.replaceOne(idOf(key), document, { upsert: true })
  }

  override async delete(key: string): Promise<boolean> {
    const collection = await this.#collection()
    return (await collection.deleteOne(idOf(key))).deletedCount > 0
  }

  override async has(key: string): Promise<boolean> {
    const collection = await this.#collection()
    return (await collection.findOne(idOf(key), keyOptions)) !== null
  }

  override async replaceHead(
    key: string,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    const collection = await this.#collection()
    const update =
      expiresAt === undefined
        ? { $set: { head }, $unset: { expiresAt: '' } }
        : { $set: { head, expiresAt: dateOf(expiresAt) } }
    return (await collection.updateOne({ ...idOf(key), head: from }, update)).matchedCount > 0
  }

  override async *keys(): AsyncIterable<string> {
    const collection = await this.#collection()
    for await (const found of collection.find({}, keyOptions)) yield (found as HeadDocument)._id
  }

  override async *heads(): AsyncIterable<StoredHead> {
    const collection = await this.#collection()
    for await (const each of collection.find({}, headOptions)) {
      const found = each as HeadDocument
      yield { key: found._id, head: found.head, expiresAt: instantOf(found) }
    }
  }

  override async size(): Promise<number> {
    return (await this.#collection()).countDocuments({})
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    const collection = await this.#collection()
    let batch: object[] = []
    let bytes = 0
    const write = async (): Promise<void> => {
      if (batch.length > 0) await collection.bulkWrite(batch, { ordered: false })
      batch = []
      bytes = 0
    }
    for (const [key, record] of records) {
      const replacement = documentOf(key, record)
      batch.push({ replaceOne: { filter: idOf(key), replacement, upsert: true } })
      bytes += record.body.byteLength
      if (bytes >= batchBytes) await write()
    }
    await write()
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    const collection = await this.#collection()
    return (await collection.deleteMany({ _id: { $in: keys } })).deletedCount
  }

  override async deleteExpired(now: EpochMs, limit: number): Promise<number> {
    const collection = await this.#collection()
    const expired: string[] = []
    const past = collection.find({ expiresAt: { $lte: new Date(now) } }, keyOptions)
    for await (const each of past.limit(limit)) expired.push((each as HeadDocument)._id)
    return this.deleteMany(expired)
  }

  override async clear(): Promise<void> {
    await (await this.#collection()).deleteMany({})
  }
}

function idOf(key: string): { _id: string } {
  checkKey(key)
  return { _id: key }
}

function documentOf(key: string, { head, body, expiresAt }: StoredRecord): object {
  // The driver writes later than it is told to, and callers may change what they handed over.
  const own = Buffer.from(body)
  return {
    _id: key,
    ...(expiresAt !== undefined && { expiresAt: dateOf(expiresAt) }),
    head,
    body: own,
  }
}

// A date has milliseconds; a record must not go before its time.
function dateOf(expiresAt: EpochMs): Date {
  return new Date(Math.ceil(expiresAt))
}

function instantOf({ expiresAt }: HeadDocument): EpochMs | undefined {
  return expiresAt?.getTime()
}
