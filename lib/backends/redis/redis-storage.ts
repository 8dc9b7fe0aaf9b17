/**
 * A record a key, `<namespace>:<storage>:<key>`, its value framed, expired by Redis itself; those of a
 * group are one hash, under the key that its record 0 has. Works on a single node, with Sentinel and
 * on a Cluster: no command names keys of more than one slot, and `SCAN` goes over every master.
 */
import {
  BaseStorage,
  checkKey,
  groupOf,
  keyInGroup,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from '../../storage/base-storage.ts'
import { isEntryError } from '../../errors.ts'
import { frameHead, prefixBytes, readFrame, readPrefix } from '../../storage/frame.ts'
import type { RedisLink } from './redis-connection.ts'
import { RedisGroups, type RedisMember } from './redis-groups.ts'
import { asPartial, scanKeys } from './redis-scan.ts'
import { ttlOf } from './redis-ttl.ts'
import { slicesOf } from '../../storage/slices.ts'
import { unreadableHead } from '../../storage/unreadable-head.ts'

export type { RedisClient } from './redis-connection.ts'

const pageKeys = 500
const ofHash = '0'
// A page of groups is many keys, which are not held all at once.
const groupsAtOnce = 16
// What one call has under way; the rest of what it was given waits where it is.
const batchBytes = 8 * 2 ** 20
// Most heads are shorter, and come with the first question.
const headGuessBytes = 4096

// The body stays on the server: KEYS[1], the old head, what takes the place of prefix and head, after
// how long it expires ('' for never).
const replaceScript = `
local value = redis.call('GET', KEYS[1])
if not value then return 0 end
local from = ${prefixBytes} + 1
if string.sub(value, from, from + #ARGV[1] - 1) ~= ARGV[1] then return 0 end
local bytes = 0
for i = 13, 16 do bytes = bytes * 256 + string.byte(value, i) end
if bytes ~= #ARGV[1] then return 0 end
local replaced = ARGV[2] .. string.sub(value, from + #ARGV[1])
if ARGV[3] == '' then redis.call('SET', KEYS[1], replaced)
else redis.call('SET', KEYS[1], replaced, 'PX', ARGV[3]) end
return 1`

/** Records as Redis strings; see the top of the file. */
export class RedisStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: true,
    // Redis holds 512 MB in a value; what goes over the wire at once should be less.
    maxBodyBytes: 2 ** 26,
  }
  readonly #link: RedisLink
  readonly #groups: RedisGroups
  readonly #prefix: string

  /** @param namespace of the cache; it may hold anything, and never meets another one's keys */
  constructor(link: RedisLink, namespace: string, name: string) {
    super()
    this.#link = link
    this.#groups = new RedisGroups(link)
    // Escaped it holds no separator, so no namespace is the beginning of another.
    this.#prefix = `${encodeURIComponent(namespace)}:${name}:`
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    const place = this.#placeOf(key)
    if (isMember(place)) return this.#groups.get(place)
    const value = await this.#link.ask((client) => client.getBuffer(place))
    return value === null ? undefined : readFrame(value)
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    // It may have to wait, and callers may change what they handed over.
    await this.adopt(key, { ...record, body: Buffer.from(record.body) })
  }

  override async adopt(key: string, record: StoredRecord): Promise<void> {
    const place = this.#placeOf(key)
    if (isMember(place)) return this.#groups.set(place, record)
    const head = frameHead(record)
    await this.#link.write(head.byteLength + record.body.byteLength, (client) => {
      const value = Buffer.concat([head, record.body])
      const ttl = ttlOf(record.expiresAt)
      return ttl === '' ? client.set(place, value) : client.set(place, value, 'PX', ttl)
    })
  }

  override async delete(key: string): Promise<boolean> {
    const place = this.#placeOf(key)
    if (isMember(place)) return (await this.#groups.delete(place.at, [place.member])) > 0
    return (await this.#unlinkOne(place)) > 0
  }

  override async has(key: string): Promise<boolean> {
    const place = this.#placeOf(key)
    if (isMember(place)) return this.#groups.has(place)
    return (await this.#link.ask((client) => client.exists(place))) > 0
  }

  override async replaceHead(
    key: string,
    from: string,
    next: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    const place = this.#placeOf(key)
    if (isMember(place)) return this.#groups.replaceHead(place, from, next)
    const current = await this.#head(place)
    if (current?.head !== from) return false
    const start = frameHead({ ...next, body: { byteLength: current.bodyBytes } })
    const parameters = [place, Buffer.from(from), start, ttlOf(next.expiresAt)]
    const replace = this.#link.write(start.byteLength, (client) =>
      client.eval(replaceScript, 1, ...parameters),
    )
    return (await replace) === 1
  }

  override async *keys(): AsyncIterable<string> {
    yield* this.#listed(async (key) => [key], this.#keysOfGroup)
  }

  override async *heads(): AsyncIterable<StoredHead> {
    const headOf = async (key: string): Promise<StoredHead[]> => {
      const head = await this.#headOrError(key)
      return head === undefined ? [] : [head]
    }
    yield* this.#listed(headOf, (group) =>
      this.#groups.heads(this.#hashOf(group), (member) => keyInGroup(group, member)),
    )
  }

  override async size(): Promise<number> {
    let count = 0
    try {
      for await (const _ of this.keys()) count++
    } catch (error) {
      throw asPartial(error, `counted ${count} records`)
    }
    return count
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    const single: string[] = []
    const groups = new Map<string, Set<string>>()
    for (const key of new Set(keys)) {
      const place = this.#placeOf(key)
      if (!isMember(place)) single.push(place)
      else if (groups.has(place.at)) groups.get(place.at)!.add(place.member)
      else groups.set(place.at, new Set([place.member]))
    }
    const deleted = await Promise.all([
      this.#unlink(single),
      ...Array.from(groups, ([at, members]) => this.#groups.delete(at, [...members])),
    ])
    return deleted.reduce((sum, count) => sum + count, 0)
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    let batch: Promise<void>[] = []
    let bytes = 0
    for (const [key, record] of records) {
      batch.push(this.set(key, record))
      bytes += record.body.byteLength + record.head.length
      if (bytes < batchBytes && batch.length < pageKeys) continue
      await Promise.all(batch)
      batch = []
      bytes = 0
    }
    await Promise.all(batch)
  }

  override async clear(): Promise<void> {
    let deleted = 0
    try {
      for await (const page of scanKeys(this.#link.ask, this.#prefix)) {
        deleted += await this.#unlink(page.map((key) => this.#prefix + key))
      }
    } catch (error) {
      throw asPartial(error, `deleted ${deleted} keys`)
    }
  }

  /** Where a record is: its key, or its place in the hash of its group. */
  #placeOf(key: string): string | RedisMember {
    checkKey(key)
    const grouped = groupOf(key)
    if (grouped === undefined) return this.#prefix + key
    return { at: this.#hashOf(grouped.group), member: grouped.member }
  }

  // No single record has such a key, and no other group.
  #hashOf(group: string): string {
    return this.#prefix + keyInGroup(group, ofHash)
  }

  async #unlink(places: readonly string[]): Promise<number> {
    const deleted = await Promise.all(places.map((place) => this.#unlinkOne(place)))
    return deleted.filter((count) => count > 0).length
  }

  // On the way of what is written: a record that was given up may still be on its way to the server.
  #unlinkOne(place: string): Promise<number> {
    return this.#link.write(0, (client) => client.unlink(place))
  }

  async #head(
    place: string,
  ): Promise<(Omit<StoredHead, 'key'> & { bodyBytes: number }) | undefined> {
    const read = (bytes: number): Promise<Buffer> =>
      this.#link.ask((client) => client.getrangeBuffer(place, 0, bytes - 1))
    let start = await read(prefixBytes + headGuessBytes)
    if (start.byteLength === 0) return undefined
    const { expiresAt, headBytes, bodyBytes } = readPrefix(start)
    if (start.byteLength < prefixBytes + headBytes) start = await read(prefixBytes + headBytes)
    return {
      head: start.toString('utf8', prefixBytes, prefixBytes + headBytes),
      expiresAt,
      bodyBytes,
    }
  }

  async #headOrError(key: string): Promise<StoredHead | undefined> {
    try {
      const found = await this.#head(this.#prefix + key)
      return found && { key, head: found.head, expiresAt: found.expiresAt }
    } catch (error) {
      if (!isEntryError(error)) throw error
      return unreadableHead(key, undefined, error)
    }
  }

  readonly #keysOfGroup = async (group: string): Promise<string[]> => {
    const members = await this.#groups.members(this.#hashOf(group))
    return members.map((member) => keyInGroup(group, member))
  }

  /** Everything that is listed of each single record, and of each group. */
  async *#listed<T>(
    ofSingle: (key: string) => Promise<T[]>,
    ofGroup: (group: string) => Promise<T[]>,
  ): AsyncIterable<T> {
    for await (const page of scanKeys(this.#link.ask, this.#prefix)) {
      const [singles, groups]: [string[], string[]] = [[], []]
      for (const key of page) {
        const grouped = groupOf(key)
        if (grouped === undefined) singles.push(key)
        // Of the others none is ours.
        else if (grouped.member === ofHash) groups.push(grouped.group)
      }
      for (const found of await Promise.all(singles.map(ofSingle))) yield* found
      for (const slice of slicesOf(groups, groupsAtOnce)) {
        for (const found of await Promise.all(slice.map(ofGroup))) yield* found
      }
    }
  }
}

function isMember(place: string | RedisMember): place is RedisMember {
  return typeof place !== 'string'
}
