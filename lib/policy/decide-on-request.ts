/**
 * What to do with a request, given what is stored for it. Everything that can change the answer is
 * an argument; `interceptor.ts` carries the answer out.
 */
import type { EpochMs, Ms } from '../units.ts'
import { deltaSeconds, parseCacheControl, type Directives } from './cache-control.ts'
import { ageOf } from './freshness.ts'
import { failureStatuses, staleWindows, takesStale, type StalenessRules } from './staleness.ts'
import { hasValidator, joinedField } from './validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'

/** What the caller asked for, by options of the interceptor or of this call. */
export interface RequestRules extends StalenessRules {
  /** Validate what is stored before it is used. */
  readonly refresh: boolean
  /** Do not use what is stored, nor its validators. */
  readonly forceRefresh: boolean
  /** Answer from the cache or with 504. */
  readonly onlyIfCached: boolean
}

/** What matters of a stored response. */
export interface StoredResponse {
  readonly status: number
  readonly headers: HeaderFields
  readonly storedAt: EpochMs
  /** Undefined: it never expires. */
  readonly expiresAt: EpochMs | undefined
}

/** Whether a redirect that was found leads to a response that is stored, where it has to. */
export type TargetState = 'stored' | 'missing'

/** What is done with a request, and why. */
export type RequestDecision =
  /** `stale` says why what has expired is used all the same. */
  | {
      readonly action: 'replay'
      readonly stale?: 'max-stale' | 'stale-while-revalidate' | 'stale-if-error'
    }
  /**
   * Asks the origin: `validate` whether what is stored has changed, or for all of it. Where the
   * origin fails, `elseStale` says that what is stored may be used.
   */
  | {
      readonly action: 'ask'
      readonly why: 'miss' | 'stale' | 'request'
      readonly validate: boolean
      readonly elseStale: boolean
    }
  | { readonly action: 'refuse' }

const replay: RequestDecision = { action: 'replay' }
const refuse: RequestDecision = { action: 'refuse' }
const miss: RequestDecision = { action: 'ask', why: 'miss', validate: false, elseStale: false }

/** RFC 9111 §4, in its order: what the caller demands, then freshness, then validators. */
export function decideOnRequest(
  directives: Directives,
  rules: RequestRules,
  stored: StoredResponse | undefined,
  now: EpochMs,
  target: TargetState = 'stored',
): RequestDecision {
  const onlyIfCached = rules.onlyIfCached || directives.has('only-if-cached')
  if (stored === undefined) return onlyIfCached ? refuse : miss

  const fresh = isFresh(stored, now) && target === 'stored'
  const demanded = rules.forceRefresh || rules.refresh
  if (fresh && (rules.onlyIfCached || (!demanded && directives.size === 0))) return replay

  const response = parseCacheControl(joinedField(stored.headers['cache-control']))
  // A clock that was ahead leaves a time of expiry that is still to come.
  const staleFor = stored.expiresAt === undefined ? 0 : Math.max(0, now - stored.expiresAt)
  const asked = asksToValidate(directives, stored, now) || target === 'missing'
  const tolerated = !fresh && !asked && takesStale(directives, response, staleFor)
  const windows = staleWindows(response, rules, directives)
  // What has failed itself is no better than the next failure.
  const elseStale = within(windows.ifError, staleFor) && !failureStatuses.has(stored.status)
  if (onlyIfCached) {
    // §5.2.1.7: as far as the request has no other wish that it does not meet.
    if (fresh) return asked ? refuse : replay
    if (tolerated) return { action: 'replay', stale: 'max-stale' }
    // RFC 5861 §4: the 504 would be an error, too.
    return elseStale ? { action: 'replay', stale: 'stale-if-error' } : refuse
  }
  if (rules.forceRefresh) return { action: 'ask', why: 'request', validate: false, elseStale }

  if (!rules.refresh && !asked) {
    if (fresh) return replay
    if (tolerated) return { action: 'replay', stale: 'max-stale' }
    if (within(windows.whileRevalidate, staleFor)) {
      return { action: 'replay', stale: 'stale-while-revalidate' }
    }
  }
  const why = fresh ? 'request' : 'stale'
  // That the redirect is still the same would not bring its target back.
  const validate = target === 'stored' && hasValidator(stored.headers)
  return { action: 'ask', why, validate, elseStale }
}

// A window of nothing is none, also at the very instant of expiry; what is fresh is within any other.
function within(window: Ms, staleFor: Ms): boolean {
  return window > 0 && staleFor <= window
}

// The clocks of machines that share a cache are this far apart even where they are kept right.
const clockSkew: Ms = 1_000

/**
 * Whether a stored response may be used without asking: up to its expiry, not at it. One that was
 * stored later than now was stored by a clock that was ahead: nobody knows when its time is over, so
 * it is stale. What never expires has no such time.
 */
export function isFresh(
  { storedAt, expiresAt }: Pick<StoredResponse, 'storedAt' | 'expiresAt'>,
  now: EpochMs,
): boolean {
  return expiresAt === undefined || (now < expiresAt && storedAt <= now + clockSkew)
}

// RFC 9111 §5.2.1: a request may always ask for more than the lifetime does.
function asksToValidate(directives: Directives, stored: StoredResponse, now: EpochMs): boolean {
  if (directives.size === 0) return false
  if (directives.has('no-cache')) return true
  const maxAge = deltaSeconds(directives, 'max-age')
  if (maxAge !== undefined && ageOf(stored, now) >= maxAge * 1000) return true
  const minFresh = deltaSeconds(directives, 'min-fresh')
  return minFresh !== undefined && (stored.expiresAt ?? Infinity) - now < minFresh * 1000
}
