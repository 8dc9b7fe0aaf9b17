/** What a cache holds, and what it has done since the program began. */
import type { EpochMs } from '../units.ts'
import { isPartKey } from './body-parts.ts'
import { CachedResponse } from './cached-response.ts'
import { isEntryError } from '../errors.ts'
import { isChainKey } from './lookup.ts'
import type { Shelves } from './shelf.ts'

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
  /** Entries that cannot be read. */
  readonly unreadable: number
  /** When the oldest and the newest response were stored; undefined where there is none. */
  readonly oldest: EpochMs | undefined
  readonly newest: EpochMs | undefined
}

/** What `cache.stats()` tells. */
export interface CacheStats extends Holdings, Counters {}

/** Goes through all heads, and reads no body. */
export async function countHoldings(shelves: Shelves, now: EpochMs): Promise<Holdings> {
  const counts = { responses: 0, redirects: 0, bodyBytes: 0, expired: 0, unreadable: 0 }
  let oldest: EpochMs | undefined
  let newest: EpochMs | undefined
  for (const name of ['responses', 'redirects'] as const) {
    const { storage } = shelves[name]
    for await (const stored of storage.heads()) {
      if (isPartKey(stored.key)) continue
      counts[name]++
      if (name === 'redirects' && isChainKey(stored.key)) continue
      try {
        const response = new CachedResponse(storage, stored)
        if (name === 'redirects') continue
        const { storedAt } = response
        counts.bodyBytes += response.bodyBytes
        if (response.expiredAt(now)) counts.expired++
        if (oldest === undefined || storedAt < oldest) oldest = storedAt
        if (newest === undefined || storedAt > newest) newest = storedAt
      } catch (error) {
        if (!isEntryError(error)) throw error
        counts.unreadable++
      }
    }
  }
  return { ...counts, oldest, newest }
}
