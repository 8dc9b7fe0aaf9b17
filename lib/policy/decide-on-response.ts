/** Whether a response of the origin is stored, and until when. */
import type { EpochMs, Ms } from '../units.ts'
import { parseCacheControl, type Directives } from './cache-control.ts'
import { freshUntil, guessedFreshUntil } from './freshness.ts'
import { DO_NOT_CACHE, type Expiry } from './lifetime.ts'
import { lastUse, staleWindows, type StalenessRules, type StaleWindows } from './staleness.ts'
import { hasValidator, joinedField } from './validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { selectingFields } from './vary.ts'

/** Why a response is not stored; these words stand in `Cache-Status` and in `reason`. */
export type NotStoredReason =
  | 'read-only'
  | 'do-not-cache'
  | 'filter'
  | 'request-no-store'
  | 'response-no-store'
  | 'status'
  | 'vary-star'
  | 'expires-immediately'
  | 'no-lifetime'
  | 'event-stream'
  | 'too-large'
  | 'cache-unavailable'
  | 'callback-failed'

// What passes: the next answer may be stored.
const passing: ReadonlySet<NotStoredReason> = new Set([
  'cache-unavailable',
  'callback-failed',
  'read-only',
  'request-no-store',
])

/** Whether the next answer will most probably not be stored either. */
export function isLasting(why: NotStoredReason): boolean {
  return !passing.has(why)
}

/** What the caller allows to be stored. */
export interface ResponseRules extends StalenessRules {
  readonly readOnly: boolean
  /** Whether the origin's own word about freshness counts before the caller's lifetimes. */
  readonly cacheControl: boolean
  readonly allowableCodes: ReadonlySet<number>
  /** Largest body in bytes. */
  readonly maxBodyBytes: number
}

/** What the caller's lifetimes make of a response. */
export interface GivenExpiry {
  /** Null where they say nothing. */
  readonly expiry: Expiry | null
  /** Whether they speak of its very status, which is stored then, whatever `allowableCodes` says. */
  readonly ofStatus: boolean
}

/** A response as it arrives: its head. */
export interface ResponseHead {
  readonly status: number
  readonly headers: HeaderFields
}

/** What is done with a response, and why. */
export type ResponseDecision =
  | { readonly action: 'pass'; readonly why: NotStoredReason }
  | {
      readonly action: 'store'
      readonly as: 'response' | 'redirect'
      /** Until then it is used without asking; undefined: it never expires. */
      readonly expiresAt: EpochMs | undefined
      /** From then on it is of no use, not even for validation. */
      readonly dropAt: EpochMs | undefined
      /** Fields of the request that select it. */
      readonly selectedBy: readonly string[]
    }

/** The statuses that redirect with a Location (RFC 9110 §15.4). */
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** RFC 9111 §3, and what the caller allows. */
export function decideOnResponse(
  request: Directives,
  response: ResponseHead,
  rules: ResponseRules,
  { expiry, ofStatus }: GivenExpiry,
  now: EpochMs,
): ResponseDecision {
  const { status, headers } = response
  const redirects = redirectStatuses.has(status) && headers['location'] !== undefined
  if (rules.readOnly) return pass('read-only')
  if (expiry === DO_NOT_CACHE) return pass('do-not-cache')
  if (request.has('no-store')) return pass('request-no-store')
  const directives = parseCacheControl(joinedField(headers['cache-control']))
  if (directives.has('no-store')) return pass('response-no-store')
  // 206 is a part and 304 no response of its own, whatever `allowableCodes` says.
  if (status === 206 || status === 304) return pass('status')
  if (!redirects && !ofStatus && !rules.allowableCodes.has(status)) return pass('status')
  if (/^text\/event-stream/i.test(joinedField(headers['content-type']) ?? '')) {
    return pass('event-stream')
  }
  if (Number(joinedField(headers['content-length'])) > rules.maxBodyBytes) return pass('too-large')
  const selectedBy = selectingFields(headers)
  if (selectedBy === '*') return pass('vary-star')

  const stated = rules.cacheControl ? freshUntil(headers, directives, now) : undefined
  const expiresAt = stated ?? expiresOn(response, rules, expiry, now)
  const drop = dropAt(headers, expiresAt, staleWindows(directives, rules), now)
  if (drop !== undefined && drop <= now) {
    // RFC 9111 leaves it to a cache to guess: without a date of the last change there is nothing to guess from.
    const unstated = rules.cacheControl && stated === undefined && expiry === null
    return pass(unstated ? 'no-lifetime' : 'expires-immediately')
  }
  const as = redirects ? 'redirect' : 'response'
  return { action: 'store', as, expiresAt, dropAt: drop, selectedBy }
}

// What the response does not state.
function expiresOn(
  { status, headers }: ResponseHead,
  { cacheControl }: ResponseRules,
  expiry: EpochMs | undefined | null,
  now: EpochMs,
): EpochMs | undefined {
  if (expiry !== null) return expiry
  return cacheControl ? guessedFreshUntil(status, headers, now) : undefined
}

const day: Ms = 86_400_000

/** From when on a response is of no use any more, not even stale or to be validated. */
export function dropAt(
  headers: HeaderFields,
  expiresAt: EpochMs | undefined,
  windows: StaleWindows,
  now: EpochMs,
): EpochMs | undefined {
  if (expiresAt === undefined) return undefined
  const toValidate = hasValidator(headers) ? usefulWhenStale(expiresAt - now) : 0
  return lastUse(expiresAt, windows, toValidate, now)
}

// A stale response that can be validated saves its body for as long again as it was fresh: a day at
// the least, since what expires at once is validated at each use, and a month at the most.
function usefulWhenStale(lifetime: Ms): Ms {
  return Math.min(Math.max(lifetime, day), 30 * day)
}

function pass(why: NotStoredReason): ResponseDecision {
  return { action: 'pass', why }
}
