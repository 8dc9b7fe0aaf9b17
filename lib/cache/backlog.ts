/**
 * How far a storage is behind with what it was given, all responses together. Above a limit their
 * origins wait until it has caught up, the oldest response first: so memory is bounded, and where the
 * storage is far too slow it is the newest that are given up.
 */
import type { BaseStorage } from '../storage/base-storage.ts'
import { clearTimeout, monotonicNow, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

const maxPendingBytes = 64 * 2 ** 20

/** What one storage has not written yet; see the top of the file. */
export class Backlog {
  #bytes = 0
  #writers = 0
  #writtenAt: Ms = -Infinity
  readonly #waiting = new Set<Waiting>()

  /** A number for a response that begins. */
  begin(): number {
    return ++this.#writers
  }

  /** When it has last written something, by the clock that only goes forward. */
  get writtenAt(): Ms {
    return this.#writtenAt
  }

  /** Whether whoever has more has to wait. */
  get full(): boolean {
    return this.#bytes > maxPendingBytes
  }

  /** So many bytes are given to the storage. */
  add(bytes: number): void {
    this.#bytes += bytes
  }

  /** It has written them, or has failed to. */
  done(bytes: number): void {
    this.#bytes -= bytes
    this.#writtenAt = monotonicNow()
    if (this.full || this.#waiting.size === 0) return
    if (this.#bytes <= maxPendingBytes / 2) for (const { goOn } of this.#waiting) goOn()
    // Who goes on brings about as much as was written.
    else
      Array.from(this.#waiting)
        .reduce((a, b) => (a.writer < b.writer ? a : b))
        .goOn()
  }

  /** @param writer its number  @returns what ends the waiting */
  wait(writer: number, goOn: () => void): () => void {
    const waiting = { writer, goOn }
    this.#waiting.add(waiting)
    return () => this.#waiting.delete(waiting)
  }
}

interface Waiting {
  readonly writer: number
  readonly goOn: () => void
}

const backlogs = new WeakMap<BaseStorage, Backlog>()

/** The one of a storage. */
export function backlogOf(storage: BaseStorage): Backlog {
  const known = backlogs.get(storage) ?? new Backlog()
  backlogs.set(storage, known)
  return known
}

// In sum a response waits a few times as long as for a storage that does nothing, and once more for so
// many bytes.
const timesInSum = 4
const bytesForOneMore = 16 * 2 ** 20

/**
 * What one response waits for its storage: no longer than its limit where the storage does nothing, and
 * no longer than its length is worth where it gets on.
 */
export class Patience {
  readonly #backlog: Backlog
  readonly #limit: Ms
  readonly #writer: number
  #waited: Ms = 0
  #end: (() => void) | undefined

  /** @param limit how long it waits for a storage that does nothing */
  constructor(backlog: Backlog, limit: Ms) {
    this.#backlog = backlog
    this.#limit = limit
    this.#writer = backlog.begin()
  }

  /** Whether it waits now. */
  get waits(): boolean {
    return this.#end !== undefined
  }

  /**
   * Waits until the storage has caught up.
   * @param bytes length of the response so far
   * @param tooLong called where it does not within the limit
   * @returns undefined where it waits already, or may not wait any more and `tooLong` was called
   */
  wait(bytes: number, tooLong: () => void): Promise<void> | undefined {
    if (this.#end !== undefined) return undefined
    const most = this.#limit * (timesInSum + Math.floor(bytes / bytesForOneMore))
    const since = monotonicNow()
    const last = since + most - this.#waited
    // Timers are a little early now and then.
    if (last - since < 1) {
      tooLong()
      return undefined
    }
    return new Promise((resolve) => {
      const waitOn = (): NodeJS.Timeout => {
        const until = Math.min(Math.max(since, this.#backlog.writtenAt) + this.#limit, last)
        const left = Math.max(0, until - monotonicNow())
        return setTimeout(() => {
          // It may have written something meanwhile.
          if (this.#backlog.writtenAt + this.#limit <= until || until === last) tooLong()
          else timer = waitOn()
        }, left)
      }
      let timer = waitOn()
      const leave = this.#backlog.wait(this.#writer, () => this.#end?.())
      this.#end = () => {
        this.#end = undefined
        clearTimeout(timer)
        leave()
        this.#waited += monotonicNow() - since
        resolve()
      }
    })
  }

  /** Waits no more. */
  end(): void {
    this.#end?.()
  }
}
