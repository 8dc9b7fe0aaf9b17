/**
 * A stage changes records on their way into a storage, and changes them back on the way out:
 * compressed, signed, encrypted, or what you make of them.
 *
 * - `decode` gives back exactly what `encode` was given. It is only asked for records that the same
 *   stages, in the same order, have written: which those were stands before each head.
 * - A head is changed without its body: heads are listed without reading bodies, and replaced
 *   without writing them. What a stage has to know of a body it puts into the head.
 * - What a stage is given it neither changes nor keeps, and what it hands out it does not keep.
 * - `decode` and `decodeHead` throw where a record is not what was written; then the entry is a
 *   miss, and the error is reported.
 */
import type { StoredRecord } from '../storage/base-storage.ts'
import type { MaybePromise } from '../maybe-promise.ts'

/** One step between a cache and its storage; see the top of the file for what it promises. */
export interface Stage {
  /** Up to 40 letters, digits, hyphens and underscores; stored with each record. Another name, another format. */
  readonly name: string
  /** On the way into the storage. The expiry is not the stage's: it is stored as it was given. */
  encode(key: string, record: StoredRecord): MaybePromise<StoredRecord>
  /** On the way out. */
  decode(key: string, record: StoredRecord): MaybePromise<StoredRecord>
  /**
   * The head of a record whose body stays as it is stored. Without it, heads are stored as they are.
   * @param replaced the encoded head that it takes the place of
   */
  encodeHead?(key: string, head: string, replaced: string): string
  /** What the head of a record says, without its body. Comes with `encodeHead`. */
  decodeHead?(key: string, head: string): string
  /**
   * How long a body may be at the most, that it fits into `limit` bytes when it is encoded. Without
   * it, no body becomes longer.
   */
  maxBodyBytes?(limit: number): number
}
