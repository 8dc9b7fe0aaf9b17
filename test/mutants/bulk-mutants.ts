/** Storages that break what the contract says of listings, bulk work, expiry and new heads. */
import type { StoredHead, StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { StorageMutants } from './mutant.ts'

/** Storages by what is wrong with them. */
export const bulkMutants: StorageMutants = {
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
  'replaceHead: whatever the head is': () =>
    replacing((storage, key, _, head) => {
      const record = storage.get(key)
      if (record === undefined) return false
      storage.set(key, { ...head, body: record.body })
      return true
    }),
  'replaceHead: empties the body': () =>
    replacing((storage, key, from, head) => {
      if (storage.get(key)?.head !== from) return false
      storage.set(key, { ...head, body: new Uint8Array(0) })
      return true
    }),
  'replaceHead: leaves the expiry': () =>
    replacing((storage, key, from, { head }) => {
      const record = storage.get(key)
      if (record?.head !== from) return false
      storage.set(key, { ...record, head })
      return true
    }),
  'replaceHead: makes a record where there is none': () =>
    replacing((storage, key, from, head) => {
      const record = storage.get(key)
      if (record !== undefined && record.head !== from) return false
      storage.set(key, { ...head, body: record?.body ?? new Uint8Array(0) })
      return true
    }),
  'replaceHead: says true where it did nothing': () =>
    replacing((storage, key, from, head) => {
      const record = storage.get(key)
      if (record?.head === from) storage.set(key, { ...head, body: record.body })
      return true
    }),
  'replaceHead: says true and does nothing': () =>
    replacing((storage, key, from) => storage.get(key)?.head === from),
}

function replacing(
  replace: (
    storage: MemoryStorage,
    key: string,
    from: string,
    head: Omit<StoredHead, 'key'>,
  ) => boolean,
): MemoryStorage {
  return new (class extends MemoryStorage {
    override replaceHead(key: string, from: string, head: Omit<StoredHead, 'key'>): boolean {
      return replace(this, key, from, head)
    }
  })()
}
