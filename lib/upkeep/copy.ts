/**
 * Copies what one cache holds into another, whatever their backends: entry by entry, bodies cut
 * anew to what the destination can hold. An entry is written after its body, and one that is there
 * already is left alone, so a copy that was interrupted goes on where it stopped.
 */
import type { BaseStorage, StoredHead } from '../storage/base-storage.ts'
import { isAbortSignal, isBoolean, isFunction, type Rules } from '../check-options.ts'
import { isEntryError, type CacheError } from '../errors.ts'
import { reportError } from '../events.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { Key } from '../request/create-key.ts'
import type { EpochMs } from '../units.ts'
import { partBytes, readParts, writeParts } from '../entries/body-parts.ts'
import { CachedResponse } from '../entries/cached-response.ts'
import type { Entry, EntryHead, StoredRequest } from '../entries/entry.ts'
import { asVariant, placeOfVariant } from '../entries/lookup.ts'
import { type EntryStore } from '../entries/entry-store.ts'
import {
  corrupt,
  decodeChain,
  decodeEntry,
  decodeRequest,
  wholeBody,
  type StoredBody,
} from '../entries/record.ts'
import { sideBySide } from './side-by-side.ts'
import type { Place } from '../entries/store-entry.ts'
import { entryHeads, entryKeys } from '../entries/listing.ts'
import { kindOfRecord, partKeys, primaryKey } from '../entries/record-keys.ts'

/** What is copied, and who hears of it. */
export interface CopyOptions {
  /** Whether what is there already is replaced by what differs from it. Default true. */
  readonly overwrite?: boolean | undefined
  /** Which responses and redirects are copied; bodies can be read, at a price. Default: all. */
  readonly filter?: ((response: CachedResponse) => MaybePromise<boolean>) | undefined
  /** Told after each response and redirect. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined
  /** Told of each entry that cannot be read, and its key. */
  readonly onError?: ((error: CacheError, key: string) => void) | undefined
  /** Ends the copying before the next response; what was copied until then stays. */
  readonly signal?: AbortSignal | undefined
}

/** What a copy has done. */
export interface CopyResult {
  /** Responses and redirects that were written. */
  readonly copied: number
  /** That were there already, were not wanted, or whose time was over. */
  readonly skipped: number
  /** That could not be read; each was reported. */
  readonly unreadable: number
}

/** How far a copy has come. */
export interface CopyProgress extends CopyResult {
  /** How many responses and redirects there are in the source. */
  readonly total: number
}

/** One namespace to be copied, and how to write into the other. */
export interface CopyWay {
  readonly from: BaseStorage
  readonly to: EntryStore
  readonly store: (place: Place, body: StoredBody) => MaybePromise<void>
}

/** Checks of `CopyOptions`. */
export const copyRules: Rules<CopyOptions> = {
  overwrite: isBoolean,
  filter: isFunction,
  onProgress: isFunction,
  onError: isFunction,
  signal: isAbortSignal,
}

// Enough to keep a database busy, few enough to hold their bodies in memory.
const atOnce = 16
const noBytes = new Uint8Array(0)

/** Copies one namespace after the other. @throws what a storage throws, and the signal's reason */
export async function copyAll(ways: readonly CopyWay[], options: CopyOptions): Promise<CopyResult> {
  const result = { copied: 0, skipped: 0, unreadable: 0 }
  let total = 0
  if (options.onProgress !== undefined) {
    for (const { from } of ways) for await (const _ of entryKeys(from)) total++
  }
  for (const way of ways) {
    // Variants of one URL decide among themselves which is the first: one after the other.
    await sideBySide(
      entryHeads(way.from),
      atOnce,
      ({ key }) => primaryKey(key),
      async (head) => {
        options.signal?.throwIfAborted()
        result[await copyOne(way, options, head)]++
        options.onProgress?.({ ...result, total })
      },
    )
  }
  return result
}

async function copyOne(
  way: CopyWay,
  options: CopyOptions,
  stored: StoredHead,
): Promise<keyof CopyResult> {
  const now = Date.now()
  if (stored.expiresAt !== undefined && stored.expiresAt <= now) return 'skipped'
  try {
    if (kindOfRecord(stored.key) === 'chain') return await copyChain(way, options, stored)
    const response = new CachedResponse(way.from, stored)
    if (options.filter !== undefined && !(await options.filter(response))) return 'skipped'
    const { overwrite = true } = options
    const as = { key: primaryKey(response.key), text: response.head.text }
    const stays = (there: Entry): boolean => !overwrite || isSame(there, response)
    return (await copyEntry(way, response, as, stays, now)) === undefined ? 'skipped' : 'copied'
  } catch (error) {
    if (!isEntryError(error)) throw error
    reportError(error, (reported) => options.onError?.(reported, stored.key))
    return 'unreadable'
  }
}

async function copyChain(
  { from, to }: CopyWay,
  { overwrite = true }: CopyOptions,
  { key, head }: StoredHead,
): Promise<keyof CopyResult> {
  decodeChain({ head, body: noBytes })
  const there = (await to.storage.has(key)) ? await readable(() => to.storage.peek(key)) : undefined
  if (there !== undefined && (!overwrite || there.head === head)) return 'skipped'
  const record = await from.get(key)
  if (record === undefined) return 'skipped'
  await to.write(key, record)
  return 'copied'
}

/** The key that a copy gets, and what of it is not as it was. */
export interface CopyPlace extends Key {
  readonly request?: StoredRequest | undefined
  readonly lines?: Pick<EntryHead, 'rawHeaders' | 'echoes'> | undefined
}

/**
 * Writes a response under a key, or beside it where another variant is there.
 * @param stays whether what is there already is left alone
 * @returns where it was written; undefined where it was not
 */
export async function copyEntry(
  { from, to, store }: CopyWay,
  response: CachedResponse,
  { key: first, text, request: known, lines }: CopyPlace,
  stays: (there: Entry) => boolean,
  now: EpochMs,
): Promise<string | undefined> {
  const primary = (await to.storage.has(first)) ? await readable(() => to.entry(first)) : undefined
  const key = placeOfVariant(first, primary?.selectedBy, response.head.selectedBy)
  const there = key === first ? primary : await readable(() => to.entry(key))
  if (there !== undefined && stays(there)) return undefined

  const record = await from.get(response.key)
  // Deleted meanwhile.
  if (record === undefined) return undefined
  const entry = decodeEntry(record)
  const chunks = entry.parts === undefined ? [entry.body] : readParts(from, response.key, entry)
  const body = await writeBody(to.storage, key, entry, chunks, record.expiresAt, now)
  const replaces = there && { entry: there, key, entryStore: to }
  const request = known ?? decodeRequest(record.head)
  const selectedBy = asVariant(primary?.selectedBy, entry.selectedBy)
  const head = { ...entry, ...lines, text, selectedBy }
  await store({ key, head, request, dropAt: record.expiresAt, replaces }, body)
  return key
}

// What cannot be read is as good as not there.
async function readable<T>(read: () => MaybePromise<T | undefined>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isEntryError(error)) return undefined
    throw error
  }
}

function isSame(there: Entry, { head }: CachedResponse): boolean {
  const { text, storedAt, expiresAt, status, bodyBytes, rawHeaders, tags } = there
  return (
    JSON.stringify([text, storedAt, expiresAt, status, bodyBytes, rawHeaders, tags]) ===
    JSON.stringify([
      head.text,
      head.storedAt,
      head.expiresAt,
      head.status,
      head.bodyBytes,
      head.rawHeaders,
      head.tags,
    ])
  )
}

async function writeBody(
  to: BaseStorage,
  key: string,
  { bodyBytes, bodyCheck }: Entry,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  dropAt: EpochMs | undefined,
  now: EpochMs,
): Promise<StoredBody> {
  const fits = bodyBytes <= Math.min(partBytes, to.traits.maxBodyBytes)
  const body = fits
    ? wholeBody(
        Buffer.concat(await Array.fromAsync(chunks)),
        to.traits.persistent || bodyCheck !== undefined ? 'leaves' : 'stays',
      )
    : await writeParts(to, key, chunks, dropAt, now)
  // Each part was checked when it was read; here it is seen that all of them came.
  if (body.bodyBytes === bodyBytes) return body
  if (body.parts !== undefined) await to.deleteMany(partKeys(key, body.parts))
  throw corrupt('its body is another one than was stored')
}
