/**
 * What is to be written to a server and was not sent yet. Little is on its way at once, so that nobody
 * who reads waits behind it, and that a slow way makes no write too late that was only behind others.
 */
import { CacheError } from '../errors.ts'

/** How much at once, of all storages of a cache together. */
export interface WriteLimits {
  /** Writes that were sent and not answered. */
  readonly atOnce: number
  /** Their bytes; one that is longer goes alone. */
  readonly bytesAtOnce: number
  /** Bytes of all that was not answered, sent or not. Default 256 MB. */
  readonly pendingBytes?: number | undefined
}

interface Write {
  readonly bytes: number
  /** It counts as sent from then on. */
  readonly send: () => void
  readonly giveUp: (error: unknown) => void
}

// The last resort: long bodies wait for their storage much earlier, and slow down their origins.
const mostPendingBytes = 256 * 2 ** 20

/** See the top of the file. */
export class WriteQueue {
  readonly #server: string
  readonly #limits: WriteLimits
  /** In the order in which they came. */
  readonly #waiting = new Set<Write>()
  #waitingBytes = 0
  #sent = 0
  #sentBytes = 0

  constructor(server: string, limits: WriteLimits) {
    this.#server = server
    this.#limits = limits
  }

  /**
   * Sends a write when it is its turn.
   * @throws what `send` throws; CacheError ERR_CACHE_STORAGE_BUSY where too much is waiting already
   */
  async write<T>(bytes: number, send: () => Promise<T>): Promise<T> {
    if (this.#waiting.size === 0 && this.#hasRoom(bytes)) this.#begin(bytes)
    else await this.#turn(bytes)
    try {
      return await send()
    } catch (error) {
      if (isLate(error)) this.#giveUp(error)
      throw error
    } finally {
      this.#sent--
      this.#sentBytes -= bytes
      this.#sendNext()
    }
  }

  #turn(bytes: number): Promise<void> {
    const { pendingBytes = mostPendingBytes } = this.#limits
    const pending = this.#sentBytes + this.#waitingBytes
    if (pending > 0 && pending + bytes > pendingBytes) {
      const message = `${this.#server} does not keep up: ${pending} bytes wait to be written`
      return Promise.reject(new CacheError('ERR_CACHE_STORAGE_BUSY', message))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.add({ bytes, send: resolve, giveUp: reject })
      this.#waitingBytes += bytes
    })
  }

  #hasRoom(bytes: number): boolean {
    const { atOnce, bytesAtOnce } = this.#limits
    return this.#sent === 0 || (this.#sent < atOnce && this.#sentBytes + bytes <= bytesAtOnce)
  }

  #begin(bytes: number): void {
    this.#sent++
    this.#sentBytes += bytes
  }

  #sendNext(): void {
    for (const write of this.#waiting) {
      if (!this.#hasRoom(write.bytes)) return
      this.#leave(write)
      this.#begin(write.bytes)
      write.send()
    }
  }

  // A server that did not take one of them in time is not waited for by each of the others in turn.
  #giveUp(error: unknown): void {
    for (const write of this.#waiting) {
      this.#leave(write)
      write.giveUp(error)
    }
  }

  #leave(write: Write): void {
    this.#waiting.delete(write)
    this.#waitingBytes -= write.bytes
  }
}

function isLate(error: unknown): boolean {
  if (!(error instanceof CacheError)) return false
  return error.code === 'ERR_CACHE_STORAGE_TIMEOUT' || error.code === 'ERR_CACHE_STORAGE_CLOSED'
}
