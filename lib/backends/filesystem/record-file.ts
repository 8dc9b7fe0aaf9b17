/** One record in one file: read whole or its head only, written so that nobody sees half of it. */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import type { StoredHead, StoredRecord } from '../../storage/base-storage.ts'
import type { FileFormat } from '../../storage/file-format.ts'
import { torn } from '../../storage/frame.ts'

// Most heads are shorter, and read with one call.
const headGuessBytes = 4096

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function readRecord(path: string, format: FileFormat): StoredRecord | undefined {
  return withFile(path, (file) => {
    const bytes = readStart(file, fstatSync(file).size)
    if (bytes === undefined) throw torn()
    return format.decode(bytes)
  })
}

/** The head alone. @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function readRecordHead(
  path: string,
  format: FileFormat,
): Omit<StoredHead, 'key'> | undefined {
  return withFile(path, (file) => {
    const { size } = fstatSync(file)
    for (let bytes = Math.min(headGuessBytes, size); ;) {
      const start = readStart(file, bytes)
      if (start === undefined) throw torn()
      const head = format.decodeHead(start, size)
      if (typeof head !== 'number') return head
      if (bytes === size) throw torn()
      bytes = Math.min(head, size)
    }
  })
}

/** Writes beside the place and renames into it, which is atomic. */
export function writeRecord(path: string, format: FileFormat, record: StoredRecord): void {
  const chunks = format.encode(record)
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = openForWriting(temporary)
    try {
      for (const chunk of chunks) writeAll(file, chunk)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    deleteFile(temporary)
    throw error
  }
}

/** @returns whether there was one */
export function deleteFile(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Whether the error says that there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

function withFile<T>(path: string, read: (file: number) => T): T | undefined {
  // Looking first costs a sixth of an exception, and most look-ups of a file that is not there
  // are misses of the cache.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
  try {
    return read(file)
  } finally {
    closeSync(file)
  }
}

/** The first bytes; undefined where the file has not as many. */
function readStart(file: number, byteLength: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafeSlow(byteLength)
  for (let filled = 0; filled < byteLength;) {
    const read = readSync(file, bytes, filled, byteLength - filled, filled)
    if (read === 0) return undefined
    filled += read
  }
  return bytes
}

function openForWriting(path: string): number {
  try {
    return openSync(path, 'wx')
  } catch (error) {
    if (!isMissing(error)) throw error
    mkdirSync(dirname(path), { recursive: true })
    return openSync(path, 'wx')
  }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength;) {
    written += writeSync(file, bytes, written, bytes.byteLength - written)
  }
}
