/**
 * The storage contract: a namespace of records under keys. It knows neither HTTP nor time.
 *
 * - `set` is atomic: a concurrent `get` sees the old record or the new, never a mix.
 * - After `expiresAt` a storage may drop a record, before it never; readers check the time.
 * - A storage lets its driver's errors through; whoever calls it on the way of a request wraps them.
 * - What `get` hands out belongs to the caller, and what `set` was given may be changed afterwards.
 * - Keys are well-formed strings of 1 to 200 characters. A storage that cannot hold one refuses it
 *   with `ERR_CACHE_KEY_INVALID`; it never maps two keys to the same place.
 * - A key that ends in a dot and a number says that its record is one of a group (`groupOf`), of no
 *   use without the others. They are written with one `expiresAt`, and a storage may keep them
 *   together, so that they expire and are evicted as one: what was written last says when. Most
 *   storages take no notice.
 */
import { CacheError } from '../errors.ts'
import { paced } from '../loop-turn.ts'
import { chain, type MaybePromise } from '../maybe-promise.ts'
import type { EpochMs } from '../units.ts'

/** What is kept under a key. */
export interface StoredRecord {
  /** Small text, given back exactly. */
  readonly head: string
  /** Opaque bytes, given back exactly. */
  readonly body: Uint8Array
  /** From when on the storage may drop the record; without it, never. */
  readonly expiresAt?: EpochMs | undefined
}

/** A record without its body, as `heads()` lists them. */
export interface StoredHead {
  readonly key: string
  readonly head: string
  readonly expiresAt?: EpochMs | undefined
}

/** What differs between backends, for the cache above, the conformance suite and the README. */
export interface StorageTraits {
  /** Records outlive the process. */
  readonly persistent: boolean
  /** The backend drops records after `expiresAt` by itself; otherwise `deleteExpired` has to run. */
  readonly expires: boolean
  /** Largest body that one record can hold; the cache splits longer ones into parts. */
  readonly maxBodyBytes: number
  /** All that it was given is saved, in that order, also where the process ends now. */
  readonly savesAtExit?: boolean | undefined
}

/** The base of every storage; see the top of the file for what a subclass promises. */
export abstract class BaseStorage {
  readonly traits: StorageTraits = { persistent: false, expires: false, maxBodyBytes: 2 ** 24 }

  /** @returns the record last set, or undefined; "not found" is never an error. */
  abstract get(key: string): MaybePromise<StoredRecord | undefined>
  /** Stores the record, or replaces the one that is there. */
  abstract set(key: string, record: StoredRecord): MaybePromise<void>
  /** @returns whether there was something to delete. */
  abstract delete(key: string): MaybePromise<boolean>
  /** Every key that is present during the whole iteration, once, in no order. */
  abstract keys(): AsyncIterable<string>
  /** How many records there are. */
  abstract size(): MaybePromise<number>
  /** Empties this namespace, and no other. */
  abstract clear(): MaybePromise<void>

  /** Idempotent. Waits for what is being written; closes what the storage opened, nothing else. */
  close(): MaybePromise<void> {}

  /**
   * Changes whenever a record may have: while it stays the same, so does all that was read. A write
   * through this object moves it on by one, a write of somebody else by one or more.
   * @returns undefined where the storage cannot tell.
   */
  changeToken(): number | undefined {
    return undefined
  }

  /** As `get`, but the record may be shared: it must neither be changed nor handed out. */
  peek(key: string): MaybePromise<StoredRecord | undefined> {
    return this.get(key)
  }

  /** As `set`, but the record is the storage's from now on: nobody changes it any more. */
  adopt(key: string, record: StoredRecord): MaybePromise<void> {
    return this.set(key, record)
  }

  /** Whether there is a record. */
  has(key: string): MaybePromise<boolean> {
    return chain(this.peek(key), (record) => record !== undefined)
  }

  /**
   * Replaces the head and expiry of a record, whose head is still `from`, and leaves its body.
   * @returns whether it was still so.
   */
  replaceHead(key: string, from: string, head: Omit<StoredHead, 'key'>): MaybePromise<boolean> {
    return chain(this.get(key), (record) => {
      if (record?.head !== from) return false
      return chain(this.set(key, { ...head, body: record.body }), () => true)
    })
  }

  /** All records without their bodies. */
  async *heads(): AsyncIterable<StoredHead> {
    for await (const key of paced(this.keys())) {
      const record = await this.peek(key)
      if (record !== undefined) yield { key, head: record.head, expiresAt: record.expiresAt }
    }
  }

  /** The records of these keys, in their order; undefined for one that is not there. */
  getMany(keys: readonly string[]): MaybePromise<(StoredRecord | undefined)[]> {
    return Promise.all(keys.map(async (key) => this.get(key)))
  }

  /** Stores all of them; not atomic as a whole. */
  async setMany(records: Iterable<readonly [key: string, record: StoredRecord]>): Promise<void> {
    for await (const [key, record] of paced(records)) await this.set(key, record)
  }

  /** @returns how many of them there were. */
  async deleteMany(keys: readonly string[]): Promise<number> {
    let deleted = 0
    for await (const key of paced(keys)) if (await this.delete(key)) deleted++
    return deleted
  }

  /**
   * Deletes records whose `expiresAt` is past, at most `limit` of them, and reads no body.
   * @param kept keys of records that are being read, and stay; a storage may ignore it
   * @returns how many; fewer than `limit` means that none is left.
   */
  async deleteExpired(
    now: EpochMs,
    limit: number,
    kept: ReadonlySet<string> = noKeys,
  ): Promise<number> {
    const expired: string[] = []
    for await (const { key, expiresAt } of this.heads()) {
      if (expiresAt !== undefined && expiresAt <= now && !kept.has(key)) expired.push(key)
      if (expired.length === limit) break
    }
    return this.deleteMany(expired)
  }

  /** All records with their bodies, one at a time. */
  async *values(): AsyncIterable<StoredRecord> {
    for await (const [, record] of this.entries()) yield record
  }

  /** All keys with their records, one at a time. */
  async *entries(): AsyncIterable<[key: string, record: StoredRecord]> {
    for await (const key of paced(this.keys())) {
      const record = await this.get(key)
      if (record !== undefined) yield [key, record]
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<[key: string, record: StoredRecord]> {
    return this.entries()[Symbol.asyncIterator]()
  }
}

const noKeys: ReadonlySet<string> = new Set()
/** The key of one record of a group. @param group what the keys of all of them begin with */
export function keyInGroup(group: string, member: number | string): string {
  return `${group}.${member}`
}

/** The group of a key, and the number of the record in it; undefined where it is in none. */
export function groupOf(key: string): { group: string; member: string } | undefined {
  const at = key.lastIndexOf('.')
  if (at === -1 || !/^\d+$/.test(key.slice(at + 1))) return undefined
  return { group: key.slice(0, at), member: key.slice(at + 1) }
}

const longestKey = 200

/** Refuses what is no key on any backend. @throws CacheError ERR_CACHE_KEY_INVALID */
export function checkKey(key: string): void {
  if (key !== '' && key.length <= longestKey && key.isWellFormed()) return
  const message = `a key has 1 to ${longestKey} characters and no half of a pair, got ${JSON.stringify(key)}`
  throw new CacheError('ERR_CACHE_KEY_INVALID', message)
}
