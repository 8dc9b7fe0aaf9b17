/** Tells what became of a request: its caller, the counters, and whoever listens. */
import type { BaseCache } from '../cache/base-cache.ts'
import { events } from '../events.ts'
import type { Exchange } from './exchange.ts'
import type { CacheInfo } from '../response/cache-info.ts'

/** What is published on all channels but `undici-cache:error`. */
export interface CacheEvent {
  /** The cache, to tell several apart. */
  readonly cache: unknown
  readonly method: string
  /** Without credentials; undefined for a request that was left alone unread. */
  readonly url: string | undefined
  /** The same word as in `getCacheInfo(response).reason`. */
  readonly reason: string
  /** Undefined for `undici-cache:bypass`. */
  readonly info?: CacheInfo | undefined
}

/** A request was answered: from the cache, by the origin, or refused. */
export function tellAnswer({ down, settings, request }: Exchange, info: CacheInfo): void {
  down.context['cache'] = info
  const { counters } = settings.cache
  const kind = info.hit ? 'hit' : info.reason === 'only-if-cached' ? 'refuse' : 'miss'
  if (kind === 'hit') counters.hits++
  else if (kind === 'miss') counters.misses++
  else counters.refused++
  if (info.hit && info.stale) counters.stale++
  if (info.revalidated) counters.revalidated++
  announce(kind, settings.cache, request, info)
}

/** A response is in the cache. */
export function tellStored({ settings, request }: Exchange, info: CacheInfo): void {
  settings.cache.counters.stored++
  announce('store', settings.cache, request, info)
}

/** A request was left alone. @param url without credentials; undefined where it was not understood */
export function tellBypass(
  cache: BaseCache,
  method: string,
  url: string | undefined,
  reason: string,
): void {
  cache.counters.bypassed++
  const channel = events.bypass
  if (channel.hasSubscribers) channel.publish({ cache, method, url, reason })
}

/** A request that would have passed by the cache was refused, for the origin must not be asked. */
export function tellRefusal(
  cache: BaseCache,
  asked: { readonly method: string; readonly url: string | undefined },
  info: CacheInfo,
): void {
  cache.counters.refused++
  announce('refuse', cache, asked, info)
}

function announce(
  kind: 'hit' | 'miss' | 'refuse' | 'store',
  cache: BaseCache,
  { method, url }: { readonly method: string; readonly url: string | undefined },
  info: CacheInfo,
): void {
  const channel = events[kind]
  if (!channel.hasSubscribers) return
  const event: CacheEvent = { cache, method, url, reason: info.reason, info: { ...info } }
  channel.publish(event)
}
