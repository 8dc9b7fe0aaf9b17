/**
 * What a server was asked and has not answered yet. None of it waits for ever, in whatever queue of
 * the driver's it is, and all of it ends at once when nobody will answer any more.
 */
import { CacheError } from '../errors.ts'
import type { Ms } from '../units.ts'

/** See the top of the file. */
export class Waiting {
  readonly #server: string
  readonly #limit: Ms
  readonly #waiting = new Set<(error: Error) => void>()
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
      const giveUp = (error: Error): void => {
        settled()
        reject(error)
        cancel?.()
      }
      const late = setTimeout(() => giveUp(this.#tooLate()), this.#limit)
      const settled = (): void => {
        clearTimeout(late)
        this.#waiting.delete(giveUp)
      }
      this.#waiting.add(giveUp)
      ask().then(
        (answer) => {
          settled()
          resolve(answer)
        },
        (error: unknown) => {
          settled()
          reject(error)
        },
      )
    })
  }

  /** The server cannot be reached: ends all that waits, and asks nothing until `accept`. */
  refuse(reason: Error): void {
    if (this.#closed) return
    this.#refusal = reason
    for (const giveUp of this.#waiting) giveUp(reason)
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

  #tooLate(): CacheError {
    const message = `${this.#server} did not answer within ${this.#limit} ms`
    return new CacheError('ERR_CACHE_STORAGE_TIMEOUT', message)
  }
}
