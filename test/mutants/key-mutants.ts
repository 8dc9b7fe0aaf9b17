/** Storages that break what the contract says of keys, their listing, and namespaces. */
import type { BaseStorage, StoredHead, StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { StorageMutants } from './mutant.ts'
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

/** Storages by what is wrong with them. */
export const keyMutants: StorageMutants = {
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
}
