/** A cache as a HAR file: entry by entry, so that memory holds one at a time. */
import type { BaseCache } from '../cache/base-cache.ts'
import { CachedResponse } from '../entries/cached-response.ts'
import { decodeChain } from '../entries/record.ts'
import type { Selects } from '../upkeep/selection.ts'
import { isEntryError } from '../errors.ts'
import { reportError } from '../events.ts'
import type { HarChain } from './format.ts'
import { writeHarEntry } from './write-entry.ts'
import { entryHeads, entryKeys, responseHeads } from '../entries/listing.ts'
import { kindOfRecord, primaryKey } from '../entries/record-keys.ts'

/** What is written, and who hears of it. */
export interface ExportOptions {
  readonly creatorVersion: string
  readonly selects: Selects
  /** Told after each entry of the cache, whether it is written or not. */
  readonly onProgress: (done: number, total: number) => unknown
}

/** What was written. */
export interface ExportResult {
  readonly responses: number
  readonly redirects: number
  /** Chains that were followed below the cache; they stand beside the response at their end. */
  readonly chains: number
  /** Too long for a text in JSON, and left out. */
  readonly tooLong: number
  readonly unreadable: number
}

// As base64 in an entry of JSON it is a text that V8 can still hold.
const longestBody = 2 ** 27

/** @param write takes the text, piece by piece */
export async function exportHar(
  cache: BaseCache,
  write: (text: string) => Promise<void>,
  { creatorVersion, selects, onProgress }: ExportOptions,
): Promise<ExportResult> {
  await cache.flush()
  const result = { responses: 0, redirects: 0, chains: 0, tooLong: 0, unreadable: 0 }
  const unreadable = (error: unknown): void => {
    if (!isEntryError(error)) throw error
    result.unreadable++
    reportError(error, () => {})
  }
  const { chainsTo, total } = await survey(cache, unreadable)
  const creator = { name: 'undici-cache', version: creatorVersion }
  const before = JSON.stringify({ log: { version: '1.2', creator, pages: [], entries: [] } })
  await write(before.slice(0, -']}}'.length))
  let done = 0
  let separator = '\n'
  for (const storage of ['responses', 'redirects'] as const) {
    for await (const stored of responseHeads(cache[storage])) {
      await onProgress(++done, total)
      try {
        const response = new CachedResponse(cache[storage], stored)
        if (!(await selects(response))) continue
        if (response.bodyBytes > longestBody) {
          result.tooLong++
          continue
        }
        const chains = chainsTo.get(primaryKey(stored.key)) ?? []
        const entry = await writeHarEntry({ response, storage, dropAt: stored.expiresAt, chains })
        await write(separator + JSON.stringify(entry))
        separator = ',\n'
        result[storage]++
        result.chains += chains.length
        // The variants of a response have them in common.
        chainsTo.delete(primaryKey(stored.key))
      } catch (error) {
        unreadable(error)
      }
    }
  }
  await write('\n]}}\n')
  return result
}

async function survey(
  { responses, redirects }: BaseCache,
  unreadable: (error: unknown) => void,
): Promise<{ chainsTo: Map<string, HarChain[]>; total: number }> {
  const chainsTo = new Map<string, HarChain[]>()
  let total = 0
  for await (const _ of entryKeys(responses)) total++
  for await (const stored of entryHeads(redirects)) {
    const { key, expiresAt: dropAt } = stored
    if (kindOfRecord(key) !== 'chain') {
      total++
      continue
    }
    try {
      const { target } = decodeChain({ head: stored.head, body: new Uint8Array(0) })
      const chains = chainsTo.get(target) ?? []
      chainsTo.set(target, [...chains, { key, head: stored.head, dropAt }])
    } catch (error) {
      unreadable(error)
    }
  }
  return { chainsTo, total }
}
