/**
 * Bodies that are too long for one record. Their parts are records beside the entry's, under its
 * key and the id of the write; the entry itself is written last. So memory holds one part whatever
 * the length, and a crash leaves parts without an entry, never an entry without its body.
 */
import { randomBytes } from 'node:crypto'
import type { BaseStorage } from '../backends/base-storage.ts'
import { CacheError } from '../errors.ts'
import type { EpochMs } from '../units.ts'
import type { BodyParts, Entry } from './entry.ts'

/** Bytes of a part, where the storage can hold as many in one record. */
export const partBytes: number = 2 ** 20

const separator = '.p'

/** The id of a write; it begins with the time, by which orphans are told from parts in the making. */
export function createWriteId(now: EpochMs): string {
  return `${now.toString(36)}-${randomBytes(6).toString('base64url')}`
}

/** Under which a part of a body is stored. */
export function partKey(entryKey: string, id: string, index: number): string {
  return `${entryKey}${separator}${id}.${index}`
}

/** Keys of all the parts of a body. */
export function partKeys(entryKey: string, parts: BodyParts): string[] {
  return Array.from({ length: parts.count }, (_, index) => partKey(entryKey, parts.id, index))
}

/** Whether the key is that of a part, not of an entry. */
export function isPartKey(key: string): boolean {
  return key.includes(separator)
}

/** The entry that a part belongs to, and the write. */
export function ownerOfPart(key: string): { entryKey: string; id: string; writtenAt: EpochMs } {
  const at = key.lastIndexOf(separator)
  const [id = ''] = key.slice(at + separator.length).split('.', 1)
  return { entryKey: key.slice(0, at), id, writtenAt: Number.parseInt(id, 36) }
}

/**
 * Reads a body part by part.
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT where a part is missing or too short
 */
export async function* readParts(
  storage: BaseStorage,
  entryKey: string,
  entry: Entry,
): AsyncGenerator<Buffer> {
  let bytes = 0
  for (const key of partKeys(entryKey, entry.parts!)) {
    const part = await storage.get(key)
    if (part === undefined) throw missingPart()
    bytes += part.body.byteLength
    yield Buffer.from(part.body.buffer, part.body.byteOffset, part.body.byteLength)
  }
  if (bytes !== entry.bodyBytes) throw missingPart()
}

/** The error for a body that is not all there. */
export function missingPart(): CacheError {
  return new CacheError('ERR_CACHE_ENTRY_CORRUPT', 'stored entry is corrupt: a part of its body')
}
