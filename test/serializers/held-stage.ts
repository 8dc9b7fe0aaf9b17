import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import type { Stage } from '../../lib/serializers/stage.ts'

/** A stage that takes as long as a test wants: bodies of more than a byte wait to be let go. */
export class HeldStage implements Stage {
  readonly name = 'held'
  readonly #held: (() => void)[] = []
  /** What the next one that is let go fails with. */
  failure: Error | undefined

  get held(): number {
    return this.#held.length
  }

  encode(_key: string, record: StoredRecord): StoredRecord | Promise<StoredRecord> {
    if (record.body.byteLength < 2) return record
    const { promise, resolve, reject } = Promise.withResolvers<StoredRecord>()
    this.#held.push(() => (this.failure === undefined ? resolve(record) : reject(this.failure)))
    return promise
  }

  decode(_key: string, record: StoredRecord): StoredRecord {
    return record
  }

  /** Lets one of those that wait go, the first by default. */
  release(index = 0): void {
    this.#held.splice(index, 1)[0]!()
  }
}
