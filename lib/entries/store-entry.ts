/** Puts responses, redirects and chains into a cache, and takes out what they replace. */
import type { StoredRecord } from '../storage/base-storage.ts'
import { chain, isPromise, rescued, type MaybePromise } from '../maybe-promise.ts'
import type { CacheRequest } from '../request/request.ts'
import type { EpochMs } from '../units.ts'
import { partHead } from './body-parts.ts'
import type { BodyParts, Entry, EntryHead, StoredRequest } from './entry.ts'
import { type Found } from './lookup.ts'
import { decodeHead, decodeRequest, encodeChain, encodeHead } from './record.ts'
import type { EntryStores } from './entry-store.ts'
import type { Writes } from './writes.ts'
import { chainKey, partKeys } from './record-keys.ts'

/** Where and as what a response is stored. */
export interface Place {
  readonly key: string
  readonly head: EntryHead
  readonly request: StoredRequest
  readonly dropAt: EpochMs | undefined
  /** What was found for the request before. */
  readonly replaces?: Found | undefined
}

/** A chain of redirects that was followed below the cache, and where its end is. */
export interface ChainLink {
  readonly history: readonly string[]
  readonly echoes?: Entry['echoes']
  readonly target: string
}

/** Stores a response whose body is complete. */
export function storeEntry(
  entryStores: EntryStores,
  writes: Writes,
  as: 'response' | 'redirect',
  { key, replaces }: Place,
  record: StoredRecord,
): MaybePromise<void> {
  const entryStore = as === 'response' ? entryStores.responses : entryStores.redirects
  const written = writes.track(entryStore.write(key, record))
  if (replaces === undefined) return written
  const { entry: old, key: oldKey, entryStore: oldStore } = replaces
  // A URL that redirected and does not any more, or the other way round.
  const moved = oldStore !== entryStore
  // Under another key it is another variant, which stays with its body.
  const replaced = moved || oldKey === key
  if (replaced && old.parts !== undefined) writes.deleteLater(oldStore.storage, oldKey, old.parts)
  if (!moved) return written
  return chain(written, () => chain(writes.track(oldStore.delete(oldKey)), () => {}))
}

/** Stores where a chain of redirects leads that was followed below the cache. */
export function storeChain(
  { redirects }: EntryStores,
  writes: Writes,
  request: CacheRequest,
  link: ChainLink,
  stored: StoredRequest,
  dropAt: EpochMs | undefined,
): MaybePromise<void> {
  const record = encodeChain({ text: request.text, ...link }, stored, dropAt)
  return writes.track(redirects.write(chainKey(request.key), record))
}

/**
 * Deletes the response, redirect and chain that are stored under a key. Its variants are of no use
 * without the first one, and are left to expire.
 */
export function invalidateEntries(
  entryStores: EntryStores,
  writes: Writes,
  key: string,
): MaybePromise<void> {
  const { responses, redirects } = entryStores
  const deleteParts = (): MaybePromise<unknown> =>
    chain(responses.record(key), (record) => {
      const parts = record && partsOf(record)
      if (parts !== undefined) writes.deleteLater(responses.storage, key, parts)
    })
  // All of them begin at once, whatever becomes of the others: nobody in this process gets any of it
  // from now on.
  const deleted = [
    deleteParts,
    () => responses.delete(key),
    () => redirects.delete(key),
    () => redirects.delete(chainKey(key)),
  ].map((work) => rescued<unknown>(work, fail))
  if (!deleted.some(isPromise)) return undefined
  const all = deleted.map(async (one) => one)
  return writes.track(Promise.all(all).then(() => {}))
}

// What throws at once is a failure of its own, as what fails later is.
async function fail(error: unknown): Promise<never> {
  throw error
}

/**
 * Deletes what was found for a request and is over. What was found at the end of a followed chain
 * answers another URL and stays: only the way to it goes.
 */
export function endEntry(
  { redirects }: EntryStores,
  writes: Writes,
  request: CacheRequest,
  { key, entryStore, entry, history }: Found,
): MaybePromise<void> {
  const followed = history !== undefined
  if (!followed && entry.parts !== undefined)
    writes.deleteLater(entryStore.storage, key, entry.parts)
  const deleted = followed ? redirects.delete(chainKey(request.key)) : entryStore.delete(key)
  return chain(writes.track(deleted), () => {})
}

/** What is stored under a key counts as deleted until the storage can be told. */
export function forgetEntries({ responses, redirects }: EntryStores, key: string): void {
  responses.forget(key)
  redirects.forget(key)
  redirects.forget(chainKey(key))
}

function partsOf({ head }: StoredRecord): BodyParts | undefined {
  try {
    return decodeHead(head).parts
  } catch {
    // What cannot be read has parts that are swept.
    return undefined
  }
}

/**
 * Deletes an entry whose body turned out not to be whole, unless it was replaced meanwhile.
 * @returns whether it was deleted
 */
export function discardEntry(
  writes: Writes,
  { key, entryStore, entry }: Found,
): MaybePromise<boolean> {
  const parts = entry.parts!
  return writes.track(
    chain(entryStore.record(key), (record) => {
      if (record === undefined || partsOf(record)?.id !== parts.id) return false
      return chain(entryStore.delete(key), (deleted) => {
        writes.deleteLater(entryStore.storage, key, parts)
        return deleted
      })
    }),
  )
}

/**
 * Writes new header lines and instants to a stored response, and leaves its body.
 * @returns false where it was replaced meanwhile
 */
export function refreshEntry(
  writes: Writes,
  found: Found,
  head: EntryHead,
  dropAt: EpochMs | undefined,
): MaybePromise<boolean> {
  const { key, entryStore, entry } = found
  return writes.track(
    chain(entryStore.record(key), (record) => {
      // Another body must not get the head of this one: others may have stored one meanwhile.
      if (record === undefined || !isSame(decodeHead(record.head), entry)) return false
      const next = { head: encodeHead(head, entry, decodeRequest(record.head)), expiresAt: dropAt }
      return chain(entryStore.replaceHead(key, record.head, next), (replaced) =>
        chain(keepParts(found, dropAt), () => replaced),
      )
    }),
  )
}

function isSame(there: Pick<Entry, 'bodyBytes' | 'bodyCheck' | 'parts'>, entry: Entry): boolean {
  return (
    there.bodyBytes === entry.bodyBytes &&
    there.bodyCheck === entry.bodyCheck &&
    there.parts?.id === entry.parts?.id
  )
}

// The parts of a body live as long as the entry that refers to them.
function keepParts(
  { key, entryStore, entry }: Found,
  dropAt: EpochMs | undefined,
): MaybePromise<void> {
  if (entry.parts === undefined) return
  // What stands in their heads is known: no part needs to be read.
  const kept = partKeys(key, entry.parts).map(async (part, index) => {
    const head = partHead(index)
    return entryStore.storage.replaceHead(part, head, { head, expiresAt: dropAt })
  })
  return Promise.all(kept).then(() => {})
}
