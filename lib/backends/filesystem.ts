/**
 * A record a file. Files are spread over 256 folders, written beside their place and renamed into
 * it, so a reader, or a process that is killed, never leaves or sees half of one.
 *
 * Only files with our ending are ever touched; what else lies in the folder stays.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { CacheError } from '../errors.ts'
import type { EpochMs, Ms } from '../units.ts'
import {
  BaseStorage,
  checkKey,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from './base-storage.ts'
import { frameHead, prefixBytes, readFrame, readPrefix, torn } from './frame.ts'

const ending = '.cached'
const unfinished = '.tmp'
const unfinishedName = /\.cached\.\d+-[0-9a-f]{8}\.tmp$/
// A file name may have 255 bytes; escapes and endings need some of them.
const longestName = 220
// What a killed process leaves is removed when nobody can still be writing it.
const orphanAge: Ms = 3_600_000

export class FileStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: false,
    maxBodyBytes: 2 ** 28,
  }
  readonly directory: string

  /** @param directory made at the first write */
  constructor(directory: string) {
    super()
    this.directory = directory
  }

  override get(key: string): StoredRecord | undefined {
    const file = openIfThere(this.pathOf(key))
    if (file === undefined) return undefined
    try {
      return readFrame(readAll(file))
    } finally {
      closeSync(file)
    }
  }

  override set(key: string, record: StoredRecord): void {
    const path = this.pathOf(key)
    const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}${unfinished}`
    try {
      this.#write(temporary, record)
      renameSync(temporary, path)
    } catch (error) {
      deleteIfThere(temporary)
      throw error
    }
  }

  override delete(key: string): boolean {
    return deleteIfThere(this.pathOf(key))
  }

  override has(key: string): boolean {
    return statSync(this.pathOf(key), { throwIfNoEntry: false }) !== undefined
  }

  override async *keys(): AsyncIterable<string> {
    for await (const name of this.#names()) yield decodeURIComponent(name)
  }

  override async *heads(): AsyncIterable<StoredHead> {
    for await (const key of this.keys()) {
      const head = this.#head(key)
      if (head !== undefined) yield { key, ...head }
    }
  }

  /** The files of all records. */
  async *paths(): AsyncIterable<string> {
    for await (const key of this.keys()) yield this.pathOf(key)
  }

  override async size(): Promise<number> {
    let count = 0
    for await (const _ of this.#names()) count++
    return count
  }

  override async deleteExpired(now: EpochMs, limit: number): Promise<number> {
    this.#deleteUnfinished(now - orphanAge)
    return super.deleteExpired(now, limit)
  }

  override async clear(): Promise<void> {
    for await (const name of this.#names()) deleteIfThere(this.#pathOfName(name))
    this.#deleteUnfinished(Infinity)
    for (const shard of this.#shards()) removeIfEmpty(join(this.directory, shard))
    removeIfEmpty(this.directory)
  }

  /** @throws CacheError ERR_CACHE_KEY_INVALID where a file cannot have that name */
  pathOf(key: string): string {
    checkKey(key)
    // Escaped, a name holds no separator. Dots stay, so those that mean folders are refused; so are
    // separators, though escaping would do, for who uses them has something else in mind.
    const name = encodeURIComponent(key).replaceAll('*', '%2A')
    if (name.length > longestName || key.startsWith('.') || /[/\\\0]/.test(key)) {
      const message = `a file cannot have the key ${JSON.stringify(key)} as its name: no path separator, no dot at the beginning, at most ${longestName} characters when escaped`
      throw new CacheError('ERR_CACHE_KEY_INVALID', message)
    }
    return this.#pathOfName(name)
  }

  // A file that is not whole has no head; it is a miss to readers, and stays for who looks into it.
  #head(key: string): Omit<StoredHead, 'key'> | undefined {
    const file = openIfThere(this.pathOf(key))
    if (file === undefined) return undefined
    try {
      return readHead(file)
    } catch (error) {
      if (error instanceof CacheError) return undefined
      throw error
    } finally {
      closeSync(file)
    }
  }

  #pathOfName(name: string): string {
    return join(this.directory, shardOf(name), name + ending)
  }

  #write(path: string, record: StoredRecord): void {
    const file = openForWriting(path)
    try {
      // Both in one call would copy the body first.
      writeAll(file, frameHead(record))
      writeAll(file, record.body)
    } finally {
      closeSync(file)
    }
  }

  #shards(): string[] {
    return readDirectory(this.directory).filter((name) => /^[0-9a-f]{2}$/.test(name))
  }

  async *#names(): AsyncIterable<string> {
    for (const shard of this.#shards()) {
      for (const name of readDirectory(join(this.directory, shard))) {
        if (isOurs(name)) yield name.slice(0, -ending.length)
      }
      await nextTurn()
    }
  }

  #deleteUnfinished(writtenBefore: EpochMs): void {
    for (const shard of this.#shards()) {
      for (const name of readDirectory(join(this.directory, shard))) {
        if (!unfinishedName.test(name)) continue
        const path = join(this.directory, shard, name)
        const age = statSync(path, { throwIfNoEntry: false })?.mtimeMs
        if (age !== undefined && age < writtenBefore) deleteIfThere(path)
      }
    }
  }
}

// Eight bits of FNV-1a: any spread will do, as long as it never changes.
function shardOf(name: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return ((hash >>> 24) ^ (hash & 0xff)).toString(16).padStart(2, '0')
}

function isOurs(name: string): boolean {
  if (!name.endsWith(ending)) return false
  const escaped = name.slice(0, -ending.length)
  try {
    return encodeURIComponent(decodeURIComponent(escaped)).replaceAll('*', '%2A') === escaped
  } catch {
    return false
  }
}

function openIfThere(path: string): number | undefined {
  // Looking first costs a sixth of an exception, and most look-ups of a file that is not there
  // are misses of the cache.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
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

function readAll(file: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(fstatSync(file).size)
  let filled = 0
  while (filled < bytes.byteLength) {
    const read = readSync(file, bytes, filled, bytes.byteLength - filled, filled)
    if (read === 0) throw torn()
    filled += read
  }
  return bytes
}

function readHead(file: number): Omit<StoredHead, 'key'> {
  const start = Buffer.alloc(prefixBytes)
  if (readSync(file, start, 0, prefixBytes, 0) < prefixBytes) throw torn()
  const { headBytes, expiresAt } = readPrefix(start)
  if (headBytes > fstatSync(file).size) throw torn()
  const head = Buffer.alloc(headBytes)
  if (readSync(file, head, 0, headBytes, prefixBytes) < headBytes) throw torn()
  return { head: head.toString(), expiresAt }
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.byteLength;) {
    written += writeSync(file, bytes, written, bytes.byteLength - written)
  }
}

function readDirectory(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

function deleteIfThere(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Somebody else's files are in it, or it is gone.
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
