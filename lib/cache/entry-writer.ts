/**
 * Collects a response as it arrives and stores it when it is complete; never before, and nothing of
 * one that is not. It copies every chunk, for the caller may change what it is handed.
 */
import type { BaseStorage } from '../backends/base-storage.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { EpochMs } from '../units.ts'
import { createWriteId, partBytes, partHead, partKey, partKeys } from './body-parts.ts'
import { checkOf } from './checksum.ts'
import { wholeBody, type StoredBody } from './record.ts'

/** Where a response goes, and who hears of it. */
export interface EntryWriterOptions {
  readonly storage: BaseStorage
  readonly key: string
  /** Content-Length, where the origin sent one. */
  readonly expectedBytes: number | undefined
  readonly maxBytes: number
  readonly dropAt: EpochMs | undefined
  readonly now: EpochMs
  /** Writes the entry, when its body is complete. */
  readonly commit: (body: StoredBody, trailers: readonly string[]) => MaybePromise<void>
  /** Told of work that goes on after the last chunk. */
  readonly track: (work: Promise<void>) => unknown
  /** Called once: stored, or not and why not. */
  readonly settled: (outcome: WriteOutcome) => void
}

/** How the storing of a response has ended. */
export type WriteOutcome =
  | { readonly stored: true }
  | { readonly stored: false; readonly why: 'incomplete' | 'too-large' | 'too-slow' }
  | { readonly stored: false; readonly why: 'failed'; readonly error: unknown }

// A storage that is further behind than this is too slow: callers must not wait for it, and memory
// must not hold the rest. What counts is how far it is behind with all responses together.
const maxPendingBytes = 64 * 2 ** 20
const pendingBytes = new WeakMap<BaseStorage, number>()
const firstBytes = 16 * 2 ** 10

/** Takes the chunks of one response; see the top of the file. */
export class EntryWriter {
  readonly #options: EntryWriterOptions
  readonly #partBytes: number
  #writeId: string | undefined
  #buffer: Buffer
  #filled = 0
  #total = 0
  /** The checksums of the parts that have been handed to the storage. */
  readonly #checks: number[] = []
  #pending: Promise<void>[] = []
  #done = false

  constructor(options: EntryWriterOptions) {
    this.#options = options
    this.#partBytes = Math.min(partBytes, options.storage.traits.maxBodyBytes)
    const expected = options.expectedBytes ?? firstBytes
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(expected, this.#partBytes))
  }

  push(chunk: Uint8Array): void {
    if (this.#done) return
    this.#total += chunk.byteLength
    if (this.#total > this.#options.maxBytes)
      return this.#giveUp({ stored: false, why: 'too-large' })
    let from = 0
    while (from < chunk.byteLength && !this.#done) {
      if (this.#filled === this.#partBytes) this.#flushPart()
      const take = Math.min(chunk.byteLength - from, this.#partBytes - this.#filled)
      this.#reserve(this.#filled + take)
      this.#buffer.set(chunk.subarray(from, from + take), this.#filled)
      this.#filled += take
      from += take
    }
  }

  end(trailers: readonly string[]): void {
    if (this.#done) return
    const { expectedBytes } = this.#options
    // A connection that was cut can look like an end.
    if (expectedBytes !== undefined && expectedBytes !== this.#total) {
      return this.#giveUp({ stored: false, why: 'incomplete' })
    }
    try {
      if (this.#checks.length > 0) {
        this.#flushPart()
        if (this.#isDone()) return
        this.#done = true
        const body = this.#partsBody()
        const written = Promise.all(this.#pending).then(() => this.#options.commit(body, trailers))
        this.#options.track(written)
        this.#settle(written)
      } else {
        this.#done = true
        const exact = this.#filled === this.#buffer.byteLength
        const bytes = exact ? this.#buffer : Buffer.from(this.#buffer.subarray(0, this.#filled))
        const leaves = this.#options.storage.traits.persistent ? 'leaves' : 'stays'
        this.#settle(this.#options.commit(wholeBody(bytes, leaves), trailers))
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  abort(): void {
    if (!this.#done) this.#giveUp({ stored: false, why: 'incomplete' })
  }

  #settle(written: MaybePromise<void>): void {
    if (!isPromise(written)) return this.#options.settled({ stored: true })
    written.then(
      () => this.#options.settled({ stored: true }),
      (error) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    this.#giveUp({ stored: false, why: 'failed', error })
  }

  #partsBody(): StoredBody {
    return {
      bytes: new Uint8Array(0),
      parts: { id: this.#id(), bytes: this.#partBytes, checks: this.#checks },
      bodyBytes: this.#total,
    }
  }

  #flushPart(): void {
    const { storage, key, dropAt } = this.#options
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
    const pending = this.#pendingBytes(bytes)
    const tracked = written.finally(() => this.#pendingBytes(-bytes))
    // Whoever awaits it hears of a failure; until then it must not count as unhandled.
    tracked.catch((error) => {
      if (!this.#done) this.#fail(error)
    })
    this.#pending.push(tracked)
    if (pending > maxPendingBytes) this.#giveUp({ stored: false, why: 'too-slow' })
  }

  #pendingBytes(change: number): number {
    const { storage } = this.#options
    const pending = (pendingBytes.get(storage) ?? 0) + change
    pendingBytes.set(storage, pending)
    return pending
  }

  #giveUp(outcome: WriteOutcome): void {
    this.#done = true
    this.#buffer = Buffer.alloc(0)
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
}
