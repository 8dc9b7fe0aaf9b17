/**
 * How far a storage is behind with what it was given, all responses together. Above a limit their
 * origins wait until it has caught up, in the order in which they came to wait: so memory is bounded,
 * and what is a little faster than the storage is stored all the same.
 */
import type { BaseStorage } from '../backends/base-storage.ts'
import { clearTimeout, monotonicNow, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

const maxPendingBytes = 64 * 2 ** 20

/** What one storage has not written yet; see the top of the file. */
export class Backlog {
  #bytes = 0
  /** Those who wait, the first one first. */
  readonly #waiting = new Set<() => void>()

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
    if (this.full) return
    const catchesUp = this.#bytes > maxPendingBytes / 2
    for (const goOn of this.#waiting) {
      goOn()
      // Who goes on brings about as much as was written.
      if (catchesUp) return
    }
  }

  /** @returns what ends the waiting */
  wait(goOn: () => void): () => void {
    this.#waiting.add(goOn)
    return () => this.#waiting.delete(goOn)
  }
}

const backlogs = new WeakMap<BaseStorage, Backlog>()

/** The one of a storage. */
export function backlogOf(storage: BaseStorage): Backlog {
  const known = backlogs.get(storage) ?? new Backlog()
  backlogs.set(storage, known)
  return known
}

// In sum a response waits a few times as long as at a time, and once more for so many bytes.
const timesInSum = 4
const bytesForOneMore = 16 * 2 ** 20

/**
 * What one response waits for its storage: no longer than its patience at a time, and no more often
 * than its length is worth.
 */
export class Patience {
  readonly #backlog: Backlog
  readonly #limit: Ms
  #waited: Ms = 0
  #end: (() => void) | undefined

  /** @param limit how long it waits at a time */
  constructor(backlog: Backlog, limit: Ms) {
    this.#backlog = backlog
    this.#limit = limit
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
    const left = Math.min(this.#limit, most - this.#waited)
    if (left <= 0) {
      tooLong()
      return undefined
    }
    const since = monotonicNow()
    return new Promise((resolve) => {
      const timer = setTimeout(tooLong, left)
      const leave = this.#backlog.wait(() => this.#end?.())
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
