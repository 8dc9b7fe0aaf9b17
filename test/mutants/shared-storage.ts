/** A storage that several handles share, as processes share a database; it ends with the process. */
import {
  BaseStorage,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'

export class SharedStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: false,
    maxBodyBytes: 2 ** 24,
  }
  readonly records: BaseStorage

  constructor(records: BaseStorage = new MemoryStorage()) {
    super()
    this.records = records
  }

  override changeToken(): number | undefined {
    return this.records.changeToken()
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    return this.records.get(key)
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    await this.records.set(key, record)
  }

  override async delete(key: string): Promise<boolean> {
    return this.records.delete(key)
  }

  override replaceHead(
    key: string,
    from: string,
    head: Omit<StoredHead, 'key'>,
  ): MaybePromise<boolean> {
    return this.records.replaceHead(key, from, head)
  }

  override keys(): AsyncIterable<string> {
    return this.records.keys()
  }

  override async size(): Promise<number> {
    return this.records.size()
  }

  override async clear(): Promise<void> {
    await this.records.clear()
  }
}
