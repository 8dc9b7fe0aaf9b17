import type { HeaderFields } from '../http/header-lines.ts'
import { cacheStatus, type CacheInfo } from './cache-info.ts'
import { Capture } from './capture.ts'
import type { Downstream } from './downstream.ts'

/**
 * Passes a response on that is not for the cache, and says why.
 * @param invalidation what its head means for what is stored
 */
export function passThrough(
  down: Downstream,
  reason: string,
  statusHeaders: boolean,
  invalidation?: (status: number, headers: HeaderFields) => void,
): Capture {
  const info: CacheInfo = {
    hit: false,
    key: undefined,
    stored: false,
    storedAt: undefined,
    expiresAt: undefined,
    stale: false,
    revalidated: false,
    reason,
  }
  return new Capture(down, {
    judge(status, headers) {
      invalidation?.(status, headers)
      down.context['cache'] = info
      return { notes: statusHeaders ? ['cache-status', cacheStatus(info, reason, 0)] : [] }
    },
    outlivesCaller: () => false,
    rescue: () => undefined,
    stalled() {},
    done() {},
  })
}
