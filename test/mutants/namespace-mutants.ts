/** Storages that break what the contract says of keys, listings, bulk work, expiry and sharing. */
import type { BaseStorage, StoredHead, StoredRecord } from '../../lib/backends/base-storage.ts'
import { MemoryStorage } from '../../lib/backends/memory.ts'
import type { StorageMutants, Subject } from './mutant.ts'
import { SharedStorage } from './shared-storage.ts'

/** A storage that maps keys to others; it lists them as they were, or as they are now. */
function mapping(change: (key: string) => string, listed: 'as given' | 'as stored'): BaseStorage {
  const given = new Map<string, string>()
  return new (class extends MemoryStorage {
    override get(key: string): StoredRecord | undefined {
      return super.get(change(key))
    }

    override peek(key: string): StoredRecord | undefined {
      return super.peek(change(key))
    }

    override adopt(key: string, record: StoredRecord): void {
      given.set(change(key), key)
      super.adopt(change(key), record)
    }

    override delete(key: string): boolean {
      return super.delete(change(key))
    }

    override replaceHead(key: string, from: string, head: Omit<StoredHead, 'key'>): boolean {
      return super.replaceHead(change(key), from, head)
    }

    override async *keys(): AsyncIterable<string> {
      for await (const key of super.keys()) {
        yield listed === 'as stored' ? key : (given.get(key) ?? key)
      }
    }
  })()
}

/** A storage that lists its keys in another way. */
function listing(list: (keys: () => string[]) => AsyncIterable<string>): BaseStorage {
  return new (class extends MemoryStorage {
    readonly #keys = new Set<string>()

    override adopt(key: string, record: StoredRecord): void {
      // A key that is written again moves to the end, as rows do that are deleted and inserted.
      this.#keys.delete(key)
      this.#keys.add(key)
      super.adopt(key, record)
    }

    override delete(key: string): boolean {
      this.#keys.delete(key)
      return super.delete(key)
    }

    override clear(): void {
      this.#keys.clear()
      super.clear()
    }

    override keys(): AsyncIterable<string> {
      return list(() => [...this.#keys])
    }
  })()
}

const all = new Set<MemoryStorage>()
const common = new MemoryStorage()
let anyClosed = false

/** Storages of one namespace, each handle made by `make`. */
function shared(make: (records: BaseStorage) => SharedStorage): Subject<BaseStorage> {
  return {
    open: () => make(new MemoryStorage()),
    reopen: (opened) => make((opened as SharedStorage).records),
  }
}

/** Storages by what is wrong with them. */
export const namespaceMutants: StorageMutants = {
  'keys: in lower case': () => mapping((key) => key.toLowerCase(), 'as given'),
  'keys: cut at 199': () => mapping((key) => key.slice(0, 199), 'as given'),
  'keys: trimmed': () => mapping((key) => key.trim(), 'as given'),
  'keys: normalized': () => mapping((key) => key.normalize('NFC'), 'as given'),
  'keys: as file names': () => mapping((key) => key.replaceAll(/[^\w.-]/g, '_'), 'as given'),
  'keys: decoded': () => mapping((key) => key.replaceAll('%25', '%'), 'as given'),
  'keys: listed as they were escaped': () =>
    mapping((key) => encodeURIComponent(key.toWellFormed()), 'as stored'),
  'keys: refused with an error of its own': () =>
    mapping((key) => {
      if (/['"]/.test(key)) throw new Error('syntax error')
      return key
    }, 'as stored'),
  'keys: all but one': () =>
    listing(async function* (keys) {
      yield* keys().slice(1)
    }),
  'keys: one of them twice': () =>
    listing(async function* (keys) {
      yield* [...keys(), ...keys().slice(0, 1)]
    }),
  'keys: the first page only': () =>
    listing(async function* (keys) {
      yield* keys().slice(0, 1_000)
    }),
  'keys: by the place in the list': () =>
    listing(async function* (keys) {
      for (let i = 0; i < keys().length; i += 100) yield* keys().slice(i, i + 100)
    }),
  'size: one more': () =>
    new (class extends MemoryStorage {
      override size(): number {
        return super.size() + 1
      }
    })(),
  'size: counts writes': () =>
    new (class extends MemoryStorage {
      #writes = 0

      override adopt(key: string, record: StoredRecord): void {
        this.#writes++
        super.adopt(key, record)
      }

      override size(): number {
        return this.#writes
      }
    })(),
  'clear: does nothing': () =>
    new (class extends MemoryStorage {
      override clear(): void {}
    })(),
  'clear: empties other namespaces, too': () =>
    new (class extends MemoryStorage {
      constructor() {
        super()
        all.add(this)
      }

      override clear(): void {
        for (const each of all) super.clear.call(each)
      }
    })(),
  'open: all namespaces are one': () => new SharedStorage(common),
  'heads: without expiry': () =>
    new (class extends MemoryStorage {
      override async *heads(): AsyncIterable<StoredHead> {
        for await (const { key, head } of super.heads()) yield { key, head }
      }
    })(),
  'heads: the first page only': () =>
    new (class extends MemoryStorage {
      override async *heads(): AsyncIterable<StoredHead> {
        let listed = 0
        for await (const head of super.heads()) if (listed++ < 1_000) yield head
      }
    })(),
  'entries: share their bodies': () =>
    new (class extends MemoryStorage {
      override async *entries(): AsyncIterable<[string, StoredRecord]> {
        for await (const key of this.keys()) {
          const record = this.peek(key)
          if (record !== undefined) yield [key, record]
        }
      }
    })(),
  'values: without bodies': () =>
    new (class extends MemoryStorage {
      override async *values(): AsyncIterable<StoredRecord> {
        for await (const record of super.values()) yield { ...record, body: new Uint8Array(0) }
      }
    })(),
  'getMany: leaves out what is absent': () =>
    new (class extends MemoryStorage {
      override async getMany(keys: readonly string[]): Promise<(StoredRecord | undefined)[]> {
        return keys.map((key) => this.get(key)).filter((record) => record !== undefined)
      }
    })(),
  'getMany: in an order of its own': () =>
    new (class extends MemoryStorage {
      override async getMany(keys: readonly string[]): Promise<(StoredRecord | undefined)[]> {
        return keys.toSorted().map((key) => this.get(key))
      }
    })(),
  'setMany: the first of two for a key stays': () =>
    new (class extends MemoryStorage {
      override async setMany(records: Iterable<readonly [string, StoredRecord]>): Promise<void> {
        await super.setMany([...records].toReversed())
      }
    })(),
  'setMany: the first page only': () =>
    new (class extends MemoryStorage {
      override async setMany(records: Iterable<readonly [string, StoredRecord]>): Promise<void> {
        await super.setMany([...records].slice(0, 1_000))
      }
    })(),
  'deleteMany: counts the keys it was given': () =>
    new (class extends MemoryStorage {
      override async deleteMany(keys: readonly string[]): Promise<number> {
        await super.deleteMany(keys)
        return keys.length
      }
    })(),
  'deleteMany: the first page only': () =>
    new (class extends MemoryStorage {
      override async deleteMany(keys: readonly string[]): Promise<number> {
        return super.deleteMany(keys.slice(0, 1_000))
      }
    })(),
  'deleteExpired: without a limit': () =>
    new (class extends MemoryStorage {
      override async deleteExpired(now: number): Promise<number> {
        return super.deleteExpired(now, Infinity)
      }
    })(),
  'deleteExpired: by its own clock': () =>
    new (class extends MemoryStorage {
      override async deleteExpired(_now: number, limit: number): Promise<number> {
        return super.deleteExpired(Date.now(), limit)
      }
    })(),
  'deleteExpired: not at the very instant': () =>
    new (class extends MemoryStorage {
      override async deleteExpired(now: number, limit: number): Promise<number> {
        return super.deleteExpired(now - 1, limit)
      }
    })(),
  'deleteExpired: what never expires, too': () =>
    new (class extends MemoryStorage {
      override async *heads(): AsyncIterable<StoredHead> {
        for await (const head of super.heads()) yield { ...head, expiresAt: head.expiresAt ?? 0 }
      }
    })(),
  'deleteExpired: does nothing': () =>
    new (class extends MemoryStorage {
      override async deleteExpired(): Promise<number> {
        return 0
      }
    })(),
  'deleteExpired: by the expiry that was set first': () =>
    new (class extends MemoryStorage {
      readonly #first = new Map<string, number | undefined>()

      override adopt(key: string, record: StoredRecord): void {
        if (!this.#first.has(key)) this.#first.set(key, record.expiresAt)
        super.adopt(key, record)
      }

      override async deleteExpired(now: number, limit: number): Promise<number> {
        const past = [...this.#first].filter(([, at]) => at !== undefined && at <= now)
        return this.deleteMany(past.slice(0, limit).map(([key]) => key))
      }
    })(),
  'changeToken: constant': () =>
    new (class extends MemoryStorage {
      override changeToken(): number {
        return 1
      }
    })(),
  'changeToken: moves by two': () =>
    new (class extends MemoryStorage {
      override changeToken(): number {
        return 2 * super.changeToken()
      }
    })(),
  'changeToken: moves by being asked': () =>
    new (class extends MemoryStorage {
      #asked = 0

      override changeToken(): number {
        return super.changeToken() + this.#asked++
      }
    })(),
  'changeToken: not moved by replaceHead': () =>
    new (class extends MemoryStorage {
      #replaced = 0

      override replaceHead(key: string, from: string, head: Omit<StoredHead, 'key'>): boolean {
        const replaced = super.replaceHead(key, from, head)
        if (replaced) this.#replaced++
        return replaced
      }

      override changeToken(): number {
        return super.changeToken() - this.#replaced
      }
    })(),
  'changeToken: counts its own writes only': shared((records) => {
    let own = 0
    return new (class extends SharedStorage {
      override async set(key: string, record: StoredRecord): Promise<void> {
        own++
        await super.set(key, record)
      }

      override async delete(key: string): Promise<boolean> {
        own++
        return super.delete(key)
      }

      override async replaceHead(
        key: string,
        from: string,
        head: Omit<StoredHead, 'key'>,
      ): Promise<boolean> {
        own++
        return super.replaceHead(key, from, head)
      }

      override async clear(): Promise<void> {
        own++
        await super.clear()
      }

      override changeToken(): number {
        return own
      }
    })(records)
  }),
  'close: fails the second time': () => {
    let closed = false
    return new (class extends MemoryStorage {
      override close(): void {
        if (closed) throw new Error('closed already')
        closed = true
      }
    })()
  },
  'close: closes what others have opened': () =>
    new (class extends MemoryStorage {
      constructor() {
        super()
        anyClosed = false
      }

      override adopt(key: string, record: StoredRecord): void {
        if (anyClosed) throw new Error('closed')
        super.adopt(key, record)
      }

      override close(): void {
        anyClosed = true
      }
    })(),
  'close: deletes what is stored': shared(
    (records) =>
      new (class extends SharedStorage {
        override async close(): Promise<void> {
          await this.records.clear()
        }
      })(records),
  ),
  'close: loses what is being written': shared((records) => {
    let closed = false
    return new (class extends SharedStorage {
      override async set(key: string, record: StoredRecord): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (!closed) await super.set(key, record)
      }

      override close(): void {
        closed = true
      }
    })(records)
  }),
  'reopen: is empty': {
    open: () => new SharedStorage(),
    reopen: () => new SharedStorage(),
  },
  'reopen: sees what it has read before': shared((records) => {
    const seen = new Map<string, StoredRecord>()
    return new (class extends SharedStorage {
      override async get(key: string): Promise<StoredRecord | undefined> {
        const record = seen.get(key) ?? (await super.get(key))
        if (record !== undefined) seen.set(key, record)
        return record && { ...record, body: record.body.slice() }
      }

      override async set(key: string, record: StoredRecord): Promise<void> {
        seen.delete(key)
        await super.set(key, record)
      }

      override async delete(key: string): Promise<boolean> {
        seen.delete(key)
        return super.delete(key)
      }
    })(records)
  }),
}
