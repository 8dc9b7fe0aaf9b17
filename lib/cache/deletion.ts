/** Deleting what a person names: a request, or everything that meets conditions. */
import type { CachedResponse } from './cached-response.ts'
import type { BodyParts } from './entry.ts'
import { chainKey, endKey, isChainKey, primaryKey } from './lookup.ts'
import { decodeChain, decodeHead } from './record.ts'
import { selectEntries, urlSelector, type Selection, type Selects } from './selection.ts'
import type { Shelf, Shelves } from './shelf.ts'

/** Removes the parts of a body, some time after its entry. */
export type RemoveParts = (shelf: Shelf, key: string, parts: BodyParts) => void

// What is deleted at once: enough for one round trip to be worth it.
const batchKeys = 200

/**
 * Deletes all that is stored under these keys of requests: every variant, the hop, the chain that
 * begins there.
 * @returns whether there was anything
 */
export async function deleteRequests(
  shelves: Shelves,
  requestKeys: readonly string[],
  removeParts: RemoveParts,
): Promise<boolean> {
  let deleted = false
  for (const key of requestKeys) {
    for (const shelf of [shelves.responses, shelves.redirects]) {
      for (const first of [key, endKey(key)]) {
        for (const stored of await variantsOf(shelf, first)) {
          if (await deleteEntry(shelf, stored, removeParts)) deleted = true
        }
      }
    }
    if (await shelves.redirects.delete(chainKey(key))) deleted = true
  }
  if (deleted) await deleteChains(shelves, new Set(requestKeys), undefined)
  return deleted
}

/** Deletes every response and redirect that is selected. @returns how many */
export async function deleteSelected(
  shelves: Shelves,
  selection: Selection,
  selects: Selects,
  removeParts: RemoveParts,
): Promise<number> {
  let deleted = 0
  const keys = new Set<string>()
  for (const shelf of [shelves.responses, shelves.redirects]) {
    let batch: CachedResponse[] = []
    const flush = async (): Promise<void> => {
      deleted += await shelf.deleteMany(batch.map(({ key }) => key))
      for (const { key, head } of batch) {
        if (head.parts !== undefined) removeParts(shelf, key, head.parts)
        if (shelf === shelves.responses) keys.add(primaryKey(key))
      }
      batch = []
    }
    for await (const response of selectEntries(shelf.storage, selects)) {
      batch.push(response)
      if (batch.length >= batchKeys) await flush()
    }
    if (batch.length > 0) await flush()
  }
  const url = urlSelector(selection)
  if (keys.size > 0 || url !== undefined) await deleteChains(shelves, keys, url)
  return deleted
}

// A chain that was followed below the cache is of no use without its end, nor where one of its URLs
// has been deleted.
async function deleteChains(
  { redirects }: Shelves,
  ends: ReadonlySet<string>,
  url: ((url: string) => boolean) | undefined,
): Promise<void> {
  const broken: string[] = []
  for await (const { key, head } of redirects.storage.heads()) {
    if (!isChainKey(key)) continue
    const link = decodeChain({ head, body: new Uint8Array(0) })
    if (ends.has(link.target) || (url !== undefined && link.history.some(url))) broken.push(key)
  }
  await redirects.deleteMany(broken)
}

// The first variant tells whether there are others.
async function variantsOf({ storage }: Shelf, key: string): Promise<string[]> {
  const record = await storage.peek(key)
  if (record === undefined) return []
  let varies = true
  try {
    varies = decodeHead(record.head).selectedBy !== undefined
  } catch {
    // It cannot be read, and may have had some.
  }
  if (!varies) return [key]
  const variants: string[] = []
  for await (const stored of storage.keys()) if (primaryKey(stored) === key) variants.push(stored)
  return variants
}

async function deleteEntry(shelf: Shelf, key: string, removeParts: RemoveParts): Promise<boolean> {
  const record = await shelf.storage.peek(key)
  if (record === undefined) return false
  const deleted = await shelf.delete(key)
  try {
    const { parts } = decodeHead(record.head)
    if (parts !== undefined) removeParts(shelf, key, parts)
  } catch {
    // Its parts, if it had any, are orphans, which are swept.
  }
  return deleted
}
