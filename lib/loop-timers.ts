/**
 * Timers made of other things that the event loop waits for, which no test runner fakes: for where
 * Node's own timers cannot be had any more. They cost some microseconds each.
 */
import { Socket } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import type { Ms } from './units.ts'

type Callback = (...given: unknown[]) => void

/** As much of Node's `Timeout` as is used here. */
class LoopTimeout {
  // An idle socket ends its wait by a timer inside of Node. It holds no process alive.
  readonly #socket = new Socket()
  readonly #turns: Turns
  #holds = true
  #ended = false

  constructor(turns: Turns, delay: Ms, callback: () => void) {
    this.#turns = turns
    turns.hold()
    // What is longer than a timer can wait fires at once, and so does what is no number.
    const wait = delay >= 1 && delay < 2 ** 31 ? Math.ceil(delay) : 1
    this.#socket.setTimeout(wait, () => {
      this.end()
      callback()
    })
  }

  ref(): this {
    if (!this.#holds && !this.#ended) this.#turns.hold()
    this.#holds ||= !this.#ended
    return this
  }

  unref(): this {
    if (this.#holds) this.#turns.release()
    this.#holds = false
    return this
  }

  end(): void {
    this.unref()
    this.#ended = true
    this.#socket.destroy()
  }
}

/** What is to run in the next turn of the loop, by messages from this thread to itself. */
class Turns {
  readonly #channel = new MessageChannel()
  readonly #waiting = new Set<() => void>()
  #holders = 0

  constructor() {
    this.#channel.port1.on('message', () => {
      // Those that are asked for meanwhile wait for the next message.
      const due = [...this.#waiting]
      this.#waiting.clear()
      for (const callback of due) {
        this.release()
        // Each on its own: what one throws must not take the others along.
        void Promise.resolve().then(callback)
      }
    })
    this.#channel.port1.unref()
  }

  /** The process does not end while somebody waits. */
  hold(): void {
    if (this.#holders++ === 0) this.#channel.port1.ref()
  }

  release(): void {
    if (--this.#holders === 0) this.#channel.port1.unref()
  }

  add(callback: () => void): void {
    if (this.#waiting.size === 0) this.#channel.port2.postMessage(undefined)
    this.#waiting.add(callback)
    this.hold()
  }

  remove(callback: () => void): void {
    if (this.#waiting.delete(callback)) this.release()
  }
}

/** `setTimeout` and its like; see the top of the file. */
export class LoopTimers {
  readonly #turns = new Turns()

  readonly setTimeout = (callback: Callback, delay: Ms = 1, ...given: unknown[]): LoopTimeout =>
    new LoopTimeout(this.#turns, delay, () => callback(...given))

  readonly clearTimeout = (timer: LoopTimeout | undefined): void => timer?.end()

  readonly setImmediate = (callback: Callback, ...given: unknown[]): (() => void) => {
    const call = (): void => callback(...given)
    this.#turns.add(call)
    return call
  }

  readonly clearImmediate = (call: (() => void) | undefined): void => {
    if (call !== undefined) this.#turns.remove(call)
  }
}
