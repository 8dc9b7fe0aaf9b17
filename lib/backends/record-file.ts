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
import { CacheError } from '../errors.ts'
import type { StoredHead, StoredRecord } from './base-storage.ts'
import { frameHead, prefixBytes, readFrame, readPrefix, torn } from './frame.ts'

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function readRecord(path: string): StoredRecord | undefined {
  return withFile(path, (file) => {
    const bytes = Buffer.allocUnsafeSlow(fstatSync(file).size)
    if (!fill(file, bytes, 0)) throw torn()
    return readFrame(bytes)
  })
}

/** The head alone; undefined also where the file is not whole, which is a miss to readers. */
export function readRecordHead(path: string): Omit<StoredHead, 'key'> | undefined {
  return withFile(path, (file) => {
    const start = Buffer.alloc(prefixBytes)
    if (!fill(file, start, 0)) return undefined
    try {
      const { headBytes, expiresAt } = readPrefix(start)
      if (headBytes > fstatSync(file).size) return undefined
      const head = Buffer.alloc(headBytes)
      return fill(file, head, prefixBytes) ? { head: head.toString(), expiresAt } : undefined
    } catch (error) {
      if (error instanceof CacheError) return undefined
      throw error
    }
  })
}

/** Writes beside the place and renames into it, which is atomic. */
export function writeRecord(path: string, record: StoredRecord): void {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`
  try {
    const file = openForWriting(temporary)
    try {
      // Both in one call would copy the body first.
      writeAll(file, frameHead(record))
      writeAll(file, record.body)
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

/** @returns whether the file was long enough */
function fill(file: number, bytes: Buffer, from: number): boolean {
  for (let filled = 0; filled < bytes.byteLength;) {
    const read = readSync(file, bytes, filled, bytes.byteLength - filled, from + filled)
    if (read === 0) return false
    filled += read
  }
  return true
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
