/** The answer of a cache that must not ask anybody (RFC 9111 §5.2.1.7). */
import { cacheStatus, type CacheInfo } from './cache-info.ts'
import type { Downstream } from './downstream.ts'
import { headerFields } from '../http/header-lines.ts'
import { replayWhole } from './replay.ts'

/** What is known of a refused request. @param key under which it would be stored, if it has one */
export function refusalInfo(reason: string, key: string | undefined): CacheInfo {
  return {
    hit: false,
    key,
    stored: false,
    storedAt: undefined,
    expiresAt: undefined,
    stale: false,
    revalidated: false,
    reason,
  }
}

/** 504 to the caller. @param forwarded why the origin would have been asked, as Cache-Status says it */
export function playRefusal(
  down: Downstream,
  info: CacheInfo,
  forwarded: string,
  statusHeaders: boolean,
): void {
  const rawHeaders = ['content-length', '0']
  if (statusHeaders) rawHeaders.push('cache-status', cacheStatus(info, forwarded, 0))
  const refusal = {
    status: 504,
    statusText: 'Gateway Timeout',
    rawHeaders,
    headers: headerFields(rawHeaders),
    rawTrailers: [],
    trailers: {},
  }
  replayWhole(down, refusal, undefined)
}
