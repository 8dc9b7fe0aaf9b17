/** What the storages in MongoDB have in common: a document for each record, its key as `_id`. */
import { BaseStorage, checkKey, type StoredHead } from '../../storage/base-storage.ts'
import type { EpochMs } from '../../units.ts'
import { torn } from '../../storage/frame.ts'
import { pageDocuments, pagesOf, type Ask, type MongoCollection } from './mongo-connection.ts'
import type { ServerClock } from './server-clock.ts'
import { unreadableHead } from '../../storage/unreadable-head.ts'
import type { WriteQueue } from '../../storage/write-queue.ts'

/** A document without the body. */
export interface HeadDocument {
  readonly _id: string
  /** A text, where the document is one of ours. */
  readonly head?: unknown
  /** MongoDB's own type, for its TTL index, by the server's clock; without one it never expires. */
  readonly expiresAt?: Date | undefined
  /** How far the server's clock was ahead of the writer's; missing where they agree. */
  readonly serverAhead?: unknown
}

/** Where the documents are. */
export interface DocumentPlace {
  /** Its binary values come as Buffers. */
  readonly documents: MongoCollection
  readonly ask: Ask
  /** Makes the indexes, before anything is written. */
  readonly ready: () => Promise<unknown>
  /** By which documents expire. */
  readonly clock: ServerClock
  /** What is written waits here for its turn. */
  readonly writes: WriteQueue
}

/** A text: by the order of BSON's types nothing else is at least the empty one. */
const anyKey = { _id: { $gte: '' } }
export const keyOptions = { projection: { _id: 1 } }
export const headOptions = { projection: { head: 1, expiresAt: 1, serverAhead: 1 } }

/** What needs no body, the same for documents that have it and for those whose body is elsewhere. */
export abstract class DocumentStorage extends BaseStorage {
  protected readonly documents: MongoCollection
  protected readonly ask: Ask
  protected readonly ready: () => Promise<unknown>
  protected readonly writes: WriteQueue
  readonly #clock: ServerClock

  constructor({ documents, ask, ready, clock, writes }: DocumentPlace) {
    super()
    this.documents = documents
    this.ask = ask
    this.ready = ready
    this.writes = writes
    this.#clock = clock
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
    const expiry = await this.expiryOf(expiresAt)
    const gone = ['expiresAt', 'serverAhead'].filter((name) => !Object.hasOwn(expiry, name))
    const unset = Object.fromEntries(gone.map((name) => [name, '']))
    const update = {
      $set: { head, ...expiry },
      // Servers refuse one that names nothing.
      ...(gone.length > 0 && { $unset: unset }),
    }
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

  /** What a document says of its end; nothing where it has none. */
  protected async expiryOf(
    expiresAt: EpochMs | undefined,
  ): Promise<Pick<HeadDocument, 'expiresAt' | 'serverAhead'>> {
    if (expiresAt === undefined) return {}
    await this.#clock.measured()
    const { ahead } = this.#clock
    const date = dateOf(expiresAt + ahead)
    if (date === undefined) return {}
    return ahead === 0 ? { expiresAt: date } : { expiresAt: date, serverAhead: ahead }
  }

  /** The filter for what has expired. @param now by our clock */
  protected async pastOf(now: EpochMs): Promise<{ expiresAt: { $lte: Date } }> {
    await this.#clock.measured()
    return { expiresAt: { $lte: new Date(Math.min(now + this.#clock.ahead, lastInstant)) } }
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

// The date that is kept of an instant, never an earlier one; of the far future none.
function dateOf(instant: EpochMs): Date | undefined {
  // A date has whole milliseconds.
  return instant > lastInstant ? undefined : new Date(Math.ceil(instant))
}

/** When a document expires, by the clock of its writer. */
export function instantOf({ expiresAt, serverAhead }: HeadDocument): EpochMs | undefined {
  if (!(expiresAt instanceof Date)) return undefined
  return expiresAt.getTime() - (typeof serverAhead === 'number' ? serverAhead : 0)
}

const duplicateKey = 11_000

/** Whether the server has refused a document because there is one by now. */
export function isDuplicate(error: unknown): boolean {
  return (error as { code?: unknown }).code === duplicateKey
}
