/** One namespace of a cache, as the rest of the library reads and writes it. */
import type { BaseStorage, StoredHead, StoredRecord } from '../backends/base-storage.ts'
import { isEntryError, type CacheError } from '../errors.ts'
import { chain, isPromise, rescued, type MaybePromise } from '../maybe-promise.ts'
import type { Entry } from './entry.ts'
import { HotTier } from './hot-tier.ts'
import { decodeEntry, isUndecoded } from './record.ts'

/** The records that could not be read, by the errors that say so. */
const unreadable = new WeakMap<CacheError, { readonly shelf: Shelf; readonly key: string }>()

/**
 * Deletes the record that an error is about, unless another one is being written in its place: it
 * would fail each request for what it was stored for.
 * @param error as a look-up threw it
 * @returns whether it was deleted
 */
export function deleteUnreadable(error: unknown): MaybePromise<boolean> {
  if (!isEntryError(error) || isUndecoded(error)) return false
  const broken = unreadable.get(error)
  if (broken === undefined || broken.shelf.isUnsettled(broken.key)) return false
  return broken.shelf.delete(broken.key)
}

// What is deleted at once: enough for one round trip to be worth it.
const batchKeys = 200
const none: ReadonlySet<string> = new Set()

/** One namespace of entries: a storage, and what of it is kept decoded. */
export class Shelf {
  readonly storage: BaseStorage
  readonly hot: HotTier<Entry>
  /** The newest write or deletion of each key that is under way. */
  readonly #unsettled = new Map<string, Unsettled>()

  constructor(storage: BaseStorage, hotBytes: number) {
    this.storage = storage
    this.hot = new HotTier(storage, hotBytes)
  }

  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT, or what the storage throws */
  entry(key: string): MaybePromise<Entry | undefined> {
    const hot = this.hot.get(key)
    return hot ?? this.blaming(key, () => this.#read(key))
  }

  #read(key: string): MaybePromise<Entry | undefined> {
    const unsettled = this.#unsettled.get(key)
    if (unsettled !== undefined) return unsettled.record && decodeEntry(unsettled.record)
    if (!this.hot.active) {
      // What nobody else holds need not be copied for the caller.
      return chain(this.storage.get(key), (record) => record && decodeEntry(record, 'owned'))
    }
    const record = this.storage.peek(key)
    if (isPromise(record)) return record.then((found) => found && decodeEntry(found))
    if (record === undefined) return undefined
    const entry = withFastHeaders(decodeEntry(record))
    this.hot.keep(key, entry)
    return entry
  }

  /** Remembers which record an error is about, for `deleteUnreadable`. */
  blaming<T>(key: string, read: () => MaybePromise<T>): MaybePromise<T> {
    return rescued(read, (error) => {
      if (isEntryError(error)) unreadable.set(error, { shelf: this, key })
      throw error
    })
  }

  /** Whether something is being written under the key. */
  isUnsettled(key: string): boolean {
    return this.#unsettled.has(key)
  }

  record(key: string): MaybePromise<StoredRecord | undefined> {
    const unsettled = this.#unsettled.get(key)
    return unsettled === undefined ? this.storage.peek(key) : unsettled.record
  }

  write(key: string, record: StoredRecord): MaybePromise<void> {
    return this.#inOrder(key, record, () =>
      this.hot.write(key, undefined, () => this.storage.adopt(key, record)),
    )
  }

  delete(key: string): MaybePromise<boolean> {
    return this.#inOrder(key, undefined, () =>
      this.hot.write(key, undefined, () => this.storage.delete(key)),
    )
  }

  /** As a storage does; see `BaseStorage`. */
  replaceHead(key: string, from: string, head: Omit<StoredHead, 'key'>): MaybePromise<boolean> {
    const replace = (): MaybePromise<boolean> =>
      this.hot.write(key, undefined, () => this.storage.replaceHead(key, from, head))
    const before = this.#unsettled.get(key)
    return before === undefined ? replace() : before.ended.then(replace)
  }

  /** @returns how many there were */
  async deleteMany(keys: readonly string[]): Promise<number> {
    await Promise.all(keys.map(async (key) => this.#unsettled.get(key)?.ended))
    // Which of the storage's changes were ours cannot be told any more.
    this.hot.clear()
    return this.storage.deleteMany(keys)
  }

  /** Deletes everything but the records of these keys. */
  async clear(kept: ReadonlySet<string> = none): Promise<void> {
    await Promise.all(Array.from(this.#unsettled.values(), ({ ended }) => ended))
    this.hot.clear()
    if (kept.size === 0) await this.storage.clear()
    else await this.#deleteAllBut(kept)
    // What was read meanwhile may not be there any more.
    this.hot.clear()
  }

  async #deleteAllBut(kept: ReadonlySet<string>): Promise<void> {
    let batch: string[] = []
    for await (const key of this.storage.keys()) {
      if (!kept.has(key)) batch.push(key)
      if (batch.length < batchKeys) continue
      await this.storage.deleteMany(batch)
      batch = []
    }
    await this.storage.deleteMany(batch)
  }

  // A driver with several connections may let a later write arrive first.
  #inOrder<T>(
    key: string,
    record: StoredRecord | undefined,
    work: () => MaybePromise<T>,
  ): MaybePromise<T> {
    const before = this.#unsettled.get(key)
    const running = before === undefined ? work() : before.ended.then(work)
    if (!isPromise(running)) return running
    const settle = (): void => {
      if (this.#unsettled.get(key) === mine) this.#unsettled.delete(key)
    }
    const mine: Unsettled = { record, ended: running.then(settle, settle) }
    this.#unsettled.set(key, mine)
    return running
  }
}

/** What has been told to a storage that has not said yet that it is done. */
interface Unsettled {
  /** Undefined: it is deleted. */
  readonly record: StoredRecord | undefined
  /** When it is, or has failed. */
  readonly ended: Promise<void>
}

/** Both namespaces of a cache. */
export interface Shelves {
  readonly responses: Shelf
  readonly redirects: Shelf
}

// An object that was filled field by field is a dictionary to V8 when it has more than a dozen, and
// cloning it for each hit costs seventy times as much as cloning one that came out of JSON.
function withFastHeaders(entry: Entry): Entry {
  return { ...entry, headers: JSON.parse(JSON.stringify(entry.headers)) as Entry['headers'] }
}
