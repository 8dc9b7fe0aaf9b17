/**
 * A cache: two storages, and what the library does with them. `BaseCache` itself keeps everything in
 * memory; a subclass brings other storages.
 */
import type { BaseStorage } from '../storage/base-storage.ts'
import { MemoryStorage } from '../storage/memory.ts'
import { checkOptions } from '../check-options.ts'
import { asCacheError, CacheError, invalidOption, isEntryError } from '../errors.ts'
import { reportError } from '../events.ts'
import { paced } from '../loop-turn.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { ExpireAfter } from '../policy/lifetime-rules.ts'
import { readKeyRules, type KeyRules } from '../request/key-rules.ts'
import type { CacheRequest } from '../request/request.ts'
import { serialized } from '../serializers/serializer.ts'
import type { EpochMs, Ms } from '../units.ts'
import { ByteBudget } from '../upkeep/byte-budget.ts'
import { CachedResponse } from '../entries/cached-response.ts'
import { closeRules, closeTimeout, inTime, type CloseOptions } from './close.ts'
import type { CheckStored } from '../entries/checksum.ts'
import {
  copyAll,
  copyRules,
  type CopyOptions,
  type CopyResult,
  type CopyWay,
} from '../upkeep/copy.ts'
import { describeRequest, isTarget, type RequestTarget } from '../entries/describe-request.ts'
import type { EntryHead, StoredRequest } from '../entries/entry.ts'
import { findStored, type FollowsBelow, type Found, type Lookup } from '../entries/lookup.ts'
import type { PartsReader } from '../entries/parts-in-use.ts'
import { deleteDecayed, EntryStore, type EntryStores } from '../entries/entry-store.ts'
import { wrapErrors, wrapErrorsOfItems, noteOwnErrors } from '../storage/storage-errors.ts'
import { deleteExpired, deleteOrphans, Maintenance, type KeysInUse } from '../upkeep/maintenance.ts'
import { deleteRequests, deleteSelected, type RemoveParts } from '../upkeep/deletion.ts'
import { historyOf, type HistoryStep } from '../entries/history.ts'
import { targetOf, withoutLoops, type RedirectTarget } from '../entries/redirect-target.ts'
import { checkLifetime, resetAll } from '../upkeep/reset-expiration.ts'
import {
  checkSelection,
  selectEntries,
  selectionRules,
  selector,
  type Selection,
} from '../upkeep/selection.ts'
import {
  countHoldings,
  newCounters,
  type CacheStats,
  type Counters,
  type Holdings,
} from '../upkeep/stats.ts'
import {
  recreateAll,
  recreateRules,
  type RecreateOptions,
  type RecreateResult,
} from '../upkeep/recreate-keys.ts'
import { encodeEntry, type StoredBody } from '../entries/record.ts'
import { Removals } from './removals.ts'
import {
  discardEntry,
  endEntry,
  forgetEntries,
  invalidateEntries,
  refreshEntry,
  storeChain,
  storeEntry,
  type ChainLink,
  type Place,
} from '../entries/store-entry.ts'
import { tuningRules, type CacheTuning } from './tuning.ts'
import { Writes } from '../entries/writes.ts'
import { verifyAll, verifyRules, type VerifyOptions, type VerifyResult } from '../upkeep/verify.ts'
import { entryKeys } from '../entries/listing.ts'
import { primaryKey } from '../entries/record-keys.ts'

// A storage that has finished no write for so long hangs; a program that ends waits less.
const stuckAfter: Ms = 30_000
const stuckAtEnd: Ms = 3_000
// What could not be deleted is tried once more at the end.
const lastDeletions: Ms = 1_000
const defaultHotTierBytes = 32 * 2 ** 20

/** The cache in memory, and the base of all others: a subclass sets `responses` and `redirects`. */
export class BaseCache {
  /** Responses, and the parts of long bodies. */
  readonly responses: BaseStorage
  /** Redirects, each hop on its own. */
  readonly redirects: BaseStorage

  /** What was done in this process; for the interceptor, which counts. */
  readonly counters: { -readonly [Name in keyof Counters]: number } = newCounters()

  /** What was deleted while responses were on their way; for the interceptor. */
  readonly removals: Removals = new Removals()

  /** Bytes that may be stored; Infinity where there is no limit. */
  readonly maxCacheBytes: number

  readonly #hotTierBytes: number
  readonly #budget: ByteBudget | undefined
  #made: EntryStores | undefined
  #keyRules: { readonly rules: KeyRules | undefined } | undefined
  #checks: CheckStored | undefined
  readonly #writes = new Writes()
  readonly #maintenance = new Maintenance()
  #closed: Promise<void> | undefined

  /** @throws TypeError ERR_CACHE_OPTION_… */
  constructor(options: CacheTuning = {}) {
    // A subclass has checked its own, of which these are a part.
    if (new.target === BaseCache) checkOptions(options, tuningRules, ' of BaseCache')
    this.#hotTierBytes = options.hotTierBytes ?? defaultHotTierBytes
    this.maxCacheBytes = options.maxCacheBytes ?? Infinity
    this.#budget = Number.isFinite(this.maxCacheBytes)
      ? new ByteBudget(this.maxCacheBytes)
      : undefined
    this.responses = serialized(new MemoryStorage(), options.serializer)
    this.redirects = serialized(new MemoryStorage(), options.serializer)
  }

  readonly #removeParts: RemoveParts = ({ storage }, key, parts) =>
    this.#writes.deleteLater(storage, key, parts)

  readonly #keysInUse: KeysInUse = (storage) => this.#writes.partsInUse.keysIn(storage)

  // Made at the first use: a subclass sets its storages after this constructor has run.
  get #entryStores(): EntryStores {
    return (this.#made ??= {
      responses: new EntryStore(this.responses, this.#hotTierBytes),
      redirects: new EntryStore(this.redirects, this.#hotTierBytes),
    })
  }

  /** Whether a response or redirect is stored for the request, expired or not. */
  async has(target: RequestTarget): Promise<boolean> {
    return (await this.#stored(target)) !== undefined
  }

  /**
   * What is stored for a request, expired or not: a response, or a redirect, whose chain `history()`
   * follows. Its body is read when asked for.
   */
  async get(target: RequestTarget): Promise<CachedResponse | undefined> {
    const found = await this.#stored(target)
    const record =
      found && (await wrapErrors('read a response', async () => found.entryStore.record(found.key)))
    return (
      found && record && new CachedResponse(found.entryStore.storage, { key: found.key, ...record })
    )
  }

  async #stored(target: RequestTarget): Promise<Found | undefined> {
    const request = this.#describe(target)
    await this.flush()
    const lookUp = async (): Promise<Lookup> => findStored(this.#entryStores, request, undefined)
    return (await wrapErrors('look up a response', lookUp)).found
  }

  /**
   * Deletes what is stored for a request, its variants and the redirects that it leads to included.
   * @returns whether there was anything
   */
  async delete(target: RequestTarget): Promise<boolean>
  /** Deletes what meets all of these conditions; `clear()` deletes everything. @returns how many */
  async delete(selection: Selection): Promise<number>
  async delete(what: RequestTarget | Selection): Promise<boolean | number> {
    const removeParts = this.#removeParts
    if (isTarget(what)) {
      const keys = await this.#keysOf(what)
      for (const key of keys) this.removals.remove(key)
      // What a caller has got may still be on its way into the storage.
      await this.flush()
      return wrapErrors('delete what is stored', () =>
        deleteRequests(this.#entryStores, keys, removeParts),
      )
    }
    checkSelection(what)
    const { options: selection, isOwn } = noteOwnErrors(what)
    const rules = this.#keyRules?.rules
    await this.flush()
    const selects = selector(selection, Date.now(), rules)
    const remove = (): Promise<number> =>
      deleteSelected(this.#entryStores, selection, selects, removeParts, rules)
    return wrapErrors('delete what is stored', remove, isOwn)
  }

  /**
   * The stored responses that meet all of these conditions; bodies are read when asked for.
   * @throws TypeError ERR_CACHE_OPTION_…
   */
  filter(selection: Selection = {}): AsyncGenerator<CachedResponse> {
    checkOptions(selection, selectionRules, ' of a selection')
    const { options, isOwn } = noteOwnErrors(selection)
    const all = async function* (this: BaseCache): AsyncGenerator<CachedResponse> {
      await this.flush()
      const selects = selector(options, Date.now(), this.#keyRules?.rules)
      yield* wrapErrorsOfItems('list what is stored', selectEntries(this.responses, selects), isOwn)
    }
    return all.call(this)
  }

  /** How many responses are stored. */
  async size(): Promise<number> {
    await this.flush()
    return wrapErrors('count what is stored', async () => {
      let count = 0
      for await (const _ of paced(entryKeys(this.responses))) count++
      return count
    })
  }

  /** The URL of every stored response, or of the selected ones, credentials taken out. */
  async *urls(selection: Selection = {}): AsyncGenerator<string> {
    for await (const { url } of this.filter(selection)) yield url
  }

  /** What is stored, and what was done since the program began; goes through everything. */
  async stats(): Promise<CacheStats> {
    await this.flush()
    const count = (): Promise<Holdings> => countHoldings(this.#entryStores, Date.now())
    return { ...(await wrapErrors('count what is stored', count)), ...this.counters }
  }

  /**
   * Gives all stored responses, or the selected ones, another lifetime, counted from now on.
   * @returns how many have another one now
   * @throws TypeError ERR_CACHE_OPTION_INVALID
   */
  async resetExpiration(expireAfter: ExpireAfter, selection: Selection = {}): Promise<number> {
    checkOptions(selection, selectionRules, ' of a selection')
    checkLifetime(expireAfter)
    const { options, isOwn } = noteOwnErrors(selection)
    await this.flush()
    const now = Date.now()
    const selects = selector(options, now, this.#keyRules?.rules)
    const reset = (): Promise<number> =>
      resetAll(this.#entryStores, this.#writes, selects, expireAfter, now)
    return wrapErrors('change lifetimes', reset, isOwn)
  }

  /** The stored chain of redirects that begins at a URL, its last response included. */
  async history(target: RequestTarget): Promise<HistoryStep[]> {
    // A mistake is told before anything is asked.
    this.#describe(target)
    await this.flush()
    const describe = (next: RequestTarget): CacheRequest => this.#describe(next)
    return wrapErrors('look up a response', () =>
      historyOf(target, describe, async (next) => findStored(this.#entryStores, next, undefined)),
    )
  }

  /** The key under which a request is stored, other variants than the first aside. */
  createKey(target: RequestTarget): string {
    return this.#describe(target).key
  }

  /**
   * How its requests are told apart, for those that are named here; for the interceptor. The first
   * one that uses the cache decides.
   */
  useKeyRules(rules: KeyRules | undefined): void {
    this.#keyRules ??= { rules }
  }

  /**
   * How much of what the storages give back is compared with its checksum; for the interceptor. The
   * first one that uses the cache decides.
   */
  useChecks(checks: CheckStored): void {
    if (this.#checks !== undefined) return
    this.#checks = checks
    const { responses, redirects } = this.#entryStores
    responses.checks = checks
    redirects.checks = checks
  }

  #describe(target: RequestTarget): CacheRequest {
    return describeRequest(target, this.#keyRules?.rules)
  }

  /**
   * Deletes everything; the body of a response that is being replayed, when that has ended.
   * @throws CacheError ERR_CACHE_STORAGE_FAILED, when all is deleted that can be
   */
  async clear(): Promise<void> {
    const { responses, redirects } = this.#entryStores
    await this.removals.clear(async () => {
      await this.flush()
      await wrapErrors('delete what is stored', async () => {
        // One that fails keeps nobody from the other.
        try {
          await this.#clear(responses)
        } finally {
          await this.#clear(redirects)
        }
      })
    })
  }

  async #clear(entryStore: EntryStore): Promise<void> {
    const { partsInUse } = this.#writes
    const used = partsInUse.in(entryStore.storage)
    await entryStore.clear(partsInUse.keysIn(entryStore.storage))
    for (const { key, parts } of used) this.#writes.deleteWhenFree(entryStore.storage, key, parts)
  }

  /**
   * Copies into this cache what another one holds, redirects, variants and lifetimes included. What
   * is here and the same already is left alone, so it goes on where it was interrupted.
   * @throws TypeError ERR_CACHE_OPTION_…; CacheError ERR_CACHE_STORAGE_FAILED; what a function among the
   * options throws, and the signal's reason
   */
  async update(source: BaseCache, options: CopyOptions = {}): Promise<CopyResult> {
    checkOptions(options, copyRules, ' of update()')
    if (!(source instanceof BaseCache)) throw invalidOption('source', 'a cache', source)
    await Promise.all([source.flush(), this.flush()])
    // Responses first: a stored chain of redirects leads to one.
    const { responses, redirects } = this.#waysFrom(source)
    const { options: own, isOwn } = noteOwnErrors(options)
    return wrapErrors('copy what is stored', () => copyAll([responses, redirects], own), isOwn)
  }

  /**
   * Gives everything the key that it has under other options about keys, those that are given or, where
   * none is, those of the interceptor that uses this cache: so that what was stored before they were
   * changed is found again. What the new key depends on and was not stored, as the values of credentials
   * and bodies, it cannot take into account: such a response keeps its key.
   * @throws TypeError ERR_CACHE_OPTION_…; CacheError ERR_CACHE_STORAGE_FAILED; what a function among the
   * options throws
   */
  async recreateKeys(options: RecreateOptions = {}): Promise<RecreateResult> {
    const { onProgress, onError, signal, ...match } = options
    const { options: controls, isOwn } = noteOwnErrors({ onProgress, onError, signal })
    checkOptions(options, recreateRules, ' of recreateKeys()')
    const given = Object.values(match).some((value) => value !== undefined)
    const rules = given ? readKeyRules(match) : this.#keyRules?.rules
    await this.flush()
    const ways = this.#waysFrom(this)
    const recreate = (): Promise<RecreateResult> =>
      recreateAll(ways, rules, controls, this.#removeParts)
    return wrapErrors('recreate keys', recreate, isOwn)
  }

  #waysFrom(source: BaseCache): { responses: CopyWay; redirects: CopyWay } {
    const way = (name: 'responses' | 'redirects'): CopyWay => ({
      from: source[name],
      to: this.#entryStores[name],
      store: (place, body) =>
        this.store(name === 'responses' ? 'response' : 'redirect', place, body),
    })
    return { responses: way('responses'), redirects: way('redirects') }
  }

  /** Deletes what has expired beyond use, and what crashes left behind. @returns how many records */
  async prune(now: EpochMs = Date.now()): Promise<number> {
    let deleted = 0
    for (const storage of [this.responses, this.redirects]) {
      await wrapErrors('delete what has expired', async () => {
        // Also what a server would expire by itself, later or, where it is not allowed to, never.
        deleted += await deleteExpired(storage, now, this.#keysInUse)
        deleted += await deleteOrphans(storage, now, this.#keysInUse)
      })
    }
    return deleted
  }

  /**
   * Reads everything, and finds what no hit could use: entries that are not what was written, bodies
   * without an entry, chains of redirects without an end.
   * @throws TypeError ERR_CACHE_OPTION_…; CacheError ERR_CACHE_STORAGE_FAILED
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyResult> {
    checkOptions(options, verifyRules, ' of verify()')
    const { options: own, isOwn } = noteOwnErrors(options)
    await this.flush()
    return wrapErrors('verify', () => verifyAll(this.#entryStores, own, Date.now()), isOwn)
  }

  /** Waits for what is being written now, as long as it gets on: a storage may hang. */
  async flush(): Promise<void> {
    await this.#writes.settle(stuckAfter)
  }

  // The URL itself, and what its stored redirects lead to.
  async #keysOf(target: RequestTarget): Promise<string[]> {
    const keys = [this.createKey(target)]
    try {
      for (const { key } of await this.history(target)) {
        if (key !== undefined) keys.push(primaryKey(key))
      }
    } catch (error) {
      // What cannot be read leads nowhere, and can be deleted.
      if (!isEntryError(error)) throw error
    }
    return keys
  }

  /**
   * Waits for what is being written, then closes the storages. Idempotent.
   * @throws TypeError ERR_CACHE_OPTION_…
   */
  close(options: CloseOptions = {}): Promise<void> {
    checkOptions(options, closeRules, ' of close()')
    return (this.#closed ??= this.#close(options.timeout ?? closeTimeout))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** What is stored for the request; for the interceptor. */
  lookup(request: CacheRequest, follows: FollowsBelow): MaybePromise<Lookup> {
    const entryStores = this.#entryStores
    const found = findStored(entryStores, request, follows)
    if (this.#budget !== undefined) return chain(found, (lookup) => this.#used(lookup, request))
    if (!isPromise(found) && found.found?.entryStore !== entryStores.redirects) return found
    return chain(found, (lookup) => withoutLoops(lookup, request, entryStores))
  }

  #used(lookup: Lookup, request: CacheRequest): MaybePromise<Lookup> {
    if (lookup.found !== undefined) this.#budget!.use(lookup.found.key, Date.now())
    return withoutLoops(lookup, request, this.#entryStores)
  }

  /** Deletes what a look-up has failed on, where that is a record that is not what was stored. */
  deleteDecayed(error: unknown): MaybePromise<unknown> {
    return this.#writes.track(deleteDecayed(error))
  }

  /** Where a redirect leads that was found for the request. */
  target(request: CacheRequest, redirect: Found): MaybePromise<RedirectTarget> {
    return targetOf(request, redirect, this.#entryStores)
  }

  /** Deletes what was found for a request and is over, other variants left alone. */
  end(request: CacheRequest, found: Found): MaybePromise<void> {
    return endEntry(this.#entryStores, this.#writes, request, found)
  }

  /** Whatever is stored for the request is over, and the storage cannot be told now. */
  forget(request: CacheRequest): void {
    forgetEntries(this.#entryStores, request.key)
  }

  /** Deletes what would answer a request, its variants included, and looks at nothing else. */
  invalidate({ key }: CacheRequest): MaybePromise<void> {
    this.removals.remove(key)
    return invalidateEntries(this.#entryStores, this.#writes, key)
  }

  /** Stores a response whose body is complete. */
  store(as: 'response' | 'redirect', place: Place, body: StoredBody): MaybePromise<void> {
    const record = encodeEntry(place.head, body, place.request, place.dropAt)
    const written = storeEntry(this.#entryStores, this.#writes, as, place, record)
    if (this.#budget?.add(record.head.length + body.bodyBytes) === true) this.#trim(written)
    return written
  }

  #trim(written: MaybePromise<void>): void {
    const trim = (): Promise<void> => this.#budget!.trim(this.#entryStores, this.#removeParts)
    const trimmed = Promise.resolve(written).then(trim, trim)
    this.track(trimmed).catch((error: unknown) => {
      const message = 'the storage failed to delete what is too much'
      reportError(asCacheError('ERR_CACHE_STORAGE_FAILED', message, error), () => {})
    })
  }

  /** Stores where a chain of redirects leads that was followed below the cache. */
  storeChain(
    request: CacheRequest,
    link: ChainLink,
    stored: StoredRequest,
    dropAt: EpochMs | undefined,
  ): MaybePromise<void> {
    return storeChain(this.#entryStores, this.#writes, request, link, stored, dropAt)
  }

  /**
   * Writes new header lines and instants to a stored response, and leaves its body.
   * @returns false where it was replaced meanwhile
   */
  refresh(found: Found, head: EntryHead, dropAt: EpochMs | undefined): MaybePromise<boolean> {
    return refreshEntry(this.#writes, found, head, dropAt)
  }

  /** Deletes an entry whose body turned out not to be whole. @returns whether it was still there */
  discard(found: Found): MaybePromise<boolean> {
    return discardEntry(this.#writes, found)
  }

  /** The long body of an entry is being read: its parts stay until the reader has ended. */
  readsParts({ key, entryStore, entry }: Found): PartsReader {
    return this.#writes.partsInUse.read(entryStore.storage, key, entry.parts!)
  }

  /** Makes `flush()` and `close()` wait for it, however it ends. */
  track<T extends MaybePromise<unknown>>(work: T): T {
    return this.#writes.track(work)
  }

  /** Removes in the background what is of no use any more; now and then, and a little at a time. */
  tend(now: EpochMs, report: (error: unknown) => void): void {
    if (this.#closed !== undefined) return
    const work = this.#maintenance.due([this.responses, this.redirects], now, this.#keysInUse)
    if (work !== undefined) this.track(work).catch(report)
  }

  async #close(timeout: Ms): Promise<void> {
    this.#writes.deleteNow()
    const ended = await inTime(timeout, async () => {
      await this.#writes.settleAll(stuckAtEnd)
      await inTime(lastDeletions, () => this.#endEntryStores())
      await this.responses.close()
      await this.redirects.close()
    })
    await this.disconnect()
    if (ended) return
    const message = `close() waited ${timeout} ms, what was not stored until then may be lost`
    reportError(new CacheError('ERR_CACHE_STORAGE_TIMEOUT', message), () => {})
  }

  // What fails is over all the same; other processes find it.
  async #endEntryStores(): Promise<void> {
    const entryStores = Object.values(this.#made ?? {}) as EntryStore[]
    await Promise.allSettled(entryStores.map((entryStore) => entryStore.end()))
  }

  /** Of a subclass: ends the connection that its storages share, if it is its own. */
  protected async disconnect(): Promise<void> {}
}
