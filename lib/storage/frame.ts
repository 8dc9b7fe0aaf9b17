/**
 * A record as one run of bytes, for backends that keep a value under a key:
 * magic and version, expiry, lengths, head, body. The lengths tell a torn value from a whole one.
 */
import { CacheError } from '../errors.ts'
import type { EpochMs } from '../units.ts'
import type { StoredRecord } from './base-storage.ts'

const magic = 0x75646301 // "udc", version 1
const never = -1

/** Bytes before the head: magic u32, expiry f64, head length u32, body length f64. */
export const prefixBytes = 24

/** Everything before the body; the body follows as it is. */
export function frameHead({
  head,
  body,
  expiresAt,
}: Omit<StoredRecord, 'body'> & { readonly body: { readonly byteLength: number } }): Buffer {
  const text = Buffer.from(head)
  const prefix = Buffer.alloc(prefixBytes + text.byteLength)
  prefix.writeUInt32BE(magic, 0)
  prefix.writeDoubleBE(expiresAt ?? never, 4)
  prefix.writeUInt32BE(text.byteLength, 12)
  prefix.writeDoubleBE(body.byteLength, 16)
  text.copy(prefix, prefixBytes)
  return prefix
}

/** What the first bytes of a frame say. */
export interface FramePrefix {
  readonly expiresAt: EpochMs | undefined
  readonly headBytes: number
  readonly bodyBytes: number
}

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function readPrefix(bytes: Buffer): FramePrefix {
  if (bytes.byteLength < prefixBytes || bytes.readUInt32BE(0) !== magic) throw torn()
  const expiresAt = bytes.readDoubleBE(4)
  if (!Number.isFinite(expiresAt)) throw torn()
  return {
    expiresAt: expiresAt === never ? undefined : expiresAt,
    headBytes: bytes.readUInt32BE(12),
    bodyBytes: bytes.readDoubleBE(16),
  }
}

/** The record; its body is a view of the bytes. @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function readFrame(bytes: Buffer): StoredRecord {
  const { expiresAt, headBytes, bodyBytes } = readPrefix(bytes)
  const bodyAt = prefixBytes + headBytes
  if (bytes.byteLength !== bodyAt + bodyBytes) throw torn()
  return {
    head: bytes.toString('utf8', prefixBytes, bodyAt),
    body: bytes.subarray(bodyAt),
    expiresAt,
  }
}

/** The error for a value that is not whole, or none of ours. */
export function torn(): CacheError {
  return new CacheError('ERR_CACHE_ENTRY_CORRUPT', 'stored record is corrupt: it is not whole')
}
