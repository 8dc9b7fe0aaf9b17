/**
 * One namespace of a cache, as the rest of the library reads and writes it. It knows which records
 * turned out not to be what was stored, so that they can be deleted and are told of once.
 */
import type { BaseStorage, StoredHead, StoredRecord } from '../storage/base-storage.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { CheckStored } from './checksum.ts'
import type { Entry, RedirectChain } from './entry.ts'
import { HotTier } from './hot-tier.ts'
import { paced } from '../loop-turn.ts'
import { clearTimeout, setTimeout } from '../timers.ts'
import type { EpochMs, Ms } from '../units.ts'
import { DeadKeys } from './dead-keys.ts'
import { decodeChain, decodeEntry, isDecayed, storedAtOf } from './record.ts'
import { SeenVersions } from './seen-versions.ts'

// How soon a storage that answers again is told what is over.
const buryEvery: Ms = 1_000
// What is deleted at once: enough for one round trip to be worth it.
const batchKeys = 200
const none: ReadonlySet<string> = new Set()

/** One namespace of entries: a storage, and what of it is kept decoded. */
export class EntryStore {
  readonly storage: BaseStorage
  readonly hot: HotTier<Entry>
  /** The newest write or deletion of each key that is under way. */
  readonly #unsettled = new Map<string, Unsettled>()
  readonly #dead = new DeadKeys()
  /** Of a storage that answers later: its writes may come late as well. */
  readonly #seen = new SeenVersions()
  #burial: NodeJS.Timeout | undefined
  #closed = false
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
    const record = this.storage.peek(key)
    if (!isPromise(record)) {
      return record === undefined || this.#isDead(key, storedAtOf(record)) ? undefined : record
    }
    return record.then((found) =>
      found === undefined || this.#isOver(key, storedAtOf(found)) ? undefined : found,
    )
  }

  /** What is stored under the key is over, and the storage cannot be told now. */
  forget(key: string): void {
    this.#dead.add(key, Date.now())
    this.#buryLater()
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
    const now = Date.now()
    for (const key of keys) this.#seen.deleted(key, now)
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
      const record = this.storage.get(key)
      if (!isPromise(record))
        return this.#alive(key, record && decodeEntry(record, 'owned', checks))
      return record.then((found) => this.#newest(key, found && decodeEntry(found, 'owned', checks)))
    }
    const record = this.storage.peek(key)
    if (isPromise(record)) {
      return record.then((found) =>
        this.#newest(key, found && decodeEntry(found, 'shared', checks)),
      )
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
      if (isDecayed(error)) decayed.set(error, { entryStore: this, key })
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
    if (record === undefined) this.#seen.deleted(key, Date.now())
    else this.#seen.wrote(key, storedAtOf(record))
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
    return entry === undefined || this.#isDead(key, entry.storedAt) ? undefined : entry
  }

  #newest<E extends Entry>(key: string, entry: E | undefined): E | undefined {
    if (entry === undefined || this.#isOver(key, entry.storedAt)) return undefined
    this.#seen.read(key, entry.storedAt)
    return entry
  }

  #isDead(key: string, storedAt: EpochMs | undefined): boolean {
    return this.#dead.any && this.#dead.has(key, storedAt)
  }

  #isOver(key: string, storedAt: EpochMs | undefined): boolean {
    return this.#isDead(key, storedAt) || this.#seen.isOlder(key, storedAt)
  }

  #buryLater(): void {
    if (this.#burial !== undefined || this.#closed) return
    const bury = async (): Promise<void> => {
      // What fails is tried again.
      await this.#bury().catch(() => {})
      this.#burial = undefined
      if (this.#dead.keys().length > 0) this.#buryLater()
    }
    this.#burial = setTimeout(() => void bury(), buryEvery).unref()
  }

  // The storage answers again: what is over is deleted there, too. Without a look at it, which might
  // come before a write that was given up here and is still on its way.
  async #bury(): Promise<void> {
    for await (const key of paced(this.#dead.keys())) {
      if (!this.#unsettled.has(key)) await this.delete(key)
    }
  }

  /** Deletes what is over, for the last time. @throws what the storage throws */
  async end(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#burial)
    await this.#bury()
  }
}

const decayed = new WeakMap<Error, { readonly entryStore: EntryStore; readonly key: string }>()

/**
 * Deletes the record that an error of a look-up was about, so that it is told of once and not at
 * every request; where the error was about none, or the record may be whole to others, it stays.
 */
export function deleteDecayed(error: unknown): MaybePromise<boolean> {
  const place = error instanceof Error ? decayed.get(error) : undefined
  return place === undefined ? false : place.entryStore.delete(place.key)
}

/** What has been told to a storage that has not said yet that it is done. */
interface Unsettled {
  /** Undefined: it is deleted. */
  readonly record: StoredRecord | undefined
  /** When it is, or has failed. */
  readonly ended: Promise<void>
}

/** Both namespaces of a cache. */
export interface EntryStores {
  readonly responses: EntryStore
  readonly redirects: EntryStore
}

// An object that was filled field by field is a dictionary to V8 when it has more than a dozen, and
// cloning it for each hit costs seventy times as much as cloning one that came out of JSON.
function withFastHeaders(entry: Entry): Entry {
  return { ...entry, headers: JSON.parse(JSON.stringify(entry.headers)) as Entry['headers'] }
}
