import { cacheStatus, type CacheInfo } from './cache-info.ts'
import { Capture } from './capture.ts'
import type { Downstream } from './downstream.ts'

/** Passes a response on that has nothing to do with the cache, and says why it has not. */
export function passThrough(down: Downstream, reason: string, statusHeaders: boolean): Capture {
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
    judge() {
      down.context['cache'] = info
      return { notes: statusHeaders ? ['cache-status', cacheStatus(info, reason, 0)] : [] }
    },
    outlivesCaller: () => false,
    rescue: () => undefined,
    stalled() {},
    done() {},
  })
}
