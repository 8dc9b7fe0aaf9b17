/** Storages that break what the contract says of change tokens, closing and sharing. */
import type { BaseStorage, StoredHead, StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { StorageMutants, Subject } from './mutant.ts'
import { SharedStorage } from './shared-storage.ts'

let anyClosed = false

/** Storages of one namespace, each handle made by `make`. */
function shared(make: (records: BaseStorage) => SharedStorage): Subject<BaseStorage> {
  return {
    open: () => make(new MemoryStorage()),
    reopen: (opened) => make((opened as SharedStorage).records),
  }
}

/** Storages by what is wrong with them. */
export const sharingMutants: StorageMutants = {
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
