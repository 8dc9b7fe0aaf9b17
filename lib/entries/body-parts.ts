/**
 * Bodies that are too long for one record. Their parts are records beside the entry's, under its
 * key and the id of the write; the entry itself is written last. So memory holds one part whatever
 * the length, and a crash leaves parts without an entry, never an entry without its body.
 */
import { randomBytes } from 'node:crypto'
import type { BaseStorage } from '../storage/base-storage.ts'
import { CacheError } from '../errors.ts'
import { chain, type MaybePromise } from '../maybe-promise.ts'
import type { EpochMs } from '../units.ts'
import { checkOf } from './checksum.ts'
import type { BodyParts, Entry } from './entry.ts'
import { partKey, partKeys } from './record-keys.ts'

/** Bytes of a part, where the storage can hold as many in one record. */
export const partBytes: number = 2 ** 20

/** The id of a write; it begins with the time, by which orphans are told from parts in the making. */
export function createWriteId(now: EpochMs): string {
  return `${now.toString(36)}-${randomBytes(6).toString('base64url')}`
}

/** The head of a part's record. */
export function partHead(index: number): string {
  return JSON.stringify({ part: index })
}

/**
 * Reads a body part by part; each is checked before it is given.
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT where a part is missing or is not what was stored
 */
export async function* readParts(
  storage: BaseStorage,
  entryKey: string,
  entry: Entry,
): AsyncGenerator<Buffer> {
  for (const index of entry.parts!.checks.keys()) {
    yield await readPart(storage, entryKey, entry, index)
  }
}

/**
 * Reads one part of a body, and checks it.
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT where it is missing or is not what was stored
 */
export function readPart(
  storage: BaseStorage,
  entryKey: string,
  { parts, bodyBytes, unchecked }: Entry,
  index: number,
): MaybePromise<Buffer> {
  const { id, bytes, checks } = parts!
  return chain(storage.get(partKey(entryKey, id, index)), (part) => {
    const expected = Math.min(bytes, bodyBytes - index * bytes)
    if (part?.body.byteLength !== expected) throw missingPart()
    const { body } = part
    if (unchecked !== true && checkOf(body) !== checks[index]) throw otherBody()
    return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  })
}

/**
 * Writes a body part by part, each when the one before is written; where it fails, none is left.
 * @param dropAt from then on the storage may drop it
 * @returns where it is, for the entry that is written after it
 */
export async function writeParts(
  storage: BaseStorage,
  entryKey: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  dropAt: EpochMs | undefined,
  now: EpochMs,
): Promise<WrittenParts> {
  const id = createWriteId(now)
  const bytes = Math.min(partBytes, storage.traits.maxBodyBytes)
  const checks: number[] = []
  let bodyBytes = 0
  try {
    for await (const body of cut(chunks, bytes)) {
      bodyBytes += body.byteLength
      const index = checks.push(checkOf(body)) - 1
      const record = { head: partHead(index), body, expiresAt: dropAt }
      await storage.adopt(partKey(entryKey, id, index), record)
    }
  } catch (error) {
    // What cannot be deleted is an orphan, and swept; the error that counts is the first.
    await storage.deleteMany(partKeys(entryKey, { id, checks })).catch(() => {})
    throw error
  }
  return { bytes: new Uint8Array(0), parts: { id, bytes, checks }, bodyBytes }
}

/** A body that is in parts, and the place of its bytes in the entry, which is empty. */
export interface WrittenParts {
  readonly bytes: Uint8Array
  readonly parts: BodyParts
  readonly bodyBytes: number
}

// Chunks of any length become parts of one length, the last one aside.
async function* cut(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Buffer> {
  let part = Buffer.allocUnsafeSlow(bytes)
  let filled = 0
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.byteLength;) {
      const taken = chunk.subarray(from, from + bytes - filled)
      part.set(taken, filled)
      filled += taken.byteLength
      from += taken.byteLength
      if (filled < bytes) continue
      yield part
      // The storage has it now.
      part = Buffer.allocUnsafeSlow(bytes)
      filled = 0
    }
  }
  if (filled > 0) yield part.subarray(0, filled)
}

/** The error for a body that is not all there. */
export function missingPart(): CacheError {
  return new CacheError('ERR_CACHE_ENTRY_CORRUPT', 'stored entry is corrupt: a part of its body')
}

function otherBody(): CacheError {
  return new CacheError(
    'ERR_CACHE_ENTRY_CORRUPT',
    'stored entry is corrupt: the digest of its body',
  )
}
