/**
 * How much a cache may hold. What has not been used for the longest goes first; of what this process
 * has not seen used it knows only when it was stored.
 */
import { isEntryError } from '../errors.ts'
import { loopTurn, paced } from '../loop-turn.ts'
import type { EpochMs } from '../units.ts'
import { CachedResponse } from '../entries/cached-response.ts'
import { deleteSelected, type RemoveParts } from './deletion.ts'
import type { EntryStores } from '../entries/entry-store.ts'
import { responseHeads } from '../entries/listing.ts'

// So much is left when it was too much: then there is room for a while.
const keptShare = 0.9

/** The bytes of a cache, heads and bodies, and who used what; see the top of the file. */
export class ByteBudget {
  readonly #maxBytes: number
  /** Undefined until it has been counted. */
  #bytes: number | undefined
  readonly #usedAt = new Map<string, EpochMs>()
  /** From when it is due until it is done. */
  #trimming = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** A response was used. */
  use(key: string, now: EpochMs): void {
    this.#usedAt.set(key, now)
  }

  /**
   * A response is being stored.
   * @returns whether `trim()` has to be called when it is, by whoever is told so and nobody else
   */
  add(bytes: number): boolean {
    if (this.#bytes !== undefined) this.#bytes += bytes
    const due = this.#bytes === undefined || this.#bytes > this.#maxBytes
    if (!due || this.#trimming) return false
    this.#trimming = true
    return true
  }

  /** Counts what is there, and deletes what is too much. Other processes' responses count as well. */
  async trim(entryStores: EntryStores, removeParts: RemoveParts): Promise<void> {
    try {
      const held = await this.#count(entryStores)
      this.#bytes = held.bytes
      if (held.bytes <= this.#maxBytes) return
      const last = await held.lastToGo(this.#maxBytes * keptShare)
      const selects = (response: CachedResponse): boolean => this.#lastUse(response) <= last
      await deleteSelected(entryStores, {}, selects, removeParts)
      this.#bytes = (await this.#count(entryStores)).bytes
    } finally {
      this.#trimming = false
    }
  }

  #lastUse({ key, storedAt }: CachedResponse): EpochMs {
    return Math.max(storedAt, this.#usedAt.get(key) ?? 0)
  }

  async #count({ responses, redirects }: EntryStores): Promise<Held> {
    const held = new Held()
    const present = new Set<string>()
    for (const { storage } of [responses, redirects]) {
      for await (const stored of responseHeads(storage)) {
        try {
          const response = new CachedResponse(storage, stored)
          held.add(this.#lastUse(response), stored.head.length + response.bodyBytes)
          if (this.#usedAt.has(stored.key)) present.add(stored.key)
        } catch (error) {
          // What cannot be read is `verify()`'s to delete.
          if (!isEntryError(error)) throw error
        }
      }
    }
    for await (const key of paced(this.#usedAt.keys())) {
      if (!present.has(key)) this.#usedAt.delete(key)
    }
    return held
  }
}

// More than there are between the first millisecond and the last one that a Date knows.
const mostHalvings = 64

// Two numbers a response: of a hundred thousand that is little.
class Held {
  bytes = 0
  readonly #each: [lastUse: EpochMs, bytes: number][] = []

  add(lastUse: EpochMs, bytes: number): void {
    this.bytes += bytes
    this.#each.push([lastUse, bytes])
  }

  /** The last use of the last one that has to go so that no more than this is left. */
  async lastToGo(target: number): Promise<EpochMs> {
    const tooMuch = this.bytes - target
    // Halving the time in which it lies: sorting a hundred thousand would hold up the loop.
    let [from, to] = [Infinity, -Infinity]
    for (const [lastUse] of this.#each) {
      if (lastUse < from) from = lastUse
      if (lastUse > to) to = lastUse
    }
    // What was read may be any number, and halves of those beyond all time never meet.
    for (let halvings = 0; from < to && halvings < mostHalvings; halvings++) {
      const middle = Math.floor((from + to) / 2)
      if (this.#bytesUntil(middle) >= tooMuch) to = middle
      else from = middle + 1
      const pause = loopTurn.pause()
      if (pause !== undefined) await pause
    }
    return to
  }

  #bytesUntil(last: EpochMs): number {
    let bytes = 0
    for (const [lastUse, size] of this.#each) if (lastUse <= last) bytes += size
    return bytes
  }
}
