import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { WrappedStorage } from './wrapped-storage.ts'

/** A storage that answers later: a write is done when the test says so, a read in the next turn. */
export class HeldStorage extends WrappedStorage {
  #held: (() => void)[] = []

  /** How many writes have begun and not ended. */
  get held(): number {
    return this.#held.length
  }

  /** Ends the writes that have begun. */
  release(): void {
    const held = this.#held
    this.#held = []
    for (const end of held) end()
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    return this.inner.get(key)
  }

  override set(key: string, record: StoredRecord): Promise<void> {
    return new Promise((resolve) => {
      this.#held.push(() => {
        this.inner.set(key, record)
        resolve()
      })
    })
  }
}
