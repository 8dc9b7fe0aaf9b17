/** Deleting what a person names: a request, or everything that meets conditions. */
import type { BaseStorage } from '../storage/base-storage.ts'
import { isEntryError } from '../errors.ts'
import { reportError } from '../events.ts'
import type { KeyRules } from '../request/key-rules.ts'
import type { CachedResponse } from '../entries/cached-response.ts'
import type { BodyParts } from '../entries/entry.ts'
import { decodeChain, decodeHead } from '../entries/record.ts'
import { selectEntries, urlSelector, type Selection, type Selects } from './selection.ts'
import type { EntryStore, EntryStores } from '../entries/entry-store.ts'
import { chainHeads } from '../entries/listing.ts'
import { chainKey, endKey, primaryKey } from '../entries/record-keys.ts'

/** Removes the parts of a body, some time after its entry. */
export type RemoveParts = (entryStore: EntryStore, key: string, parts: BodyParts) => void

// What is deleted at once: enough for one round trip to be worth it.
const batchKeys = 200

/**
 * Deletes all that is stored under these keys of requests: every variant, the hop, the chain that
 * begins there.
 * @returns whether there was anything
 */
export async function deleteRequests(
  entryStores: EntryStores,
  requestKeys: readonly string[],
  removeParts: RemoveParts,
): Promise<boolean> {
  let deleted = false
  for (const key of requestKeys) {
    for (const entryStore of [entryStores.responses, entryStores.redirects]) {
      for (const first of [key, endKey(key)]) {
        for (const stored of await variantsOf(entryStore, first)) {
          if (await deleteEntry(entryStore, stored, removeParts)) deleted = true
        }
      }
    }
    if (await entryStores.redirects.delete(chainKey(key))) deleted = true
  }
  // A chain of another URL that has led here stays: without its end it answers nobody, and to look
  // for it takes a look at everything that is stored.
  return deleted
}

/**
 * Deletes every response and redirect that is selected.
 * @param rules those that `selects` was made with
 * @returns how many
 */
export async function deleteSelected(
  entryStores: EntryStores,
  selection: Selection,
  selects: Selects,
  removeParts: RemoveParts,
  rules?: KeyRules,
): Promise<number> {
  let deleted = 0
  const keys = new Set<string>()
  for (const entryStore of [entryStores.responses, entryStores.redirects]) {
    let batch: CachedResponse[] = []
    const flush = async (): Promise<void> => {
      deleted += await entryStore.deleteMany(batch.map(({ key }) => key))
      for (const { key, head } of batch) {
        if (head.parts !== undefined) removeParts(entryStore, key, head.parts)
        if (entryStore === entryStores.responses) keys.add(primaryKey(key))
      }
      batch = []
    }
    for await (const response of selectEntries(entryStore.storage, selects)) {
      batch.push(response)
      if (batch.length >= batchKeys) await flush()
    }
    if (batch.length > 0) await flush()
  }
  const url = urlSelector(selection, rules)
  if (keys.size > 0 || url !== undefined) await deleteChains(entryStores, keys, url)
  return deleted
}

// A chain that was followed below the cache is of no use without its end, nor where one of its URLs
// has been deleted.
async function deleteChains(
  { redirects }: EntryStores,
  ends: ReadonlySet<string>,
  url: ((url: string) => boolean) | undefined,
): Promise<void> {
  const broken: string[] = []
  for await (const stored of chainHeads(redirects.storage)) {
    try {
      const { target, history } = decodeChain({ head: stored.head, body: new Uint8Array(0) })
      if (ends.has(target) || (url !== undefined && history.some(url))) broken.push(stored.key)
    } catch (error) {
      // It leads nowhere, and `verify({ repair: true })` removes it.
      if (!isEntryError(error)) throw error
      reportError(error, () => {})
    }
  }
  await redirects.deleteMany(broken)
}

// The first variant tells whether there are others.
async function variantsOf({ storage }: EntryStore, key: string): Promise<string[]> {
  if (!(await storage.has(key))) return []
  // One that cannot be read may have some.
  const head = await headOf(storage, key)
  const varies = head === undefined || head.selectedBy !== undefined
  if (!varies) return [key]
  const variants: string[] = []
  for await (const stored of storage.keys()) if (primaryKey(stored) === key) variants.push(stored)
  return variants
}

async function deleteEntry(
  entryStore: EntryStore,
  key: string,
  removeParts: RemoveParts,
): Promise<boolean> {
  const head = await headOf(entryStore.storage, key)
  const deleted = await entryStore.delete(key)
  // The parts of what cannot be read are orphans, which are swept.
  if (head?.parts !== undefined) removeParts(entryStore, key, head.parts)
  return deleted
}

// Undefined also where it cannot be read.
async function headOf(
  storage: BaseStorage,
  key: string,
): Promise<ReturnType<typeof decodeHead> | undefined> {
  try {
    const record = await storage.peek(key)
    return record && decodeHead(record.head)
  } catch (error) {
    if (isEntryError(error)) return undefined
    throw error
  }
}
