import type { StorageTraits, StoredRecord } from '../../lib/storage/base-storage.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'
import { WrappedStorage } from './wrapped-storage.ts'

/** A storage one of whose writes, counted from 0, or all of them, fails. */
export class FailingStorage extends WrappedStorage {
  override readonly traits: StorageTraits
  readonly #kind: 'throws' | 'rejects'
  readonly #failAt: number | 'all'
  readonly #failure: Error
  #writes = 0

  constructor(
    maxBodyBytes: number,
    kind: 'throws' | 'rejects',
    failAt: number | 'all',
    failure: Error,
  ) {
    super()
    this.traits = { persistent: false, expires: false, maxBodyBytes }
    this.#kind = kind
    this.#failAt = failAt
    this.#failure = failure
  }

  override set(key: string, record: StoredRecord): MaybePromise<void> {
    const fails = this.#failAt === 'all' || this.#failAt === this.#writes
    this.#writes++
    if (!fails) this.inner.set(key, record)
    else if (this.#kind === 'throws') throw this.#failure
    return this.#kind === 'throws'
      ? undefined
      : fails
        ? Promise.reject(this.#failure)
        : Promise.resolve()
  }
}
