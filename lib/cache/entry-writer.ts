/**
 * Collects a response as it arrives and stores it when it is complete; never before, and nothing of
 * one that is not. It copies every chunk, for the caller may change what it is handed.
 */
import type { BaseStorage } from '../storage/base-storage.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { EpochMs, Ms } from '../units.ts'
import { backlogOf, Patience, type Backlog } from './backlog.ts'
import { createWriteId, partBytes, partHead } from '../entries/body-parts.ts'
import { checkOf } from '../entries/checksum.ts'
import { wholeBody, type StoredBody } from '../entries/record.ts'
import type { Removal } from './removals.ts'
import { partKey, partKeys } from '../entries/record-keys.ts'

/** Where a response goes, and who hears of it. */
export interface EntryWriterOptions {
  readonly storage: BaseStorage
  readonly key: string
  /** Content-Length, where the origin sent one. */
  readonly expectedBytes: number | undefined
  readonly maxBytes: number
  readonly dropAt: EpochMs | undefined
  readonly now: EpochMs
  /** How long its origin waits at a time for a storage that is behind. */
  readonly patience: Ms
  /** Why the response is not to be stored; of its trailers when they are there. */
  readonly refusal: (
    body: 'whole' | 'in parts',
    trailers?: readonly string[],
  ) => Refusal | undefined
  /** Writes the entry, when its body is complete. */
  readonly commit: (body: StoredBody, trailers: readonly string[]) => MaybePromise<void>
  /** Told of work that goes on by itself. */
  readonly track: (work: Promise<void>) => unknown
  /** Called once: stored, or not and why not. */
  readonly settled: (outcome: WriteOutcome) => void
}

/** How the storing of a response has ended. */
export type WriteOutcome =
  | { readonly stored: true }
  | {
      readonly stored: false
      readonly why: 'incomplete' | 'too-large' | 'too-slow' | Refusal
    }
  | { readonly stored: false; readonly why: 'failed'; readonly error: unknown }

/** Why a response that is complete is not stored: it was deleted before it came, or nobody could read it. */
export type Refusal = Removal | 'malformed'

const firstBytes = 16 * 2 ** 10

/** Takes the chunks of one response; see the top of the file. */
export class EntryWriter {
  readonly #options: EntryWriterOptions
  readonly #partBytes: number
  readonly #backlog: Backlog
  readonly #patience: Patience
  #writeId: string | undefined
  #buffer: Buffer
  #filled = 0
  #total = 0
  /** The checksums of the parts that have been handed to the storage. */
  readonly #checks: number[] = []
  #pending: Promise<void>[] = []
  /** How many of them the storage has not written yet. */
  #unwritten = 0
  #done = false

  constructor(options: EntryWriterOptions) {
    this.#options = options
    this.#partBytes = Math.min(partBytes, options.storage.traits.maxBodyBytes)
    this.#backlog = backlogOf(options.storage)
    this.#patience = new Patience(this.#backlog, options.patience)
    const expected = options.expectedBytes ?? firstBytes
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(expected, this.#partBytes))
  }

  /** @returns what the origin has to wait for, where the storage is behind */
  push(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#done) return undefined
    this.#total += chunk.byteLength
    if (this.#total > this.#options.maxBytes) return this.#giveUp('too-large')
    const before = this.#checks.length
    let from = 0
    while (from < chunk.byteLength && !this.#isDone()) {
      if (this.#filled === this.#partBytes) this.#flushPart()
      const take = Math.min(chunk.byteLength - from, this.#partBytes - this.#filled)
      this.#reserve(this.#filled + take)
      this.#buffer.set(chunk.subarray(from, from + take), this.#filled)
      this.#filled += take
      from += take
    }
    // Who has nothing to write yet keeps nobody waiting.
    const waits = !this.#isDone() && this.#checks.length > before && this.#backlog.full
    return waits ? this.#patience.wait(this.#total, () => this.#giveUp('too-slow')) : undefined
  }

  end(trailers: readonly string[]): void {
    if (this.#done) return
    const { expectedBytes, storage } = this.#options
    // A connection that was cut can look like an end.
    if (expectedBytes !== undefined && expectedBytes !== this.#total) {
      return this.#giveUp('incomplete')
    }
    try {
      if (this.#checks.length > 0) {
        this.#flushPart()
        if (this.#isDone()) return
        this.#done = true
        this.#commitParts(trailers)
      } else {
        const why = this.#options.refusal('whole', trailers)
        if (why !== undefined) return this.#giveUp(why)
        this.#done = true
        const exact = this.#filled === this.#buffer.byteLength
        const bytes = exact ? this.#buffer : Buffer.from(this.#buffer.subarray(0, this.#filled))
        const leaves = storage.traits.persistent ? 'leaves' : 'stays'
        this.#settle(this.#options.commit(wholeBody(bytes, leaves), trailers))
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  abort(): void {
    if (!this.#done) this.#giveUp('incomplete')
  }

  #commitParts(trailers: readonly string[]): void {
    const { storage, track } = this.#options
    if (this.#unwritten === 0) {
      const done = this.#commitWritten(trailers)
      if (isPromise(done)) track(done.catch((error: unknown) => this.#fail(error)))
      return
    }
    const ending: Ending = {
      // What has been handed to the storage is written before what comes now.
      commitNow: () => {
        const saved = this.#unwritten === 0 || storage.traits.savesAtExit === true
        if (saved && this.#options.refusal('in parts', trailers) === undefined) {
          void this.#options.commit(this.#partsBody(), trailers)
        }
      },
    }
    unfinished.add(ending)
    const written = this.#allWritten()
      .then(() => this.#commitWritten(trailers, ending))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => unfinished.delete(ending))
    track(written)
  }

  #commitWritten(trailers: readonly string[], ending?: Ending): MaybePromise<void> {
    const { storage, key, commit, refusal, settled } = this.#options
    // Another process may have cleared the storage, of which nobody here has heard.
    return chain(storage.has(partKey(key, this.#id(), 0)), (there) => {
      const why = there ? refusal('in parts', trailers) : 'cleared'
      if (why !== undefined) return this.#giveUp(why)
      if (ending !== undefined) unfinished.delete(ending)
      return chain(commit(this.#partsBody(), trailers), () => settled({ stored: true }))
    })
  }

  async #allWritten(): Promise<void> {
    await Promise.all(this.#pending)
  }

  #settle(written: MaybePromise<void>): void {
    if (!isPromise(written)) return this.#options.settled({ stored: true })
    written.then(
      () => this.#options.settled({ stored: true }),
      (error) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    this.#end({ stored: false, why: 'failed', error })
  }

  #partsBody(): StoredBody {
    return {
      bytes: new Uint8Array(0),
      parts: { id: this.#id(), bytes: this.#partBytes, checks: this.#checks },
      bodyBytes: this.#total,
    }
  }

  #flushPart(): void {
    const { storage, key, dropAt, refusal } = this.#options
    const why = refusal('in parts')
    if (why !== undefined) return this.#giveUp(why)
    // An origin that goes on although it was told to wait would fill the memory.
    if (this.#patience.waits) return this.#giveUp('too-slow')
    const body = this.#buffer.subarray(0, this.#filled)
    const index = this.#checks.push(checkOf(body)) - 1
    this.#buffer = Buffer.allocUnsafeSlow(this.#partBytes)
    this.#filled = 0
    try {
      const record = { head: partHead(index), body, expiresAt: dropAt }
      const written = storage.adopt(partKey(key, this.#id(), index), record)
      if (isPromise(written)) this.#track(written, body.byteLength)
    } catch (error) {
      this.#fail(error)
    }
  }

  #track(written: Promise<void>, bytes: number): void {
    this.#backlog.add(bytes)
    this.#unwritten++
    const tracked = written.finally(() => {
      this.#unwritten--
      this.#backlog.done(bytes)
    })
    // Whoever awaits it hears of a failure; until then it must not count as unhandled.
    const heard = tracked.catch((error) => {
      if (!this.#done) this.#fail(error)
    })
    // Each part that ends shows that the storage gets on.
    this.#options.track(heard)
    this.#pending.push(tracked)
  }

  #giveUp(why: 'incomplete' | 'too-large' | 'too-slow' | Refusal): undefined {
    this.#end({ stored: false, why })
  }

  #end(outcome: WriteOutcome): void {
    this.#done = true
    this.#buffer = Buffer.alloc(0)
    this.#patience.end()
    this.#options.settled(outcome)
    if (this.#checks.length > 0) void this.#deleteParts()
  }

  async #deleteParts(): Promise<void> {
    await Promise.allSettled(this.#pending)
    const { storage, key } = this.#options
    try {
      await storage.deleteMany(partKeys(key, { id: this.#id(), checks: this.#checks }))
    } catch {
      // They are orphans then, and swept; the failure itself has been told by `settled`.
    }
  }

  // Only a body in parts needs one, and randomness costs.
  #id(): string {
    return (this.#writeId ??= createWriteId(this.#options.now))
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafeSlow(
      Math.min(this.#partBytes, Math.max(bytes, this.#buffer.byteLength * 2)),
    )
    this.#buffer.copy(larger, 0, 0, this.#filled)
    this.#buffer = larger
  }

  // A getter that the compiler does not narrow across calls that may settle it.
  #isDone(): boolean {
    return this.#done
  }

  static {
    // A program that leaves by `process.exit()`, or by an error that nobody caught, right after it has
    // read a long body: where the parts are or will be saved, the entry comes after them. Before the
    // storages, which then save all that they were given.
    process.prependListener('exit', () => {
      for (const { commitNow } of unfinished) {
        try {
          commitNow()
        } catch {
          // There is nobody left to tell.
        }
      }
    })
  }
}

/** A response that is complete, and of which parts are still being written. */
interface Ending {
  readonly commitNow: () => void
}

const unfinished = new Set<Ending>()
