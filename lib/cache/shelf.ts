/**
 * One namespace of a cache, as the rest of the library reads and writes it. It knows which records
 * turned out not to be what was stored, so that they can be deleted and are told of once.
 */
import type { BaseStorage, StoredHead, StoredRecord } from '../backends/base-storage.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { CheckStored } from './checksum.ts'
import type { Entry, RedirectChain } from './entry.ts'
import { HotTier } from './hot-tier.ts'
import { paced } from '../loop-turn.ts'
import { monotonicNow } from '../timers.ts'
import type { Ms } from '../units.ts'
import { DeadKeys } from './dead-keys.ts'
import { decodeChain, decodeEntry, isDecayed, storedAtOf } from './record.ts'

// Not with each request of a storage that is half away.
const buryEvery: Ms = 1_000
// What is deleted at once: enough for one round trip to be worth it.
const batchKeys = 200
const none: ReadonlySet<string> = new Set()

/** One namespace of entries: a storage, and what of it is kept decoded. */
export class Shelf {
  readonly storage: BaseStorage
  readonly hot: HotTier<Entry>
  /** The newest write or deletion of each key that is under way. */
  readonly #unsettled = new Map<string, Unsettled>()
  readonly #dead = new DeadKeys()
  #burying = false
  #buriedAt: Ms = -Infinity
  /** How much of what the storage gives back is checked. */
  checks: CheckStored = 'all'

  constructor(storage: BaseStorage, hotBytes: number) {
    this.storage = storage
    this.hot = new HotTier(storage, hotBytes)
  }

  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT, or what the storage throws */
  entry(key: string): MaybePromise<Entry | undefined> {
    const hot = this.hot.get(key)
    if (hot !== undefined) return hot
    return this.#usable(key, () => this.#read(key))
  }

  /**
   * A followed chain of redirects.
   * @throws CacheError ERR_CACHE_ENTRY_CORRUPT, or what the storage throws
   */
  redirectChain(key: string): MaybePromise<RedirectChain | undefined> {
    const decode = (record: StoredRecord | undefined): RedirectChain | undefined =>
      record && decodeChain(record, this.#checked)
    return this.#usable(key, () => chain(this.record(key), decode))
  }

  record(key: string): MaybePromise<StoredRecord | undefined> {
    const unsettled = this.#unsettled.get(key)
    if (unsettled !== undefined) return unsettled.record
    if (!this.#dead.any) return this.storage.peek(key)
    return chain(this.storage.peek(key), (record) => {
      this.#bury()
      return record === undefined || this.#isDead(key, record) ? undefined : record
    })
  }

  /** What is stored under the key is over, and the storage cannot be told now. */
  forget(key: string): void {
    this.#dead.add(key, Date.now())
    // What is kept decoded would be handed out without a look at it.
    this.hot.clear()
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
    try {
      if (kept.size === 0) await this.storage.clear()
      else await this.#deleteAllBut(kept)
    } finally {
      // What was read meanwhile may not be there any more.
      this.hot.clear()
    }
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

  #read(key: string): MaybePromise<Entry | undefined> {
    const checks = this.#checked
    const unsettled = this.#unsettled.get(key)
    if (unsettled !== undefined) {
      return unsettled.record && decodeEntry(unsettled.record, 'shared', checks)
    }
    if (!this.hot.active) {
      // What nobody else holds need not be copied for the caller.
      return chain(this.storage.get(key), (record) =>
        this.#alive(key, record && decodeEntry(record, 'owned', checks)),
      )
    }
    const record = this.storage.peek(key)
    if (isPromise(record)) {
      return record.then((found) => this.#alive(key, found && decodeEntry(found, 'shared', checks)))
    }
    const entry = this.#alive(key, record && withFastHeaders(decodeEntry(record, 'shared', checks)))
    if (entry !== undefined) this.hot.keep(key, entry)
    return entry
  }

  // What never leaves this process does not decay on its way.
  get #checked(): CheckStored {
    return this.storage.traits.persistent ? this.checks : 'none'
  }

  // A record that is no answer is remembered by the error that says so.
  #usable<T>(key: string, read: () => MaybePromise<T>): MaybePromise<T> {
    const remember = (error: unknown): never => {
      if (isDecayed(error)) decayed.set(error, { shelf: this, key })
      throw error
    }
    try {
      const found = read()
      if (!isPromise(found)) return found
      // Another look-up may have been faster, and have told of it.
      return found.catch((error) => (this.#unsettled.has(key) ? read() : remember(error)))
    } catch (error) {
      return remember(error)
    }
  }

  // A driver with several connections may let a later write arrive first.
  #inOrder<T>(
    key: string,
    record: StoredRecord | undefined,
    work: () => MaybePromise<T>,
  ): MaybePromise<T> {
    const before = this.#unsettled.get(key)
    let running: MaybePromise<T>
    try {
      running = before === undefined ? work() : before.ended.then(work)
    } catch (error) {
      this.forget(key)
      throw error
    }
    if (!isPromise(running)) {
      this.#dead.remove(key)
      return running
    }
    const settle = (): void => {
      if (this.#unsettled.get(key) === mine) this.#unsettled.delete(key)
    }
    const done = (): void => {
      this.#dead.remove(key)
      settle()
    }
    // What is there is not what it should be.
    const failed = (): void => {
      this.forget(key)
      settle()
    }
    const mine: Unsettled = { record, ended: running.then(done, failed) }
    this.#unsettled.set(key, mine)
    return running
  }

  #alive<E extends Entry>(key: string, entry: E | undefined): E | undefined {
    if (!this.#dead.any) return entry
    this.#bury()
    return entry !== undefined && this.#dead.has(key, entry.storedAt) ? undefined : entry
  }

  #isDead(key: string, record: StoredRecord): boolean {
    return this.#dead.has(key, storedAtOf(record))
  }

  // The storage answers again: what is over is deleted there, too.
  #bury(): void {
    const now = monotonicNow()
    if (this.#burying || now - this.#buriedAt < buryEvery) return
    this.#burying = true
    const end = (): void => {
      this.#burying = false
      this.#buriedAt = monotonicNow()
    }
    // What fails is tried again.
    this.#deleteDead().then(end, end)
  }

  async #deleteDead(): Promise<void> {
    for await (const key of paced(this.#dead.keys())) {
      if (this.#unsettled.has(key)) continue
      const record = await this.storage.peek(key)
      if (record !== undefined && this.#isDead(key, record)) await this.delete(key)
      else this.#dead.remove(key)
    }
  }
}

const decayed = new WeakMap<Error, { readonly shelf: Shelf; readonly key: string }>()

/**
 * Deletes the record that an error of a look-up was about, so that it is told of once and not at
 * every request; where the error was about none, or the record may be whole to others, it stays.
 */
export function deleteDecayed(error: unknown): MaybePromise<boolean> {
  const place = error instanceof Error ? decayed.get(error) : undefined
  return place === undefined ? false : place.shelf.delete(place.key)
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
