/** What a cache holds, and what it has done since the program began. */
import type { MaybePromise } from '../maybe-promise.ts'
import type { EpochMs } from '../units.ts'
import { isEntryError } from '../errors.ts'
import { reportError } from '../events.ts'
import type { BaseStorage } from '../storage/base-storage.ts'
import { decodeChain } from '../entries/record.ts'
import { readableResponse } from './selection.ts'
import { kindOfRecord } from '../entries/record-keys.ts'

/** How often what has happened, in this process. */
export interface Counters {
  /** Answered from the cache, fresh, stale or confirmed. */
  readonly hits: number
  /** The origin was asked, because there was nothing to use. */
  readonly misses: number
  /** Of the hits: the origin was asked, and confirmed what is stored (304). */
  readonly revalidated: number
  /** Of the hits: used although its time was over. */
  readonly stale: number
  /** Responses and redirects that were put into the cache. */
  readonly stored: number
  /** Requests that the cache left alone. */
  readonly bypassed: number
  /** Requests that were refused with 504, for want of a stored response. */
  readonly refused: number
  /** Failures of the cache, as they were reported. */
  readonly errors: number
}

/** Counters of a program that has just begun. */
export function newCounters(): Counters {
  return {
    hits: 0,
    misses: 0,
    revalidated: 0,
    stale: 0,
    stored: 0,
    bypassed: 0,
    refused: 0,
    errors: 0,
  }
}

/** What a cache holds. */
export interface Holdings {
  readonly responses: number
  readonly redirects: number
  /** Of all responses, as they came over the wire; a backend may need more or less for them. */
  readonly bodyBytes: number
  /** Responses whose time is over. */
  readonly expired: number
  /** Entries that cannot be read, and are counted nowhere else. */
  readonly unreadable: number
  /** When the oldest and the newest response were stored; undefined where there is none. */
  readonly oldest: EpochMs | undefined
  readonly newest: EpochMs | undefined
}

/** What `cache.stats()` tells. */
export interface CacheStats extends Holdings, Counters {}

/** Both namespaces of a cache; its entryStores are such, too. */
interface Places {
  readonly responses: { readonly storage: BaseStorage }
  readonly redirects: { readonly storage: BaseStorage }
}

/**
 * Goes through all heads, and reads no body.
 * @param onRecord called for each record, parts of bodies included
 */
export async function countHoldings(
  places: Places,
  now: EpochMs,
  onRecord?: () => MaybePromise<unknown>,
): Promise<Holdings> {
  const counts = { responses: 0, redirects: 0, bodyBytes: 0, expired: 0, unreadable: 0 }
  let oldest: EpochMs | undefined
  let newest: EpochMs | undefined
  for (const name of ['responses', 'redirects'] as const) {
    const { storage } = places[name]
    for await (const stored of storage.heads()) {
      if (onRecord !== undefined) await onRecord()
      if (kindOfRecord(stored.key) === 'part') continue
      try {
        if (kindOfRecord(stored.key) === 'chain')
          decodeChain({ head: stored.head, body: new Uint8Array(0) })
        else {
          const response = readableResponse(storage, stored)
          const { storedAt } = response
          if (name === 'responses') {
            counts.bodyBytes += response.bodyBytes
            if (response.expiredAt(now)) counts.expired++
            if (oldest === undefined || storedAt < oldest) oldest = storedAt
            if (newest === undefined || storedAt > newest) newest = storedAt
          }
        }
        counts[name]++
      } catch (error) {
        if (!isEntryError(error)) throw error
        counts.unreadable++
        reportError(error, () => {})
      }
    }
  }
  return { ...counts, oldest, newest }
}
