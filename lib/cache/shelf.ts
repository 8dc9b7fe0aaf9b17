/** One namespace of a cache, as the rest of the library reads and writes it. */
import type { BaseStorage, StoredHead, StoredRecord } from '../backends/base-storage.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { Entry } from './entry.ts'
import { HotTier } from './hot-tier.ts'
import { decodeEntry } from './record.ts'

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
    if (hot !== undefined) return hot
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

  async clear(): Promise<void> {
    await Promise.all(Array.from(this.#unsettled.values(), ({ ended }) => ended))
    this.hot.clear()
    await this.storage.clear()
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
