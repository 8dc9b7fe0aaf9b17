/**
 * A record a file. Files are spread over 256 folders, written beside their place and renamed into
 * it, so a reader, or a process that is killed, never leaves or sees half of one.
 *
 * Only files that this class has named are ever touched; what else lies in the folder stays.
 */
import { readdirSync, rmdirSync, statSync, type Dirent, type Stats } from 'node:fs'
import { join } from 'node:path'
import { CacheError, isEntryError } from '../../errors.ts'
import { paced } from '../../loop-turn.ts'
import type { EpochMs, Ms } from '../../units.ts'
import {
  BaseStorage,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from '../../storage/base-storage.ts'
import { fileEndings, type FileEnding, type FileFormat } from '../../storage/file-format.ts'
import { keyOfFile, otherEndings, pathOfKey, shardName, unfinishedName } from './file-names.ts'
import { framedFile } from './framed-file.ts'
import { unreadableHead } from '../../storage/unreadable-head.ts'
import { deleteFile, isMissing, readRecord, readRecordHead, writeRecord } from './record-file.ts'

// What a killed process leaves is removed when nobody can still be writing it.
const orphanAge: Ms = 3_600_000

/** Records as files below one folder; see the top of the file. */
export class FileStorage extends BaseStorage {
  override readonly traits: StorageTraits
  readonly directory: string
  readonly #format: FileFormat
  readonly #otherEndings: readonly FileEnding[]
  /** What a deletion of expired records has not come to yet. */
  #sweep:
    | { readonly now: EpochMs; readonly expired: AsyncGenerator<string, void, undefined> }
    | undefined

  /** @param directory made at the first write */
  constructor(directory: string, format: FileFormat = framedFile) {
    super()
    this.traits = { persistent: true, expires: false, maxBodyBytes: format.maxBodyBytes }
    this.directory = directory
    this.#format = format
    this.#otherEndings = otherEndings(format.ending)
  }

  override get(key: string): StoredRecord | undefined {
    const record = readRecord(this.pathOf(key), this.#format)
    if (record === undefined) this.#refuseOthers(key)
    return record
  }

  override set(key: string, record: StoredRecord): void {
    const path = this.pathOf(key)
    writeRecord(path, this.#format, record)
    for (const other of this.#others(key)) deleteFile(other)
  }

  override delete(key: string): boolean {
    const others = this.#others(key).filter(deleteFile)
    return deleteFile(this.pathOf(key)) || others.length > 0
  }

  override has(key: string): boolean {
    return isThere(this.pathOf(key)) || this.#others(key).length > 0
  }

  override async *keys(): AsyncIterable<string> {
    for await (const shard of paced(this.#shards())) {
      // Where a process was killed between them, there are two files of one key.
      const keys = new Set(this.#files(shard).map((file) => keyOfFile(shard, file)))
      for await (const key of paced(keys)) if (key !== undefined) yield key
    }
  }

  /** The keys whose files this storage can read, and the files. */
  async *files(): AsyncIterable<{ readonly key: string; readonly path: string }> {
    for await (const key of this.keys()) {
      const path = this.pathOf(key)
      if (isThere(path)) yield { key, path }
    }
  }

  override async *heads(): AsyncIterable<StoredHead> {
    for await (const key of this.keys()) {
      const head = this.#readHead(key)
      if (head !== undefined) yield head
    }
  }

  override async size(): Promise<number> {
    let count = 0
    for await (const _ of this.keys()) count++
    return count
  }

  override async deleteExpired(
    now: EpochMs,
    limit: number,
    kept?: ReadonlySet<string>,
  ): Promise<number> {
    // The next call goes on where this one ends: reading the folder anew takes as long as all of it.
    if (this.#sweep?.now !== now) {
      await this.#deleteUnfinished(now - orphanAge)
      this.#sweep = { now, expired: this.#expired(now) }
    }
    const { expired } = this.#sweep
    let deleted = 0
    while (deleted < limit) {
      const next = await expired.next()
      if (next.done === true) {
        this.#sweep = undefined
        break
      }
      if (kept?.has(next.value) !== true && this.delete(next.value)) deleted++
    }
    return deleted
  }

  async *#expired(now: EpochMs): AsyncGenerator<string, void, undefined> {
    for await (const { key, expiresAt } of this.heads()) {
      if (expiresAt !== undefined && expiresAt <= now) yield key
    }
  }

  override async clear(): Promise<void> {
    for await (const key of this.keys()) this.delete(key)
    await this.#deleteUnfinished(Infinity)
    for await (const shard of paced(this.#shards())) removeIfEmpty(join(this.directory, shard))
    removeIfEmpty(this.directory)
  }

  /** The file of a key. @throws CacheError ERR_CACHE_KEY_INVALID where none can have that name */
  pathOf(key: string): string {
    return join(this.directory, pathOfKey(key) + this.#format.ending)
  }

  #readHead(key: string): StoredHead | undefined {
    try {
      const head = readRecordHead(this.pathOf(key), this.#format)
      if (head !== undefined) return { key, ...head }
      this.#refuseOthers(key)
      return undefined
    } catch (error) {
      if (!isEntryError(error)) throw error
      return unreadableHead(key, undefined, error)
    }
  }

  /** The files of the key that another serializer has written. */
  #others(key: string): string[] {
    const path = join(this.directory, pathOfKey(key))
    return this.#otherEndings.map((ending) => path + ending).filter(isThere)
  }

  #refuseOthers(key: string): void {
    const [other] = this.#others(key)
    if (other === undefined) return
    const [written] = Object.entries(fileEndings).find(([, ending]) => other.endsWith(ending))!
    const message = `stored entry is corrupt: it was written by serializer '${written}', not by '${this.#format.serializer}'`
    throw new CacheError('ERR_CACHE_ENTRY_CORRUPT', message)
  }

  #shards(): string[] {
    return list(this.directory, 'folders').filter((name) => shardName.test(name))
  }

  #files(shard: string): string[] {
    return list(join(this.directory, shard), 'files')
  }

  async #deleteUnfinished(writtenBefore: EpochMs): Promise<void> {
    for await (const shard of paced(this.#shards())) {
      for (const file of this.#files(shard)) {
        if (!unfinishedName.test(file)) continue
        const path = join(this.directory, shard, file)
        const writtenAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs
        if (writtenAt !== undefined && writtenAt < writtenBefore) deleteFile(path)
      }
    }
  }
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function list(path: string, what: 'files' | 'folders'): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .map((each) => ({ name: each.name, kind: each.isSymbolicLink() ? aim(path, each) : each }))
      .filter(({ kind }) => (what === 'files' ? kind?.isFile() : kind?.isDirectory()))
      .map(({ name }) => name)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

// What is written and read through a link is listed, too: a shard on another disk, say.
function aim(path: string, { name }: Dirent): Stats | undefined {
  return statSync(join(path, name), { throwIfNoEntry: false })
}

function removeIfEmpty(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Somebody else's files are in it, or it is gone.
  }
}
