/** A record a document: the key as `_id`, head, body as BSON binary, and a date at which it expires. */
import type { StorageTraits, StoredRecord } from '../../storage/base-storage.ts'
import type { EpochMs } from '../../units.ts'
import { torn } from '../../storage/frame.ts'
import { allOf, pageDocuments } from './mongo-connection.ts'
import {
  anyOf,
  DocumentStorage,
  idOf,
  instantOf,
  isDuplicate,
  keyOptions,
  type HeadDocument,
} from './mongo-documents.ts'
import { slicesOf } from '../../storage/slices.ts'

export type { MongoCollection, MongoDatabase } from './mongo-connection.ts'

interface RecordDocument extends HeadDocument {
  readonly body?: unknown
}

// A batch is held in memory as a whole.
const batchBytes = 8 * 2 ** 20

/** Records as documents of a collection; see the top of the file. */
export class MongoStorage extends DocumentStorage {
  override traits: StorageTraits = {
    persistent: true,
    expires: true,
    // MongoDB holds 16 MB in a document, the head included.
    maxBodyBytes: 12 * 2 ** 20,
  }

  /** Told that the server has no TTL index: what has expired is then deleted by the cache. */
  expiresNothing(): void {
    this.traits = { ...this.traits, expires: false }
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    const filter = idOf(key)
    const found = (await this.ask(() => this.documents.findOne(filter))) as RecordDocument | null
    if (found === null) return undefined
    const { head, body } = found
    if (typeof head !== 'string' || !Buffer.isBuffer(body)) throw torn()
    return { head, body, expiresAt: instantOf(found) }
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    // The driver writes later than it is told to, and callers may change what they handed over.
    await this.adopt(key, { ...record, body: Buffer.from(record.body) })
  }

  override async adopt(key: string, record: StoredRecord): Promise<void> {
    const filter = idOf(key)
    await this.ready()
    const document = await this.#documentOf(record)
    const replace = (): Promise<unknown> =>
      this.ask(() => this.documents.replaceOne(filter, document, { upsert: true }))
    await this.writes.write(record.body.byteLength, () => onceMore(replace))
  }

  override async delete(key: string): Promise<boolean> {
    const filter = idOf(key)
    return (await this.ask(() => this.documents.deleteOne(filter))).deletedCount > 0
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    await this.ready()
    // Of several records for one key the last counts.
    const batch = new Map<string, object>()
    let bytes = 0
    const write = async (): Promise<void> => {
      const operations = [...batch.values()]
      if (operations.length === 0) return
      const writeAll = (): Promise<unknown> =>
        this.ask(() => this.documents.bulkWrite(operations, { ordered: false }))
      await this.writes.write(bytes, () => onceMore(writeAll))
      batch.clear()
      bytes = 0
    }
    for (const [key, record] of records) {
      const replacement = await this.#documentOf({ ...record, body: Buffer.from(record.body) })
      batch.set(key, { replaceOne: { filter: idOf(key), replacement, upsert: true } })
      bytes += record.body.byteLength + record.head.length
      if (bytes >= batchBytes || batch.size >= pageDocuments) await write()
    }
    await write()
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    let deleted = 0
    for (const slice of slicesOf(keys, pageDocuments)) {
      const filter = anyOf(slice)
      deleted += (await this.ask(() => this.documents.deleteMany(filter))).deletedCount
    }
    return deleted
  }

  override async deleteExpired(now: EpochMs, limit: number): Promise<number> {
    const past = await this.pastOf(now)
    for (let deleted = 0; ;) {
      const wanted = limit - deleted
      const cursor = this.documents.find(past, { ...keyOptions, limit: wanted })
      const expired = (await allOf<HeadDocument>(this.ask, cursor)).map(({ _id }) => _id)
      if (expired.length === 0) return deleted
      // What has been written anew meanwhile is not past any more, and others delete as well.
      const filter = { ...anyOf(expired), ...past }
      deleted += (await this.ask(() => this.documents.deleteMany(filter))).deletedCount
      if (deleted >= limit || expired.length < wanted) return deleted
    }
  }

  override async clear(): Promise<void> {
    for await (const page of this.pages(keyOptions)) {
      const filter = { _id: { $gte: page[0]!._id, $lte: page.at(-1)!._id } }
      await this.ask(() => this.documents.deleteMany(filter))
    }
  }

  async #documentOf({ head, body, expiresAt }: StoredRecord): Promise<object> {
    return { ...(await this.expiryOf(expiresAt)), head, body }
  }
}

/** Two who write the same for the first time may get in each other's way (FerretDB). */
async function onceMore<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!isDuplicate(error)) throw error
    return write()
  }
}
