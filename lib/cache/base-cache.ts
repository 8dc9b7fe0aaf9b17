/**
 * A cache: two storages, and what the library does with them. `BaseCache` itself keeps everything in
 * memory; a subclass brings other storages.
 */
import type { BaseStorage } from '../backends/base-storage.ts'
import { MemoryStorage } from '../backends/memory.ts'
import { checkOptions, isBytes, type Rules } from '../check-options.ts'
import { invalidOption } from '../errors.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { credentialForms, putBackEchoes } from '../request/echoes.ts'
import type { CacheRequest } from '../request/read-request.ts'
import type { EpochMs, Ms } from '../units.ts'
import { isPartKey, partKeys } from './body-parts.ts'
import { copyAll, copyRules, type CopyOptions, type CopyResult, type CopyWay } from './copy.ts'
import { describeRequest, type RequestTarget } from './describe-request.ts'
import type { BodyParts, Entry, EntryHead, StoredRequest } from './entry.ts'
import {
  chainKey,
  findChain,
  findEnd,
  findOn,
  notFound,
  Shelf,
  type Found,
  type Lookup,
} from './lookup.ts'
import { deleteExpired, deleteOrphans } from './maintenance.ts'
import { historyOf, type HistoryStep } from './history.ts'
import { decodeRequest, encodeChain, encodeEntry, encodeHead, type StoredBody } from './record.ts'

/** What can be tuned of every cache that can be kept hot. */
export interface CacheTuning {
  /** Bytes of bodies kept decoded in this process, in front of the storages; 0 keeps none. */
  readonly hotTierBytes?: number | undefined
}

/** Checks of `CacheTuning`. */
export const tuningRules: Rules<CacheTuning> = { hotTierBytes: isBytes }

/** How a request follows redirects: it does below the cache, it does not, or nobody knows yet. */
export type FollowsBelow = boolean | undefined

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
  readonly responses: BaseStorage = new MemoryStorage()
  /** Redirects, each hop on its own. */
  readonly redirects: BaseStorage = new MemoryStorage()

  readonly #hotTierBytes: number
  #shelves: { responses: Shelf; redirects: Shelf } | undefined
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
  }

  // Made at the first use: a subclass sets its storages after this constructor has run.
  get #shelf(): { responses: Shelf; redirects: Shelf } {
    return (this.#shelves ??= {
      responses: new Shelf(this.responses, this.#hotTierBytes),
      redirects: new Shelf(this.redirects, this.#hotTierBytes),
    })
  }

  /** Whether a response or redirect is stored for the request, expired or not. */
  async has(target: RequestTarget): Promise<boolean> {
    return (await this.lookup(describeRequest(target), undefined)).found !== undefined
  }

  /** Deletes what is stored for the request, all its variants included. @returns whether there was */
  async delete(target: RequestTarget): Promise<boolean> {
    const { key } = describeRequest(target)
    // What a caller has got may still be on its way into the storage.
    await this.flush()
    let deleted = false
    for (const shelf of [this.#shelf.responses, this.#shelf.redirects]) {
      const ofKey: string[] = []
      for await (const stored of shelf.storage.keys()) {
        if (stored === key || stored.startsWith(`${key}.`)) ofKey.push(stored)
      }
      for (const stored of ofKey) if (await shelf.delete(stored)) deleted = true
    }
    return deleted
  }

  /** How many responses are stored. */
  async size(): Promise<number> {
    await this.flush()
    let count = 0
    for await (const key of this.responses.keys()) if (!isPartKey(key)) count++
    return count
  }

  /** The URL of every stored response, credentials taken out; reads no body. */
  async *urls(): AsyncIterable<string> {
    await this.flush()
    for await (const { key, head } of this.responses.heads()) {
      if (!isPartKey(key)) yield decodeRequest(head).url
    }
  }

  /** The stored chain of redirects that begins at a URL, its last response included. */
  history(target: RequestTarget): Promise<HistoryStep[]> {
    return historyOf(target, async (request) => this.lookup(request, undefined))
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

  /** Waits for what is being written, as long as it gets on: a storage may hang. */
  async flush(): Promise<void> {
    await this.#flush(stuckAfter)
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
    const response = findOn(this.#shelf.responses, request)
    if (isPromise(response)) {
      // Both at once: a miss costs one round trip.
      const redirect = Promise.resolve(this.#lookupRedirect(request, follows))
      // Where the response is found nobody waits for the redirect.
      redirect.catch(() => {})
      return response.then((found) => (found === notFound ? redirect : found))
    }
    return response === notFound ? this.#lookupRedirect(request, follows) : response
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
    if (sweeps && this.responses.traits.persistent) await deleteOrphans(this.responses, now)
  }

  #lookupRedirect(request: CacheRequest, follows: FollowsBelow): MaybePromise<Lookup> {
    if (follows === false) return findOn(this.#shelf.redirects, request)
    return chain(this.#lookupChain(request), (followed) => {
      if (follows === true) return followed
      // Nobody knows whether this caller would get to see the redirect or what comes after it.
      return chain(findOn(this.#shelf.redirects, request), (hop) => {
        if (hop.found === undefined) return followed
        const { endPrimary } = followed
        return { ...(followed.found === undefined ? hop : followed), endPrimary, ambiguous: true }
      })
    })
  }

  #lookupChain(request: CacheRequest): MaybePromise<Lookup> {
    return chain(findChain(this.#shelf.redirects, request), (link) => {
      if (link === undefined) return notFound
      return chain(findEnd(this.#shelf.responses, request, link.target), (end): Lookup => {
        if (end.found === undefined) return end
        const forms = link.echoes === undefined ? [] : credentialForms(request.credentials)
        const history = putBackEchoes(link.history, link.echoes ?? [], forms)
        return { ...end, found: { ...end.found, history } }
      })
    })
  }

  // The parts of a body live as long as the entry that refers to them.
  #keepParts({ key, shelf, entry }: Found, dropAt: EpochMs | undefined): MaybePromise<void> {
    if (entry.parts === undefined) return
    return (async () => {
      for (const part of partKeys(key, entry.parts!)) {
        const record = await shelf.storage.peek(part)
        if (record === undefined) return
        await shelf.storage.replaceHead(part, record.head, { head: record.head, expiresAt: dropAt })
      }
    })()
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
