/** One namespace of a cache, as the rest of the library reads and writes it. */
import type { BaseStorage, StoredRecord } from '../backends/base-storage.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { Entry } from './entry.ts'
import { HotTier } from './hot-tier.ts'
import { decodeEntry } from './record.ts'

/** One namespace of entries: a storage, and what of it is kept decoded. */
export class Shelf {
  readonly storage: BaseStorage
  readonly hot: HotTier<Entry>
  /** Written or deleted (undefined), but not yet known to be so by a storage that answers later. */
  readonly #unsettled = new Map<string, StoredRecord | undefined>()

  constructor(storage: BaseStorage, hotBytes: number) {
    this.storage = storage
    this.hot = new HotTier(storage, hotBytes)
  }

  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT, or what the storage throws */
  entry(key: string): MaybePromise<Entry | undefined> {
    const hot = this.hot.get(key)
    if (hot !== undefined) return hot
    const unsettled = this.#unsettled.get(key)
    if (unsettled !== undefined) return decodeEntry(unsettled)
    if (this.#unsettled.has(key)) return undefined
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
    return this.#unsettled.has(key) ? this.#unsettled.get(key) : this.storage.peek(key)
  }

  write(key: string, record: StoredRecord): MaybePromise<void> {
    const written = this.hot.write(key, undefined, () => this.storage.adopt(key, record))
    return this.#settling(key, record, written)
  }

  #settling<T>(
    key: string,
    record: StoredRecord | undefined,
    work: MaybePromise<T>,
  ): MaybePromise<T> {
    if (!isPromise(work)) return work
    this.#unsettled.set(key, record)
    const settle = (): void => {
      if (this.#unsettled.get(key) === record) this.#unsettled.delete(key)
    }
    work.then(settle, settle)
    return work
  }

  delete(key: string): MaybePromise<boolean> {
    this.#unsettled.delete(key)
    const deleted = this.hot.write(key, undefined, () => this.storage.delete(key))
    return this.#settling(key, undefined, deleted)
  }

  /** @returns how many there were */
  async deleteMany(keys: readonly string[]): Promise<number> {
    for (const key of keys) this.#unsettled.delete(key)
    // Which of the storage's changes were ours cannot be told any more.
    this.hot.clear()
    return this.storage.deleteMany(keys)
  }

  clear(): MaybePromise<void> {
    this.#unsettled.clear()
    this.hot.clear()
    return this.storage.clear()
  }
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
