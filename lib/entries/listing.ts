/** What a storage holds, by kind of record. */
import type { BaseStorage, StoredHead } from '../storage/base-storage.ts'
import { kindOfRecord } from './record-keys.ts'

/** Keys of responses, redirects and chains, and not those of parts. */
export async function* entryKeys(storage: BaseStorage): AsyncGenerator<string> {
  for await (const key of storage.keys()) if (kindOfRecord(key) !== 'part') yield key
}

/** Heads of responses, redirects and chains, and not those of parts. */
export async function* entryHeads(storage: BaseStorage): AsyncGenerator<StoredHead> {
  for await (const stored of storage.heads()) if (kindOfRecord(stored.key) !== 'part') yield stored
}

/** Heads of responses and redirects. */
export async function* responseHeads(storage: BaseStorage): AsyncGenerator<StoredHead> {
  for await (const stored of storage.heads()) {
    if (kindOfRecord(stored.key) === 'response') yield stored
  }
}

/** Heads of followed chains of redirects. */
export async function* chainHeads(storage: BaseStorage): AsyncGenerator<StoredHead> {
  for await (const stored of storage.heads()) if (kindOfRecord(stored.key) === 'chain') yield stored
}
