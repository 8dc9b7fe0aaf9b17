import assert from 'node:assert/strict'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { Entry } from '../../lib/entries/entry.ts'
import { asVariant, findOn, placeFor, selectionOf, type Lookup } from '../../lib/entries/lookup.ts'
import { EntryStore } from '../../lib/entries/entry-store.ts'
import type { CacheRequest } from '../../lib/request/request.ts'
import { makeRecord } from './make-entry.ts'

let stored = 0

/** An empty one in memory. */
export function newEntryStore(): EntryStore {
  return new EntryStore(new MemoryStorage(), 1_000_000)
}

/** Stores as a response is stored: in the place that the look-up before it gives. */
export function store(
  entryStore: EntryStore,
  request: CacheRequest,
  names: string[],
  body: string,
): void {
  const { primary } = look(entryStore, request)
  const selectedBy = asVariant(primary, selectionOf(request, names, ++stored))
  const record = makeRecord({ text: request.text, selectedBy }, body)
  assert.equal(entryStore.write(placeFor(request, primary, selectedBy), record), undefined)
}

/** What is found, where it is found at once. */
export function look(entryStore: EntryStore, request: CacheRequest): Lookup {
  const found = findOn(entryStore, request)
  assert.ok(!(found instanceof Promise))
  return found
}

/** The body of what was found, as text. */
export function bodyOf({ found }: { found?: { entry: Entry } | undefined }): string | undefined {
  return found && Buffer.from(found.entry.body).toString()
}
