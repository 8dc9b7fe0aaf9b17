/** What the storages in MongoDB have in common: a document for each record, its key as `_id`. */
import { BaseStorage, checkKey, type StoredHead } from './base-storage.ts'
import type { EpochMs } from '../units.ts'
import { torn } from './frame.ts'
import { pageDocuments, pagesOf, type Ask, type MongoCollection } from './mongodb-connection.ts'
import { unreadableHead } from './unreadable-head.ts'

/** A document without the body. */
export interface HeadDocument {
  readonly _id: string
  /** A text, where the document is one of ours. */
  readonly head?: unknown
  /** MongoDB's own type, for its TTL index; without one it never expires. */
  readonly expiresAt?: Date | undefined
}

/** Where the documents are. */
export interface DocumentPlace {
  /** Its binary values come as Buffers. */
  readonly documents: MongoCollection
  readonly ask: Ask
  /** Makes the indexes, before anything is written. */
  readonly ready: () => Promise<unknown>
}

/** A text: by the order of BSON's types nothing else is at least the empty one. */
const anyKey = { _id: { $gte: '' } }
export const keyOptions = { projection: { _id: 1 } }
export const headOptions = { projection: { head: 1, expiresAt: 1 } }

/** What needs no body, the same for documents that have it and for those whose body is elsewhere. */
export abstract class DocumentStorage extends BaseStorage {
  protected readonly documents: MongoCollection
  protected readonly ask: Ask
  protected readonly ready: () => Promise<unknown>

  constructor({ documents, ask, ready }: DocumentPlace) {
    super()
    this.documents = documents
    this.ask = ask
    this.ready = ready
  }

  override async has(key: string): Promise<boolean> {
    const filter = idOf(key)
    return (await this.ask(() => this.documents.findOne(filter, keyOptions))) !== null
  }

  override async replaceHead(
    key: string,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    const filter = { ...idOf(key), head: from }
    const date = dateOf(expiresAt)
    const update =
      date === undefined
        ? { $set: { head }, $unset: { expiresAt: '' } }
        : { $set: { head, expiresAt: date } }
    return (await this.ask(() => this.documents.updateOne(filter, update))).matchedCount > 0
  }

  override async *keys(): AsyncIterable<string> {
    for await (const page of this.pages(keyOptions)) for (const { _id } of page) yield _id
  }

  override async *heads(): AsyncIterable<StoredHead> {
    for await (const page of this.pages(headOptions)) {
      for (const found of page) {
        const { _id: key, head } = found
        const expiresAt = instantOf(found)
        yield typeof head === 'string'
          ? { key, head, expiresAt }
          : unreadableHead(key, expiresAt, torn())
      }
    }
  }

  override async size(): Promise<number> {
    return this.ask(() => this.documents.countDocuments(anyKey, { hint: '_id_' }))
  }

  /** All documents by their keys, for which the index is enough where nothing else is asked for. */
  protected pages<D extends HeadDocument>(options: object): AsyncGenerator<D[]> {
    const paged = { ...options, sort: { _id: 1 }, batchSize: pageDocuments }
    return pagesOf<D>(this.ask, this.documents.find(anyKey, paged))
  }
}

/** The filter for a key. @throws CacheError ERR_CACHE_KEY_INVALID */
export function idOf(key: string): { _id: string } {
  checkKey(key)
  return { _id: key }
}

/** The filter for some keys. @throws CacheError ERR_CACHE_KEY_INVALID */
export function anyOf(keys: readonly string[]): { _id: { $in: readonly string[] } } {
  for (const key of keys) checkKey(key)
  return { _id: { $in: keys } }
}

const lastInstant: EpochMs = Date.UTC(9999, 11, 31)

/** The date that is kept of an instant, never an earlier one; of the far future none. */
export function dateOf(expiresAt: EpochMs | undefined): Date | undefined {
  if (expiresAt === undefined || expiresAt > lastInstant) return undefined
  // A date has whole milliseconds.
  return new Date(Math.ceil(expiresAt))
}

/** The filter for what has expired. */
export function pastOf(now: EpochMs): { expiresAt: { $lte: Date } } {
  return { expiresAt: { $lte: new Date(Math.min(now, lastInstant)) } }
}

export function instantOf({ expiresAt }: HeadDocument): EpochMs | undefined {
  return expiresAt instanceof Date ? expiresAt.getTime() : undefined
}
