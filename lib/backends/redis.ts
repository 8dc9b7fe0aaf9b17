/**
 * A record a key, `<namespace>:<storage>:<key>`, its value framed, expired by Redis itself (`PXAT`,
 * Redis 6.2, Valkey). Works on a single node, with Sentinel and on a Cluster: no command names keys
 * of more than one slot, and `SCAN` goes over every master.
 */
import {
  BaseStorage,
  checkKey,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from './base-storage.ts'
import type { EpochMs } from '../units.ts'
import { isEntryError } from '../errors.ts'
import { frameHead, prefixBytes, readFrame, readPrefix } from './frame.ts'
import { keyPrefixOf, mastersOf, type Ask } from './redis-connection.ts'
import { unreadableHead } from './unreadable-head.ts'

export type { RedisClient } from './redis-connection.ts'

const pageKeys = 500
// Most heads are shorter, and come with the first question.
const headGuessBytes = 4096

// The body stays on the server: KEYS[1], the old head, what takes the place of prefix and head, when
// it expires ('' for never).
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
else redis.call('SET', KEYS[1], replaced, 'PXAT', ARGV[3]) end
return 1`

/** Records as Redis strings; see the top of the file. */
export class RedisStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: true,
    // Redis holds 512 MB in a value; what goes over the wire at once should be less.
    maxBodyBytes: 2 ** 26,
  }
  readonly #ask: Ask
  readonly #prefix: string

  /** @param namespace of the cache; it may hold anything, and never meets another one's keys */
  constructor(ask: Ask, namespace: string, name: string) {
    super()
    this.#ask = ask
    // Escaped it holds no separator, so no namespace is the beginning of another.
    this.#prefix = `${encodeURIComponent(namespace)}:${name}:`
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    const keyed = this.#keyOf(key)
    const value = await this.#ask((client) => client.getBuffer(keyed))
    return value === null ? undefined : readFrame(value)
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    const keyed = this.#keyOf(key)
    const value = Buffer.concat([frameHead(record), record.body])
    const { expiresAt } = record
    await this.#ask((client) =>
      expiresAt === undefined
        ? client.set(keyed, value)
        : client.set(keyed, value, 'PXAT', instantOf(expiresAt)),
    )
  }

  override async delete(key: string): Promise<boolean> {
    const keyed = this.#keyOf(key)
    return (await this.#ask((client) => client.unlink(keyed))) > 0
  }

  override async has(key: string): Promise<boolean> {
    const keyed = this.#keyOf(key)
    return (await this.#ask((client) => client.exists(keyed))) > 0
  }

  override async replaceHead(
    key: string,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    const current = await this.#head(key)
    if (current?.head !== from) return false
    const prefix = frameHead({ head, expiresAt, body: { byteLength: current.bodyBytes } })
    const at = expiresAt === undefined ? '' : String(instantOf(expiresAt))
    const parameters = [this.#keyOf(key), Buffer.from(from), prefix, at]
    return (await this.#ask((client) => client.eval(replaceScript, 1, ...parameters))) === 1
  }

  override async *keys(): AsyncIterable<string> {
    for await (const page of this.#pages()) yield* page
  }

  override async *heads(): AsyncIterable<StoredHead> {
    for await (const page of this.#pages()) {
      const heads = await Promise.all(page.map((key) => this.#listed(key)))
      for (const found of heads) if (found !== undefined) yield found
    }
  }

  override async size(): Promise<number> {
    let count = 0
    for await (const page of this.#pages()) count += page.length
    return count
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    const deleted = await Promise.all(keys.map((key) => this.delete(key)))
    return deleted.filter(Boolean).length
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    await Promise.all(Array.from(records, ([key, record]) => this.set(key, record)))
  }

  override async clear(): Promise<void> {
    for await (const page of this.#pages()) await this.deleteMany(page)
  }

  #keyOf(key: string): string {
    checkKey(key)
    return this.#prefix + key
  }

  async #head(key: string): Promise<(Omit<StoredHead, 'key'> & { bodyBytes: number }) | undefined> {
    const keyed = this.#keyOf(key)
    const read = (bytes: number): Promise<Buffer> =>
      this.#ask((client) => client.getrangeBuffer(keyed, 0, bytes - 1))
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

  async #listed(key: string): Promise<StoredHead | undefined> {
    try {
      const found = await this.#head(key)
      return found && { key, head: found.head, expiresAt: found.expiresAt }
    } catch (error) {
      if (!isEntryError(error)) throw error
      return unreadableHead(key, undefined, error)
    }
  }

  // SCAN may repeat a key, and an empty page is not the last one; only cursor '0' ends it. It is not
  // told of the client's own prefix, and gives it back with the keys.
  async *#pages(): AsyncIterable<string[]> {
    const before = (await this.#ask(async (client) => keyPrefixOf(client))) + this.#prefix
    const match = `${before.replaceAll(/[*?[\]\\^]/g, String.raw`\$&`)}*`
    const seen = new Set<string>()
    for (const node of await this.#ask((client) => mastersOf(client, this.#prefix))) {
      let cursor = '0'
      do {
        const from = cursor
        const [next, found] = await this.#ask(() =>
          node.scan(from, 'MATCH', match, 'COUNT', pageKeys),
        )
        const page = found.map((key) => key.slice(before.length)).filter((key) => !seen.has(key))
        for (const key of page) seen.add(key)
        if (page.length > 0) yield page
        cursor = next
      } while (cursor !== '0')
    }
  }
}

function instantOf(expiresAt: EpochMs): number {
  return Math.max(1, Math.ceil(expiresAt))
}
