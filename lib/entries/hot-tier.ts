/**
 * A small in-process tier of decoded entries in front of a storage, which answers synchronously.
 * The least recently used go first when their bodies are more than `maxBytes`.
 *
 * It never serves what the storage no longer holds: the storage's change token tells whether
 * anything was written since, by whomever. A storage without one is not kept hot.
 */
import type { BaseStorage } from '../storage/base-storage.ts'

/** Anything that knows how much memory it holds on to. */
export interface Sized {
  readonly body?: Uint8Array
}

// What an entry takes besides its body: header lines, their object, the Map's slot.
const overheadBytes = 2048

/** Entries that were read lately, by key; see the top of the file. */
export class HotTier<E extends Sized> {
  readonly #storage: BaseStorage
  readonly #maxBytes: number
  readonly #entries = new Map<string, E>()
  #bytes = 0
  #token: number | undefined

  constructor(storage: BaseStorage, maxBytes: number) {
    this.#storage = storage
    this.#maxBytes = maxBytes
  }

  /** Whether it can keep anything: it has room, and the storage says when it has changed. */
  get active(): boolean {
    return this.#maxBytes > 0 && this.#storage.changeToken() !== undefined
  }

  get(key: string): E | undefined {
    const token = this.#storage.changeToken()
    if (token !== this.#token) {
      this.clear()
      this.#token = token
    }
    const entry = this.#entries.get(key)
    // To the end of the Map, which is the order of use; not for each hit of a small cache.
    if (entry !== undefined && this.#bytes > this.#maxBytes / 2) {
      this.#entries.delete(key)
      this.#entries.set(key, entry)
    }
    return entry
  }

  /**
   * Keeps what was read from the storage just after `get` found nothing. It counts as read at the
   * time of that `get`: a token asked for now might hide a write that came between.
   */
  keep(key: string, entry: E): void {
    if (this.#token !== undefined) this.#put(key, entry)
  }

  /**
   * Carries out one write of ours to the storage. What else is kept stays valid if nobody else
   * wrote meanwhile: then the token has moved by one.
   */
  write<T>(key: string, entry: E | undefined, write: () => T): T {
    const before = this.#storage.changeToken()
    const wasCurrent = before !== undefined && before === this.#token
    const result = write()
    if (wasCurrent && this.#storage.changeToken() === before + 1) {
      this.#token = before + 1
      this.#remove(key)
      if (entry !== undefined) this.#put(key, entry)
    }
    return result
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #put(key: string, entry: E): void {
    const bytes = sizeOf(entry)
    // One entry must not empty the tier for the others.
    if (bytes > this.#maxBytes / 4) return
    this.#remove(key)
    this.#entries.set(key, entry)
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes) {
      const [oldest] = this.#entries.keys()
      this.#remove(oldest!)
    }
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= sizeOf(entry)
  }
}

function sizeOf(entry: Sized): number {
  return (entry.body?.byteLength ?? 0) + overheadBytes
}
