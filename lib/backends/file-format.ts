import type { StoredHead, StoredRecord } from './base-storage.ts'
import type { FileEnding } from './file-names.ts'

/** How a record is written into a file. */
export interface FileFormat {
  /** The name by which users choose it. */
  readonly serializer: string
  readonly ending: FileEnding
  readonly maxBodyBytes: number
  /** The bytes of a file, in chunks. */
  encode(record: StoredRecord): readonly Uint8Array[]
  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
  decode(bytes: Buffer): StoredRecord
  /**
   * What the first bytes of a file say of its record.
   * @returns where they are too few, how many of them it takes
   * @throws CacheError ERR_CACHE_ENTRY_CORRUPT
   */
  decodeHead(start: Buffer, fileBytes: number): Omit<StoredHead, 'key'> | number
}
