/**
 * How much may be replayed before the event loop has to turn. Answers that come synchronously can
 * keep a loop of `await`s from ever turning: no timer fires then, and no body is freed.
 */
import { queueMicrotask, setImmediate } from './timers.ts'
const maxBytes = 4 * 2 ** 20
const maxReplays = 1000
// Below that there is no need to know when the loop turns: storages that answer later turn it.
const fewReplays = 32
const fewBytes = 2 ** 18

/** Counts what is replayed between two turns of the loop; see the top of the file. */
export class LoopTurn {
  #replays = 0
  #bytes = 0
  #waiting: (() => void)[] = []
  #armed = false

  /** @returns whether one more replay of that size fits into this turn */
  spend(bytes: number): boolean {
    if (!this.#armed && (this.#replays >= fewReplays || this.#bytes >= fewBytes)) this.#arm()
    if (this.#replays >= maxReplays || this.#bytes >= maxBytes) return false
    this.#replays++
    this.#bytes += bytes
    return true
  }

  /** Calls back in the next turn. */
  next(callback: () => void): void {
    if (!this.#armed) this.#arm()
    this.#waiting.push(callback)
  }

  #arm(): void {
    this.#armed = true
    setImmediate(() => {
      this.#armed = false
      this.#replays = 0
      this.#bytes = 0
      const waiting = this.#waiting
      this.#waiting = []
      // Each on its own: what one throws must not take the others along.
      for (const callback of waiting) queueMicrotask(callback)
    })
  }
}
