/**
 * What a server was asked and has not answered yet. None of it waits for ever, in whatever queue of
 * the driver's it is, and all of it ends at once when nobody will answer any more.
 */
import { CacheError } from '../errors.ts'
import { longestDelay, monotonicNow, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

interface Operation {
  /** By the clock that only goes forward. */
  readonly until: Ms
  readonly giveUp: (error: Error) => void
}

/** See the top of the file. */
export class PendingOperations {
  readonly #server: string
  readonly #limit: Ms
  /** In the order in which they are too late. */
  readonly #waiting = new Set<Operation>()
  /** One for all of them: a timer for each would take longer than the rest of what is done here. */
  #timer: NodeJS.Timeout | undefined
  #refusal: Error | undefined
  #closed = false

  /** @param limit how long each may wait */
  constructor(server: string, limit: Ms) {
    this.#server = server
    this.#limit = limit
  }

  /**
   * Waits for an answer.
   * @param cancel called where it is not waited for any longer
   * @throws what `ask` throws; CacheError ERR_CACHE_STORAGE_TIMEOUT, ERR_CACHE_STORAGE_CLOSED
   */
  for<T>(ask: () => Promise<T>, cancel?: () => void): Promise<T> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    return new Promise((resolve, reject) => {
      const operation: Operation = {
        until: monotonicNow() + this.#limit,
        giveUp: (error) => {
          this.#end(operation)
          reject(error)
          cancel?.()
        },
      }
      this.#begin(operation)
      ask().then(
        (answer) => {
          this.#end(operation)
          resolve(answer)
        },
        (error: unknown) => {
          this.#end(operation)
          reject(error)
        },
      )
    })
  }

  /** The server cannot be reached: ends all that waits, and asks nothing until `accept`. */
  refuse(reason: Error): void {
    if (this.#closed) return
    this.#refusal = reason
    for (const { giveUp } of this.#waiting) giveUp(reason)
  }

  /** The server is back. */
  accept(): void {
    if (!this.#closed) this.#refusal = undefined
  }

  /** Ends all that waits; from then on nothing is asked. */
  close(): void {
    this.refuse(new CacheError('ERR_CACHE_STORAGE_CLOSED', 'the cache is closed'))
    this.#closed = true
  }

  #begin(operation: Operation): void {
    this.#waiting.add(operation)
    if (this.#waiting.size > 1) return
    // The process does not end while it waits, and is not kept from it when nothing is asked.
    if (this.#timer === undefined) this.#giveUpAt(operation)
    else this.#timer.ref()
  }

  #end(operation: Operation): void {
    this.#waiting.delete(operation)
    if (this.#waiting.size === 0) this.#timer?.unref()
  }

  #giveUpAt({ until }: Operation): void {
    const giveUpLate = (): void => {
      this.#timer = undefined
      const now = monotonicNow()
      for (const operation of this.#waiting) {
        if (operation.until > now) return this.#giveUpAt(operation)
        operation.giveUp(this.#tooLate())
      }
    }
    // To give up the others may have taken longer than this one had left.
    const delay = Math.max(0, Math.min(Math.ceil(until - monotonicNow()), longestDelay))
    this.#timer = setTimeout(giveUpLate, delay)
  }

  #tooLate(): CacheError {
    const message = `${this.#server} did not answer within ${this.#limit} ms`
    return new CacheError('ERR_CACHE_STORAGE_TIMEOUT', message)
  }
}
