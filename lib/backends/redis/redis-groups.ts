/**
 * Records that are of no use without each other, as the parts of one body: together in one hash of
 * Redis, so that a server that is full evicts all of them or none. A record is two fields, the frame
 * of its head and its body; so heads are listed and replaced without a look at bodies.
 */
import { isEntryError } from '../../errors.ts'
import type { StoredHead, StoredRecord } from '../../storage/base-storage.ts'
import { frameHead, prefixBytes, readPrefix, torn } from '../../storage/frame.ts'
import type { RedisLink } from './redis-connection.ts'
import { ttlOf } from './redis-ttl.ts'
import { slicesOf } from '../../storage/slices.ts'
import { unreadableHead } from '../../storage/unreadable-head.ts'

/** Which record, of which hash. */
export interface RedisMember {
  /** The key of the hash. */
  readonly at: string
  readonly member: string
}

// Both fields, and the time of the hash ('' for never).
const setScript = `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
if ARGV[5] == '' then redis.call('PERSIST', KEYS[1])
else redis.call('PEXPIRE', KEYS[1], ARGV[5]) end`

// The field of the head, its frame as it was and as it is to be, and the time of the hash.
const replaceScript = `
if redis.call('HMGET', KEYS[1], ARGV[1])[1] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if ARGV[4] == '' then redis.call('PERSIST', KEYS[1])
else redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`

const fieldsAtOnce = 500
const headPrefix = 'h'

/** See the top of the file. */
export class RedisGroups {
  readonly #link: RedisLink

  constructor(link: RedisLink) {
    this.#link = link
  }

  async get({ at, member }: RedisMember): Promise<StoredRecord | undefined> {
    const [frame, body] = await this.#link.ask((client) =>
      client.hmgetBuffer(at, headField(member), bodyField(member)),
    )
    if (frame === null && body === null) return undefined
    if (!frame || !body) throw torn()
    const { head, expiresAt, bodyBytes } = readHead(frame)
    if (body.byteLength !== bodyBytes) throw torn()
    return { head, body, expiresAt }
  }

  async set({ at, member }: RedisMember, record: StoredRecord): Promise<void> {
    const { body } = record
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const fields = [headField(member), frameHead(record), bodyField(member), bytes]
    const set = (): Promise<unknown> =>
      this.#link.write(body.byteLength, (client) =>
        client.eval(setScript, 1, at, ...fields, ttlOf(record.expiresAt)),
      )
    try {
      await set()
    } catch (error) {
      if (!isEntryError(error)) throw error
      // Somebody has put something else there.
      await this.#link.write(0, (client) => client.unlink(at))
      await set()
    }
  }

  async has({ at, member }: RedisMember): Promise<boolean> {
    const [frame] = await this.#link.ask((client) => client.hmgetBuffer(at, headField(member)))
    return frame !== null
  }

  /** @returns how many of them there were */
  async delete(at: string, members: readonly string[]): Promise<number> {
    let deleted = 0
    try {
      for (const slice of slicesOf(members, fieldsAtOnce)) {
        const fields = slice.flatMap((member) => [headField(member), bodyField(member)])
        deleted += await this.#link.write(0, (client) => client.hdel(at, ...fields))
      }
    } catch (error) {
      if (!isEntryError(error)) throw error
      return this.#link.write(0, (client) => client.unlink(at))
    }
    return Math.ceil(deleted / 2)
  }

  async replaceHead(
    { at, member }: RedisMember,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    const field = headField(member)
    const [frame] = await this.#link.ask((client) => client.hmgetBuffer(at, field))
    if (!frame) return false
    const current = readHead(frame)
    if (current.head !== from) return false
    const next = frameHead({ head, expiresAt, body: { byteLength: current.bodyBytes } })
    const parameters = [at, field, frame, next, ttlOf(expiresAt)]
    const replace = this.#link.write(next.byteLength, (client) =>
      client.eval(replaceScript, 1, ...parameters),
    )
    return (await replace) === 1
  }

  async members(at: string): Promise<string[]> {
    try {
      const fields = await this.#link.ask((client) => client.hkeys(at))
      return fields.filter(isHeadField).map((field) => field.slice(headPrefix.length))
    } catch (error) {
      // Something else than a hash is listed, too, and can be deleted.
      if (isEntryError(error)) return ['0']
      throw error
    }
  }

  /** @param keyOf of a member, for who reads the list */
  async heads(at: string, keyOf: (member: string) => string): Promise<StoredHead[]> {
    const found: StoredHead[] = []
    for (const slice of slicesOf(await this.members(at), fieldsAtOnce)) {
      const frames = await this.#frames(at, slice)
      for (const [index, member] of slice.entries()) {
        const frame = frames[index]
        if (frame !== null) found.push(listed(keyOf(member), frame))
      }
    }
    return found
  }

  async #frames(at: string, members: readonly string[]): Promise<(Buffer | null | undefined)[]> {
    const fields = members.map(headField)
    try {
      return await this.#link.ask((client) => client.hmgetBuffer(at, ...fields))
    } catch (error) {
      if (isEntryError(error)) return []
      throw error
    }
  }
}

function listed(key: string, frame: Buffer | undefined): StoredHead {
  try {
    if (frame === undefined) throw torn()
    const { head, expiresAt } = readHead(frame)
    return { key, head, expiresAt }
  } catch (error) {
    return unreadableHead(key, undefined, error)
  }
}

function readHead(frame: Buffer): Omit<StoredHead, 'key'> & { bodyBytes: number } {
  const { expiresAt, headBytes, bodyBytes } = readPrefix(frame)
  if (frame.byteLength !== prefixBytes + headBytes) throw torn()
  return { head: frame.toString('utf8', prefixBytes), expiresAt, bodyBytes }
}

function headField(member: string): string {
  return headPrefix + member
}

function bodyField(member: string): string {
  return `b${member}`
}

function isHeadField(field: string): boolean {
  return field.startsWith(headPrefix)
}
