import { paced } from '../loop-turn.ts'
import {
  BaseStorage,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from './base-storage.ts'

/** Records in a Map; they end with the process. */
export class MemoryStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: false,
    expires: false,
    maxBodyBytes: Infinity,
  }
  readonly #records = new Map<string, StoredRecord>()
  #changes = 0

  override changeToken(): number {
    return this.#changes
  }

  override get(key: string): StoredRecord | undefined {
    const record = this.#records.get(key)
    return record && ownCopy(record)
  }

  override peek(key: string): StoredRecord | undefined {
    return this.#records.get(key)
  }

  override set(key: string, record: StoredRecord): void {
    this.adopt(key, ownCopy(record))
  }

  override adopt(key: string, record: StoredRecord): void {
    this.#changes++
    this.#records.set(key, record)
  }

  override delete(key: string): boolean {
    this.#changes++
    return this.#records.delete(key)
  }

  override replaceHead(key: string, from: string, head: Omit<StoredHead, 'key'>): boolean {
    const record = this.#records.get(key)
    if (record?.head !== from) return false
    this.#changes++
    this.#records.set(key, { ...head, body: record.body })
    return true
  }

  // A snapshot: a record that is set or deleted meanwhile neither repeats a key nor hides one.
  override async *keys(): AsyncIterable<string> {
    for await (const key of paced(Array.from(this.#records.keys()))) {
      if (this.#records.has(key)) yield key
    }
  }

  override size(): number {
    return this.#records.size
  }

  override clear(): void {
    this.#changes++
    this.#records.clear()
  }
}

function ownCopy({ head, body, expiresAt }: StoredRecord): StoredRecord {
  return { head, body: Uint8Array.prototype.slice.call(body), expiresAt }
}
