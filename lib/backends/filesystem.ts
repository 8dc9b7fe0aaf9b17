/**
 * A record a file. Files are spread over 256 folders, written beside their place and renamed into
 * it, so a reader, or a process that is killed, never leaves or sees half of one.
 *
 * Only files that this class has named are ever touched; what else lies in the folder stays.
 */
import { readdirSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EpochMs, Ms } from '../units.ts'
import {
  BaseStorage,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from './base-storage.ts'
import { keyOfFile, pathOfKey, shardName, unfinishedName } from './file-names.ts'
import { deleteFile, isMissing, readRecord, readRecordHead, writeRecord } from './record-file.ts'

// What a killed process leaves is removed when nobody can still be writing it.
const orphanAge: Ms = 3_600_000

/** Records as files below one folder; see the top of the file. */
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
    return readRecord(this.pathOf(key))
  }

  override set(key: string, record: StoredRecord): void {
    writeRecord(this.pathOf(key), record)
  }

  override delete(key: string): boolean {
    return deleteFile(this.pathOf(key))
  }

  override has(key: string): boolean {
    return statSync(this.pathOf(key), { throwIfNoEntry: false }) !== undefined
  }

  override async *keys(): AsyncIterable<string> {
    for (const shard of this.#shards()) {
      for (const file of this.#files(shard)) {
        const key = keyOfFile(shard, file)
        if (key !== undefined) yield key
      }
      await nextTurn()
    }
  }

  override async *heads(): AsyncIterable<StoredHead> {
    for await (const key of this.keys()) {
      const head = readRecordHead(this.pathOf(key))
      if (head !== undefined) yield { key, ...head }
    }
  }

  override async size(): Promise<number> {
    let count = 0
    for await (const _ of this.keys()) count++
    return count
  }

  override deleteExpired(now: EpochMs, limit: number): Promise<number> {
    this.#deleteUnfinished(now - orphanAge)
    return super.deleteExpired(now, limit)
  }

  override async clear(): Promise<void> {
    for await (const key of this.keys()) this.delete(key)
    this.#deleteUnfinished(Infinity)
    for (const shard of this.#shards()) removeIfEmpty(join(this.directory, shard))
    removeIfEmpty(this.directory)
  }

  /** The file of a key. @throws CacheError ERR_CACHE_KEY_INVALID where none can have that name */
  pathOf(key: string): string {
    return join(this.directory, pathOfKey(key))
  }

  #shards(): string[] {
    return list(this.directory, 'folders').filter((name) => shardName.test(name))
  }

  #files(shard: string): string[] {
    return list(join(this.directory, shard), 'files')
  }

  #deleteUnfinished(writtenBefore: EpochMs): void {
    for (const shard of this.#shards()) {
      for (const file of this.#files(shard)) {
        if (!unfinishedName.test(file)) continue
        const path = join(this.directory, shard, file)
        const writtenAt = statSync(path, { throwIfNoEntry: false })?.mtimeMs
        if (writtenAt !== undefined && writtenAt < writtenBefore) deleteFile(path)
      }
    }
  }
}

function list(path: string, what: 'files' | 'folders'): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((each) => (what === 'files' ? each.isFile() : each.isDirectory()))
      .map((each) => each.name)
  } catch (error) {
    if (isMissing(error)) return []
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
