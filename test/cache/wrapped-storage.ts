import { BaseStorage, type StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'

/** A storage around one in memory, which cannot tell whether anything has changed. */
export class WrappedStorage extends BaseStorage {
  readonly inner: MemoryStorage = new MemoryStorage()

  override get(key: string): MaybePromise<StoredRecord | undefined> {
    return this.inner.get(key)
  }

  override set(key: string, record: StoredRecord): MaybePromise<void> {
    return this.inner.set(key, record)
  }

  override delete(key: string): MaybePromise<boolean> {
    return this.inner.delete(key)
  }

  override keys(): AsyncIterable<string> {
    return this.inner.keys()
  }

  override size(): number {
    return this.inner.size()
  }

  override clear(): void {
    this.inner.clear()
  }
}
