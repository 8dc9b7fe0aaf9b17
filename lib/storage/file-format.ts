import type { StoredHead, StoredRecord } from './base-storage.ts'

/** By the serializer that writes them: how the names of files end. */
export const fileEndings = {
  native: '.cached',
  json: '.json',
  yaml: '.yaml',
  bson: '.bson',
} as const

/** One of `fileEndings`. */
export type FileEnding = (typeof fileEndings)[keyof typeof fileEndings]

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
