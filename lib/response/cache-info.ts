/** What the cache did for a response, for programs (`CacheInfo`) and on the wire (RFC 9211). */
import type { EpochMs } from '../units.ts'

/** From-cache facts about one response. */
export interface CacheInfo {
  /** The body came out of the cache. */
  hit: boolean
  /** Under which it is, or would be, stored; undefined where the request is not cached at all. */
  key: string | undefined
  /** Whether this response is put into the cache, as far as its head can tell. */
  stored: boolean
  /** When the origin gave it, or last confirmed it. */
  storedAt: EpochMs | undefined
  /** Undefined where it never expires, or is not stored. */
  expiresAt: EpochMs | undefined
  /** It had expired, and was used all the same. */
  stale: boolean
  /** The origin was asked, and confirmed it (304). */
  revalidated: boolean
  /** Why it came from where it came from, or why it is not stored; README, "Why?", lists all. */
  reason: string
}

const name = 'undici-cache'
// Extensions of RFC 9211's parameters, under our own name as its §4 asks.
const storedAtParameter = `${name}.stored-at`
const expiresAtParameter = `${name}.expires-at`

/** What RFC 9211 has a word for; other reasons go into `detail`. */
const forwardReasons = new Set(['uri-miss', 'vary-miss', 'stale', 'request', 'method', 'bypass'])

/** The value of `Cache-Status` (RFC 9211 §2). @param forwarded why the origin was asked, if it was */
export function cacheStatus(info: CacheInfo, forwarded: string | undefined, now: EpochMs): string {
  const known = forwarded !== undefined && forwardReasons.has(forwarded)
  const fwd = known ? forwarded : 'bypass'
  let value = forwarded === undefined ? `${name}; hit` : `${name}; fwd=${fwd}`
  if (info.revalidated) value += '; fwd-status=304'
  if (info.expiresAt !== undefined) value += `; ttl=${ttlOf(info, info.expiresAt, now)}`
  if (forwarded !== undefined && info.stored) value += '; stored'
  if (info.key !== undefined) value += `; key="${info.key}"`
  if (info.storedAt !== undefined) value += `; ${storedAtParameter}=${info.storedAt}`
  if (info.expiresAt !== undefined) value += `; ${expiresAtParameter}=${info.expiresAt}`
  const expected = forwarded === undefined ? 'fresh' : fwd
  if (info.reason !== expected) value += `; detail=${info.reason}`
  return value
}

// What is stale has less than none left, also at the very instant of its expiry.
function ttlOf({ stale }: CacheInfo, expiresAt: EpochMs, now: EpochMs): number {
  const seconds = Math.floor((expiresAt - now) / 1000)
  return stale ? Math.min(seconds, -1) : seconds
}

/** The parts of a `fetch` Response and of undici's response data that are read here. */
export interface CacheInfoSource {
  readonly headers?: unknown
  readonly context?: unknown
}

/**
 * What the cache did for a response of `fetch`, `request()` or `stream()`.
 * @returns undefined where it did not pass through a cache, or `statusHeaders` is off under fetch
 */
export function getCacheInfo(response: CacheInfoSource): CacheInfo | undefined {
  const context = response.context as { cache?: CacheInfo } | null | undefined
  if (context?.cache !== undefined) return { ...context.cache }
  const value = readStatus(response.headers)
  return value === undefined ? undefined : parseCacheStatus(value)
}

function readStatus(headers: unknown): string | undefined {
  if (headers instanceof Object && 'get' in headers && typeof headers.get === 'function') {
    return (headers as Headers).get('cache-status') ?? undefined
  }
  const value = (headers as Record<string, unknown> | undefined)?.['cache-status']
  return Array.isArray(value) ? value.join(', ') : (value as string | undefined)
}

// Other caches may have added members before ours, which is the last.
const ourMember = /(?:^|,\s*)undici-cache((?:\s*;\s*[\w.*-]+(?:=(?:"[^"]*"|[^\s;,"]*))?)*)\s*$/
const parameter = /;\s*([\w.*-]+)(?:=(?:"([^"]*)"|([^\s;]*)))?/g

function parseCacheStatus(value: string): CacheInfo | undefined {
  const parameters = ourMember.exec(value)?.[1]
  if (parameters === undefined) return undefined
  const found = new Map<string, string>()
  for (const [, key, quoted, plain] of parameters.matchAll(parameter)) {
    found.set(key!, quoted ?? plain ?? '')
  }
  const instant = (key: string): EpochMs | undefined => {
    const text = found.get(key)
    return text === undefined ? undefined : Number(text)
  }
  const revalidated = found.get('fwd-status') === '304'
  const hit = found.has('hit') || revalidated
  return {
    hit,
    key: found.get('key'),
    stored: hit || found.has('stored'),
    storedAt: instant(storedAtParameter),
    expiresAt: instant(expiresAtParameter),
    stale: hit && !revalidated && Number(found.get('ttl') ?? 0) < 0,
    revalidated,
    reason: found.get('detail') ?? found.get('fwd') ?? 'fresh',
  }
}
