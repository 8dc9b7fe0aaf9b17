/**
 * How long one request waits for the storage: all its waits together have one limit, those for a look-up,
 * for the write of an identical request and for a part of a body alike.
 */
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import { monotonicNow } from '../timers.ts'
import type { Ms } from '../units.ts'

/** See the top of the file. */
export class StorageWait {
  #left: Ms

  constructor(limit: Ms) {
    this.#left = limit
  }

  /** How long it may still wait. */
  get left(): Ms {
    return this.#left
  }

  /** It has waited so long. */
  spend(time: Ms): void {
    this.#left = Math.max(0, this.#left - Math.max(0, time))
  }

  /** Counts how long an answer takes. @param free that much of it does not count */
  count<T>(answer: MaybePromise<T>, free: Ms = 0): MaybePromise<T> {
    if (!isPromise(answer)) return answer
    const askedAt = monotonicNow()
    return answer.finally(() => this.spend(monotonicNow() - askedAt - free))
  }
}
