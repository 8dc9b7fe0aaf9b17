/** Storages that break what the contract says of single records: content, ownership, time, presence. */
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { StorageMutants } from './mutant.ts'
import { SharedStorage } from './shared-storage.ts'

/** A storage that changes what it is given, or what it gives. */
function changing(
  stored: (record: StoredRecord) => StoredRecord,
  given: (record: StoredRecord) => StoredRecord = (record) => record,
): MemoryStorage {
  return new (class extends MemoryStorage {
    override adopt(key: string, record: StoredRecord): void {
      super.adopt(key, stored(record))
    }

    override get(key: string): StoredRecord | undefined {
      const record = super.get(key)
      return record && given(record)
    }

    override peek(key: string): StoredRecord | undefined {
      const record = super.peek(key)
      return record && given(record)
    }
  })()
}

/** Storages by what is wrong with them. */
export const recordMutants: StorageMutants = {
  'set: keeps the caller’s buffer': () =>
    new (class extends MemoryStorage {
      override set(key: string, record: StoredRecord): void {
        this.adopt(key, record)
      }
    })(),
  'set: keeps the buffer under a view': () =>
    new (class extends MemoryStorage {
      override set(key: string, record: StoredRecord): void {
        super.set(key, { ...record, body: new Uint8Array(record.body.buffer) })
      }
    })(),
  'set: writes the head before the body': () =>
    new (class extends SharedStorage {
      override async set(key: string, record: StoredRecord): Promise<void> {
        const before = await this.records.get(key)
        await super.set(key, { ...record, body: before?.body ?? record.body })
        await nextTurn()
        await super.set(key, record)
      }
    })(),
  'set: leaves a record that is there': () =>
    new (class extends MemoryStorage {
      override adopt(key: string, record: StoredRecord): void {
        if (this.peek(key) === undefined) super.adopt(key, record)
      }
    })(),
  'set: leaves the old expiry where the new record has none': () =>
    new (class extends MemoryStorage {
      override adopt(key: string, record: StoredRecord): void {
        super.adopt(key, { ...record, expiresAt: record.expiresAt ?? this.peek(key)?.expiresAt })
      }
    })(),
  'set: does nothing with what has expired': () =>
    new (class extends MemoryStorage {
      override adopt(key: string, record: StoredRecord): void {
        if (record.expiresAt === undefined || record.expiresAt > Date.now())
          super.adopt(key, record)
      }
    })(),
  'get: shares its buffer': () =>
    new (class extends MemoryStorage {
      override get(key: string): StoredRecord | undefined {
        return this.peek(key)
      }
    })(),
  'get: throws for an absent key': () =>
    new (class extends MemoryStorage {
      override get(key: string): StoredRecord {
        const record = super.get(key)
        if (record === undefined) throw new Error('no such key')
        return record
      }
    })(),
  'get: an empty body counts as none': () =>
    new (class extends MemoryStorage {
      override get(key: string): StoredRecord | undefined {
        const record = super.get(key)
        return record?.body.byteLength === 0 ? undefined : record
      }
    })(),
  'get: drops a record a minute before its time': () =>
    new (class extends MemoryStorage {
      override get(key: string): StoredRecord | undefined {
        const record = super.get(key)
        return (record?.expiresAt ?? Infinity) <= Date.now() + 60_000 ? undefined : record
      }
    })(),
  'get: drops a record by a timer that overflows': () =>
    new (class extends MemoryStorage {
      override adopt(key: string, record: StoredRecord): void {
        super.adopt(key, record)
        if (record.expiresAt === undefined) return
        // The warning about it is what the real fault would be spared.
        const wait = record.expiresAt - Date.now()
        setTimeout(() => this.delete(key), wait > 2 ** 31 ? 1 : wait).unref()
      }
    })(),
  'get: the head of an expired record without its body': () =>
    new (class extends MemoryStorage {
      override get(key: string): StoredRecord | undefined {
        const record = super.get(key)
        if (record === undefined || (record.expiresAt ?? Infinity) > Date.now()) return record
        return { ...record, body: new Uint8Array(0) }
      }
    })(),
  'peek: gives no body': () =>
    new (class extends MemoryStorage {
      override peek(key: string): StoredRecord | undefined {
        const record = super.peek(key)
        return record && { ...record, body: new Uint8Array(0) }
      }
    })(),
  'adopt: does not store': () =>
    new (class extends MemoryStorage {
      override set(key: string, record: StoredRecord): void {
        super.adopt(key, { ...record, body: record.body.slice() })
      }

      override adopt(): void {}
    })(),
  'head: as latin1': () =>
    changing((record) => ({
      ...record,
      head: Buffer.from(record.head, 'latin1').toString('latin1'),
    })),
  'head: trimmed': () => changing((record) => ({ ...record, head: record.head.trim() })),
  'head: up to a NUL': () =>
    changing((record) => ({ ...record, head: record.head.split('\0', 1).join() })),
  'head: cut at 64 KiB': () =>
    changing((record) => ({
      ...record,
      head: Buffer.from(record.head).toString('utf8', 0, 65_535),
    })),
  'head: line ends made equal': () =>
    changing((record) => ({ ...record, head: record.head.replaceAll('\r\n', '\n') })),
  'body: as UTF-8 text': () =>
    changing((record) => ({ ...record, body: Buffer.from(Buffer.from(record.body).toString()) })),
  'body: cut at 64 KiB': () =>
    changing((record) => ({ ...record, body: record.body.subarray(0, 65_536) })),
  'expiresAt: in whole seconds': () =>
    changing(({ expiresAt, ...record }) => ({
      ...record,
      ...(expiresAt === undefined ? {} : { expiresAt: Math.floor(expiresAt / 1_000) * 1_000 }),
    })),
  'expiresAt: 0 for none': () =>
    changing((record) => ({ ...record, expiresAt: record.expiresAt ?? 0 })),
  'expiresAt: forgotten': () => changing(({ head, body }) => ({ head, body })),
  'delete: always true': () =>
    new (class extends MemoryStorage {
      override delete(key: string): boolean {
        super.delete(key)
        return true
      }
    })(),
  'delete: always false': () =>
    new (class extends MemoryStorage {
      override delete(key: string): boolean {
        super.delete(key)
        return false
      }
    })(),
  'delete: does nothing': () =>
    new (class extends MemoryStorage {
      override delete(key: string): boolean {
        return this.peek(key) !== undefined
      }
    })(),
  'delete: by prefix': () =>
    new (class extends MemoryStorage {
      readonly #known = new Set<string>()

      override adopt(key: string, record: StoredRecord): void {
        this.#known.add(key)
        super.adopt(key, record)
      }

      override delete(key: string): boolean {
        const had = this.peek(key) !== undefined
        for (const each of this.#known) if (had && each.startsWith(key)) super.delete(each)
        return had
      }
    })(),
  'has: always true': () =>
    new (class extends MemoryStorage {
      override has(): boolean {
        return true
      }
    })(),
  'has: false where head and body are empty': () =>
    new (class extends MemoryStorage {
      override has(key: string): boolean {
        const record = this.peek(key)
        return record !== undefined && record.head !== ''
      }
    })(),
}
