/**
 * How much the cache may do before the event loop has to turn, whatever it is: answers that come
 * synchronously, and work that goes through everything that is stored, can keep a chain of `await`s
 * from ever letting the loop turn. No timer fires then, no socket is read, and no body is freed. One
 * budget counts for all of it together.
 */
import { monotonicNow, queueMicrotask, setImmediate } from './timers.ts'
import type { Ms } from './units.ts'

// Well below the 20 ms that nobody may be held up for: the program itself needs some of them, and the
// step that is begun last may be a long one.
const maxTime: Ms = 6
const maxBytes = 4 * 2 ** 20
const maxReplays = 1000
// Below that there is no need to know when the loop turns: storages that answer later turn it.
const fewReplays = 32
const fewBytes = 2 ** 18
// Asking for the time at each replay would cost more than it tells.
const replaysPerLook = 16

/** Counts what is done between two turns of the loop; see the top of the file. */
export class LoopTurn {
  readonly #now: () => Ms
  #replays = 0
  #bytes = 0
  /** When the first of it was done, as far as it is known. */
  #since: Ms = 0
  #tookLong = false
  #armed = false
  #waiting: Waiting[] = []

  /** @param now the clock; a test may bring its own */
  constructor(now: () => Ms = monotonicNow) {
    this.#now = now
  }

  /** Whether nothing should be begun any more in this turn. */
  get isOver(): boolean {
    return this.#tookLong || this.#replays >= maxReplays || this.#bytes >= maxBytes
  }

  /** @returns whether one more replay of that size fits into this turn */
  spend(bytes: number): boolean {
    if (!this.#armed && (this.#replays >= fewReplays || this.#bytes >= fewBytes)) this.#arm()
    if (this.#armed && this.#replays % replaysPerLook === 0) this.#lookAtTime()
    if (this.isOver) return false
    this.#replays++
    this.#bytes += bytes
    return true
  }

  /** Calls back in a later turn, each after those that came before it. */
  next(callback: () => void, bytes = 0): void {
    if (!this.#armed) this.#arm()
    this.#waiting.push({ callback, bytes })
  }

  /**
   * For work of many steps, before each of them.
   * @param bytes what the step is going to read
   * @returns undefined where it may be done in this turn; else what resolves in a later one
   */
  pause(bytes = 0): Promise<void> | undefined {
    if (!this.#armed) this.#arm()
    this.#lookAtTime()
    if (!this.isOver) {
      this.#bytes += bytes
      return undefined
    }
    return new Promise((resolve) => this.next(resolve, bytes))
  }

  #lookAtTime(): void {
    if (this.#now() - this.#since >= maxTime) this.#tookLong = true
  }

  #arm(): void {
    this.#armed = true
    this.#since = this.#now()
    setImmediate(() => this.#turned())
  }

  #turned(): void {
    this.#armed = false
    this.#replays = 0
    this.#bytes = 0
    this.#tookLong = false
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    this.#arm()
    this.#callBack(waiting, 0)
  }

  // Each on its own, and after what the one before has led to: so what one throws does not take the
  // others along, and the time that each takes is known before the next is called.
  #callBack(waiting: readonly Waiting[], from: number): void {
    const { callback, bytes } = waiting[from]!
    this.#bytes += bytes
    queueMicrotask(callback)
    if (from + 1 === waiting.length) return
    queueMicrotask(() => {
      this.#lookAtTime()
      if (!this.isOver) return this.#callBack(waiting, from + 1)
      // They come before those who have asked meanwhile.
      this.#waiting = waiting.slice(from + 1).concat(this.#waiting)
    })
  }
}

interface Waiting {
  readonly callback: () => void
  readonly bytes: number
}

/** The one of this process. */
export const loopTurn: LoopTurn = new LoopTurn()

/** Items, with a pause before each where the loop has to turn. */
export async function* paced<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) {
    const pause = loopTurn.pause()
    if (pause !== undefined) await pause
    yield item
  }
}
