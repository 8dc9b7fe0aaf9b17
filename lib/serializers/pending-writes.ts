/**
 * Writes that still have to be encoded, or wait for one that has. They can be read at once, and reach
 * the storage in the order in which they were asked for, those of one key.
 */
import type { StoredRecord } from '../storage/base-storage.ts'
import type { MaybePromise } from '../maybe-promise.ts'

/** One write; without a record it is a deletion. */
export interface PendingWrite {
  readonly record: StoredRecord | undefined
}

/** See the top of the file. */
export class PendingWrites {
  readonly #latest = new Map<string, PendingWrite & { done: Promise<void> }>()
  #moves = 0

  /** Changes that can be read already, and that the storage's own change token does not count yet. */
  get moves(): number {
    return this.#moves
  }

  /** Whether all writes have ended. */
  get isEmpty(): boolean {
    return this.#latest.size === 0
  }

  /** What was asked for last and is not in the storage yet. */
  latest(key: string): PendingWrite | undefined {
    return this.#latest.size === 0 ? undefined : this.#latest.get(key)
  }

  /** Settles when the writes of the key have ended; undefined where there are none. */
  done(key: string): Promise<void> | undefined {
    return this.#latest.get(key)?.done
  }

  /** Settles when all writes have ended; undefined where there are none. */
  allDone(): Promise<unknown> | undefined {
    if (this.#latest.size === 0) return undefined
    return Promise.all(Array.from(this.#latest.values(), ({ done }) => done))
  }

  /** @param write called when the value is there and the writes before have ended */
  add<V, T>(
    key: string,
    record: StoredRecord | undefined,
    value: Promise<V>,
    write: (value: V) => MaybePromise<T>,
  ): Promise<T> {
    this.#moves++
    const work = this.#write(this.done(key), value, write)
    const forget = (): void => {
      if (this.#latest.get(key) === pending) this.#latest.delete(key)
    }
    const pending = { record, done: work.then(forget, forget) }
    this.#latest.set(key, pending)
    return work
  }

  async #write<V, T>(
    before: Promise<void> | undefined,
    value: Promise<V>,
    write: (value: V) => MaybePromise<T>,
  ): Promise<T> {
    // It may fail while the write before goes on, and is awaited only then.
    value.catch(() => {})
    try {
      await before
      const prepared = await value
      // From here on the storage counts it.
      this.#moves--
      return await write(prepared)
    } catch (error) {
      // Who has read what is not stored must look again.
      this.#moves++
      throw error
    }
  }
}
