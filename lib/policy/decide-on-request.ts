/**
 * What to do with a request, given what is stored for it. Everything that can change the answer is
 * an argument; `interceptor.ts` carries the answer out.
 */
import type { EpochMs } from '../units.ts'
import { deltaSeconds, type Directives } from './cache-control.ts'
import { hasValidator, type HeaderFields } from './validators.ts'

/** What the caller asked for, by options of the interceptor or of this call. */
export interface RequestRules {
  /** Validate what is stored before it is used. */
  readonly refresh: boolean
  /** Do not use what is stored, nor its validators. */
  readonly forceRefresh: boolean
  /** Answer from the cache or with 504. */
  readonly onlyIfCached: boolean
}

/** What matters of a stored response. */
export interface StoredResponse {
  readonly headers: HeaderFields
  readonly storedAt: EpochMs
  /** Undefined: it never expires. */
  readonly expiresAt: EpochMs | undefined
}

/** What is done with a request, and why. */
export type RequestDecision =
  | { readonly action: 'forward'; readonly why: 'miss' | 'stale' | 'request' }
  | { readonly action: 'replay' }
  | { readonly action: 'revalidate'; readonly why: 'stale' | 'request' }
  | { readonly action: 'refuse' }

const replay: RequestDecision = { action: 'replay' }
const refuse: RequestDecision = { action: 'refuse' }

/** RFC 9111 §4, in its order: what the caller demands, then freshness, then validators. */
export function decideOnRequest(
  directives: Directives,
  rules: RequestRules,
  stored: StoredResponse | undefined,
  now: EpochMs,
): RequestDecision {
  const onlyIfCached = rules.onlyIfCached || directives.has('only-if-cached')
  if (stored === undefined) return onlyIfCached ? refuse : { action: 'forward', why: 'miss' }

  const fresh = isFresh(stored, now)
  if (onlyIfCached) return fresh ? replay : refuse
  if (rules.forceRefresh) return { action: 'forward', why: 'request' }

  const asked = rules.refresh || asksToValidate(directives, stored, now)
  if (fresh && !asked) return replay
  const why = fresh ? 'request' : 'stale'
  return { action: hasValidator(stored.headers) ? 'revalidate' : 'forward', why }
}

/** Whether a stored response may be used without asking: up to its expiry, not at it. */
export function isFresh(stored: StoredResponse, now: EpochMs): boolean {
  return stored.expiresAt === undefined || now < stored.expiresAt
}

// RFC 9111 §5.2.1: a request may always ask for more than the lifetime does.
function asksToValidate(directives: Directives, stored: StoredResponse, now: EpochMs): boolean {
  if (directives.size === 0) return false
  if (directives.has('no-cache')) return true
  const maxAge = deltaSeconds(directives, 'max-age')
  return maxAge !== undefined && now - stored.storedAt >= maxAge * 1000
}
