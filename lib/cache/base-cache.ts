/**
 * A cache: two storages, and what the library does with them. `BaseCache` itself keeps everything in
 * memory; a subclass brings other storages.
 */
import type { BaseStorage } from '../backends/base-storage.ts'
import { MemoryStorage } from '../backends/memory.ts'
import { checkOptions, isBytes, type Rules } from '../check-options.ts'
import { invalidOption } from '../errors.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { ExpireAfter } from '../policy/lifetime-rules.ts'
import type { KeyRules } from '../request/key-rules.ts'
import type { CacheRequest } from '../request/read-request.ts'
import { serialized, serializerRule, type SerializerOption } from '../serializers/serializer.ts'
import type { EpochMs, Ms } from '../units.ts'
import { isPartKey, partHead, partKeys } from './body-parts.ts'
import type { CachedResponse } from './cached-response.ts'
import { copyAll, copyRules, type CopyOptions, type CopyResult, type CopyWay } from './copy.ts'
import { describeRequest, isTarget, type RequestTarget } from './describe-request.ts'
import type { BodyParts, Entry, EntryHead, StoredRequest } from './entry.ts'
import {
  chainKey,
  findStored,
  primaryKey,
  type FollowsBelow,
  type Found,
  type Lookup,
} from './lookup.ts'
import { Shelf, type Shelves } from './shelf.ts'
import { deleteExpired, deleteOrphans } from './maintenance.ts'
import { deleteRequests, deleteSelected, type RemoveParts } from './deletion.ts'
import { historyOf, type HistoryStep } from './history.ts'
import { withoutLoops } from './redirect-loop.ts'
import { checkLifetime, resetOf } from './reset-expiration.ts'
import {
  checkSelection,
  selectEntries,
  selectionRules,
  selector,
  type Selection,
} from './selection.ts'
import { countHoldings, newCounters, type CacheStats, type Counters } from './stats.ts'
import { decodeRequest, encodeChain, encodeEntry, encodeHead, type StoredBody } from './record.ts'
import { verifyAll, verifyRules, type VerifyOptions, type VerifyResult } from './verify.ts'

/** What can be tuned of every cache that can be kept hot. */
export interface CacheTuning extends SerializerOption {
  /** Bytes of bodies kept decoded in this process, in front of the storages; 0 keeps none. */
  readonly hotTierBytes?: number | undefined
}

/** Checks of `CacheTuning`. */
export const tuningRules: Rules<CacheTuning> = {
  hotTierBytes: isBytes,
  serializer: serializerRule,
}

// A storage that has finished no write for so long hangs; a program that ends waits less.
const stuckAfter: Ms = 30_000
const stuckAtEnd: Ms = 3_000
const defaultHotTierBytes = 32 * 2 ** 20
const tendEvery: Ms = 60_000
const sweepEvery: Ms = 3_600_000
// How long the parts of a replaced body stay, for a reader that is in the middle of them.
const partsLinger: Ms = 30_000

/** The cache in memory, and the base of all others: a subclass sets `responses` and `redirects`. */
export class BaseCache {
  /** Responses, and the parts of long bodies. */
  readonly responses: BaseStorage
  /** Redirects, each hop on its own. */
  readonly redirects: BaseStorage

  /** What was done in this process; for the interceptor, which counts. */
  readonly counters: { -readonly [Name in keyof Counters]: number } = newCounters()

  readonly #hotTierBytes: number
  #shelves: Shelves | undefined
  #keyRules: { readonly rules: KeyRules | undefined } | undefined
  readonly #writing = new Set<Promise<unknown>>()
  /** How many writes have ended. */
  #written = 0
  readonly #lingering = new Map<NodeJS.Timeout, () => Promise<unknown>>()
  #tendedAt: EpochMs = 0
  #sweptAt: EpochMs | undefined
  #closed: Promise<void> | undefined

  /** @throws TypeError ERR_CACHE_OPTION_… */
  constructor(options: CacheTuning = {}) {
    // A subclass has checked its own, of which these are a part.
    if (new.target === BaseCache) checkOptions(options, tuningRules, ' of BaseCache')
    this.#hotTierBytes = options.hotTierBytes ?? defaultHotTierBytes
    this.responses = serialized(new MemoryStorage(), options.serializer)
    this.redirects = serialized(new MemoryStorage(), options.serializer)
  }

  // Made at the first use: a subclass sets its storages after this constructor has run.
  get #shelf(): Shelves {
    return (this.#shelves ??= {
      responses: new Shelf(this.responses, this.#hotTierBytes),
      redirects: new Shelf(this.redirects, this.#hotTierBytes),
    })
  }

  /** Whether a response or redirect is stored for the request, expired or not. */
  async has(target: RequestTarget): Promise<boolean> {
    return (await findStored(this.#shelf, this.#describe(target), undefined)).found !== undefined
  }

  /**
   * Deletes what is stored for a request, its variants and the redirects that it leads to included.
   * @returns whether there was anything
   */
  async delete(target: RequestTarget): Promise<boolean>
  /** Deletes what meets all of these conditions; `clear()` deletes everything. @returns how many */
  async delete(selection: Selection): Promise<number>
  async delete(what: RequestTarget | Selection): Promise<boolean | number> {
    const removeParts: RemoveParts = ({ storage }, key, parts) => this.#linger(storage, key, parts)
    if (isTarget(what)) {
      const keys = await this.#keysOf(what)
      // What a caller has got may still be on its way into the storage.
      await this.flush()
      return deleteRequests(this.#shelf, keys, removeParts)
    }
    checkSelection(what)
    await this.flush()
    return deleteSelected(this.#shelf, what, selector(what, Date.now()), removeParts)
  }

  /**
   * The stored responses that meet all of these conditions; bodies are read when asked for.
   * @throws TypeError ERR_CACHE_OPTION_…
   */
  filter(selection: Selection = {}): AsyncGenerator<CachedResponse> {
    checkOptions(selection, selectionRules, ' of a selection')
    const all = async function* (this: BaseCache): AsyncGenerator<CachedResponse> {
      await this.flush()
      yield* selectEntries(this.responses, selector(selection, Date.now()))
    }
    return all.call(this)
  }

  /** How many responses are stored. */
  async size(): Promise<number> {
    await this.flush()
    let count = 0
    for await (const key of this.responses.keys()) if (!isPartKey(key)) count++
    return count
  }

  /** The URL of every stored response, or of the selected ones, credentials taken out. */
  async *urls(selection: Selection = {}): AsyncGenerator<string> {
    for await (const { url } of this.filter(selection)) yield url
  }

  /** What is stored, and what was done since the program began; goes through everything. */
  async stats(): Promise<CacheStats> {
    await this.flush()
    return { ...(await countHoldings(this.#shelf, Date.now())), ...this.counters }
  }

  /**
   * Gives all stored responses, or the selected ones, another lifetime, counted from now on.
   * @returns how many have another one now
   * @throws TypeError ERR_CACHE_OPTION_INVALID
   */
  async resetExpiration(expireAfter: ExpireAfter, selection: Selection = {}): Promise<number> {
    checkOptions(selection, selectionRules, ' of a selection')
    checkLifetime(expireAfter)
    await this.flush()
    const now = Date.now()
    let changed = 0
    for (const shelf of [this.#shelf.responses, this.#shelf.redirects]) {
      for await (const response of selectEntries(shelf.storage, selector(selection, now))) {
        const { key } = response
        const reset = resetOf(response, expireAfter, now)
        if (reset === undefined) continue
        if (reset.action === 'delete') {
          if (await shelf.delete(key)) changed++
          if (response.head.parts) this.#linger(shelf.storage, key, response.head.parts)
          continue
        }
        const entry = await shelf.entry(key)
        if (entry === undefined) continue
        if (await this.refresh({ key, shelf, entry }, reset.head, reset.dropAt)) changed++
      }
    }
    return changed
  }

  /** The stored chain of redirects that begins at a URL, its last response included. */
  history(target: RequestTarget): Promise<HistoryStep[]> {
    const describe = (next: RequestTarget): CacheRequest => this.#describe(next)
    return historyOf(target, describe, async (next) => findStored(this.#shelf, next, undefined))
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

  #describe(target: RequestTarget): CacheRequest {
    return describeRequest(target, this.#keyRules?.rules)
  }

  /** Deletes everything. */
  async clear(): Promise<void> {
    await this.flush()
    await this.#shelf.responses.clear()
    await this.#shelf.redirects.clear()
  }

  /**
   * Copies into this cache what another one holds, redirects, variants and lifetimes included. What
   * is here and the same already is left alone, so it goes on where it was interrupted.
   * @throws TypeError ERR_CACHE_OPTION_…; what either cache's storage throws
   */
  async update(source: BaseCache, options: CopyOptions = {}): Promise<CopyResult> {
    checkOptions(options, copyRules, ' of update()')
    if (!(source instanceof BaseCache)) throw invalidOption('source', 'a cache', source)
    await Promise.all([source.flush(), this.flush()])
    // Responses first: a stored chain of redirects leads to one.
    const ways = (['responses', 'redirects'] as const).map((name): CopyWay => ({
      from: source[name],
      to: this.#shelf[name],
      store: (place, body) =>
        this.store(name === 'responses' ? 'response' : 'redirect', place, body),
    }))
    return copyAll(ways, options)
  }

  /** Deletes what has expired beyond use, and what crashes left behind. @returns how many records */
  async prune(now: EpochMs = Date.now()): Promise<number> {
    let deleted = 0
    for (const storage of [this.responses, this.redirects]) {
      if (!storage.traits.expires) deleted += await deleteExpired(storage, now)
    }
    return deleted + (await deleteOrphans(this.responses, now))
  }

  /**
   * Reads everything, and finds what no hit could use: entries that are not what was written, bodies
   * without an entry, chains of redirects without an end.
   * @throws TypeError ERR_CACHE_OPTION_…; what a storage throws
   */
  async verify(options: VerifyOptions = {}): Promise<VerifyResult> {
    checkOptions(options, verifyRules, ' of verify()')
    await this.flush()
    return verifyAll(this.#shelf, options, Date.now())
  }

  /** Waits for what is being written, as long as it gets on: a storage may hang. */
  async flush(): Promise<void> {
    await this.#flush(stuckAfter)
  }

  // The URL itself, and what its stored redirects lead to.
  async #keysOf(target: RequestTarget): Promise<string[]> {
    const keys = [this.createKey(target)]
    for (const { key } of await this.history(target))
      if (key !== undefined) keys.push(primaryKey(key))
    return keys
  }

  async #flush(patience: Ms): Promise<void> {
    for (let written = -1; this.#writing.size > 0 && this.#written > written;) {
      written = this.#written
      let timer: NodeJS.Timeout | undefined
      const pause = new Promise((resolve) => {
        timer = setTimeout(resolve, patience)
      })
      await Promise.race([Promise.all(this.#writing), pause])
      clearTimeout(timer)
    }
  }

  /** Waits for what is being written, then closes the storages. Idempotent. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** What is stored for the request; for the interceptor. */
  lookup(request: CacheRequest, follows: FollowsBelow): MaybePromise<Lookup> {
    const shelves = this.#shelf
    const found = findStored(shelves, request, follows)
    if (!isPromise(found) && found.found?.shelf !== shelves.redirects) return found
    return chain(found, (lookup) => withoutLoops(lookup, request, shelves))
  }

  /** Stores a response whose body is complete. */
  store(as: 'response' | 'redirect', place: Place, body: StoredBody): MaybePromise<void> {
    const { key, head, request, dropAt, replaces } = place
    const shelf = as === 'response' ? this.#shelf.responses : this.#shelf.redirects
    const written = this.track(shelf.write(key, encodeEntry(head, body, request, dropAt)))
    if (replaces === undefined) return written
    const { entry: old, key: oldKey, shelf: oldShelf } = replaces
    // Under another key it is another variant, which stays with its body.
    const replaced = oldShelf !== shelf || oldKey === key
    if (replaced && old.parts !== undefined) this.#linger(oldShelf.storage, oldKey, old.parts)
    // A URL that redirected and does not any more, or the other way round.
    const moved = oldShelf !== shelf
    return moved ? chain(written, () => this.#ignore(this.track(oldShelf.delete(oldKey)))) : written
  }

  /** Stores where a chain of redirects leads that was followed below the cache. */
  storeChain(
    request: CacheRequest,
    link: { history: readonly string[]; echoes?: Entry['echoes']; target: string },
    stored: StoredRequest,
    dropAt: EpochMs | undefined,
  ): MaybePromise<void> {
    const record = encodeChain({ text: request.text, ...link }, stored, dropAt)
    return this.track(this.#shelf.redirects.write(chainKey(request.key), record))
  }

  /**
   * Writes new header lines and instants to a stored response, and leaves its body.
   * @returns false where it was replaced meanwhile
   */
  refresh(found: Found, head: EntryHead, dropAt: EpochMs | undefined): MaybePromise<boolean> {
    const { key, shelf, entry } = found
    return this.track(
      chain(shelf.record(key), (record) => {
        if (record === undefined) return false
        const next = {
          head: encodeHead(head, entry, decodeRequest(record.head)),
          expiresAt: dropAt,
        }
        return chain(
          shelf.hot.write(key, undefined, () => shelf.storage.replaceHead(key, record.head, next)),
          (replaced) => chain(this.#keepParts(found, dropAt), () => replaced),
        )
      }),
    )
  }

  /** Makes `flush()` and `close()` wait for it, however it ends. */
  track<T extends MaybePromise<unknown>>(work: T): T {
    if (isPromise(work)) {
      const ended = (): void => {
        this.#writing.delete(tracked)
        this.#written++
      }
      const tracked = work.then(ended, ended)
      this.#writing.add(tracked)
    }
    return work
  }

  /** Removes in the background what is of no use any more; now and then, and a little at a time. */
  tend(now: EpochMs, report: (error: unknown) => void): void {
    if (now - this.#tendedAt < tendEvery || this.#closed !== undefined) return
    this.#tendedAt = now
    const sweeps = this.#sweptAt === undefined || now - this.#sweptAt >= sweepEvery
    if (sweeps) this.#sweptAt = now
    this.track(this.#tend(now, sweeps)).catch(report)
  }

  async #tend(now: EpochMs, sweeps: boolean): Promise<void> {
    for (const storage of [this.responses, this.redirects]) {
      if (!storage.traits.expires) await deleteExpired(storage, now)
    }
    // Where the storage expires by itself parts go with what they are of; a sweep would go through a
    // whole server.
    const { persistent, expires } = this.responses.traits
    if (sweeps && persistent && !expires) await deleteOrphans(this.responses, now)
  }

  // The parts of a body live as long as the entry that refers to them.
  #keepParts({ key, shelf, entry }: Found, dropAt: EpochMs | undefined): MaybePromise<void> {
    if (entry.parts === undefined) return
    // What stands in their heads is known: no part needs to be read.
    const kept = partKeys(key, entry.parts).map(async (part, index) => {
      const head = partHead(index)
      return shelf.storage.replaceHead(part, head, { head, expiresAt: dropAt })
    })
    return Promise.all(kept).then(() => {})
  }

  #linger(storage: BaseStorage, key: string, parts: BodyParts): void {
    const remove = (): Promise<unknown> => {
      this.#lingering.delete(timer)
      return storage.deleteMany(partKeys(key, parts))
    }
    // What fails here leaves orphans, which are swept.
    const timer = setTimeout(() => void remove().catch(() => {}), partsLinger).unref()
    this.#lingering.set(timer, remove)
  }

  #ignore(work: MaybePromise<unknown>): MaybePromise<void> {
    return chain(work, () => {})
  }

  async #close(): Promise<void> {
    for (const [timer, remove] of this.#lingering) {
      clearTimeout(timer)
      void this.track(remove().catch(() => {}))
    }
    await this.#flush(stuckAtEnd)
    await this.responses.close()
    await this.redirects.close()
    await this.disconnect()
  }

  /** Of a subclass: ends the connection that its storages share, if it is its own. */
  protected async disconnect(): Promise<void> {}
}

/** Where and as what a response is stored. */
export interface Place {
  readonly key: string
  readonly head: EntryHead
  readonly request: StoredRequest
  readonly dropAt: EpochMs | undefined
  /** What was found for the request before. */
  readonly replaces?: Found | undefined
}
