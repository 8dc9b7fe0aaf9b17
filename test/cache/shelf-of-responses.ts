import assert from 'node:assert/strict'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { Entry } from '../../lib/cache/entry.ts'
import { asVariant, findOn, placeFor, selectionOf, type Lookup } from '../../lib/cache/lookup.ts'
import { Shelf } from '../../lib/cache/shelf.ts'
import type { CacheRequest } from '../../lib/request/request.ts'
import { makeRecord } from './make-entry.ts'

let stored = 0

/** An empty one in memory. */
export function newShelf(): Shelf {
  return new Shelf(new MemoryStorage(), 1_000_000)
}

/** Stores as a response is stored: in the place that the look-up before it gives. */
export function store(shelf: Shelf, request: CacheRequest, names: string[], body: string): void {
  const { primary } = look(shelf, request)
  const selectedBy = asVariant(primary, selectionOf(request, names, ++stored))
  const record = makeRecord({ text: request.text, selectedBy }, body)
  assert.equal(shelf.write(placeFor(request, primary, selectedBy), record), undefined)
}

/** What is found, where it is found at once. */
export function look(shelf: Shelf, request: CacheRequest): Lookup {
  const found = findOn(shelf, request)
  assert.ok(!(found instanceof Promise))
  return found
}

/** The body of what was found, as text. */
export function bodyOf({ found }: { found?: { entry: Entry } | undefined }): string | undefined {
  return found && Buffer.from(found.entry.body).toString()
}
