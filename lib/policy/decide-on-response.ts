/** Whether a response of the origin is stored, and until when. */
import type { EpochMs, Ms } from '../units.ts'
import { parseCacheControl, type Directives } from './cache-control.ts'
import { hasValidator, type HeaderFields } from './validators.ts'
import { selectingFields } from './vary.ts'

/** Why a response is not stored; these words stand in `Cache-Status` and in `reason`. */
export type NotStoredReason =
  | 'read-only'
  | 'request-no-store'
  | 'response-no-store'
  | 'status'
  | 'vary-star'
  | 'expires-immediately'
  | 'event-stream'
  | 'too-large'
  | 'cache-unavailable'

/** What the caller allows to be stored. */
export interface ResponseRules {
  readonly readOnly: boolean
  readonly allowableCodes: ReadonlySet<number>
  /** Largest body in bytes. */
  readonly maxBodyBytes: number
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
export const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** @param expiresAt what the caller's `expireAfter` gives this response; undefined: never */
export function decideOnResponse(
  request: Directives,
  response: ResponseHead,
  rules: ResponseRules,
  expiresAt: EpochMs | undefined,
  now: EpochMs,
): ResponseDecision {
  const { status, headers } = response
  const redirects = redirectStatuses.has(status) && headers['location'] !== undefined
  if (rules.readOnly) return pass('read-only')
  if (request.has('no-store')) return pass('request-no-store')
  if (parseCacheControl(joined(headers['cache-control'])).has('no-store')) {
    return pass('response-no-store')
  }
  // 206 is a part and 304 no response of its own, whatever `allowableCodes` says.
  if (status === 206 || status === 304) return pass('status')
  if (!redirects && !rules.allowableCodes.has(status)) return pass('status')
  if (/^text\/event-stream/i.test(joined(headers['content-type']) ?? '')) {
    return pass('event-stream')
  }
  if (Number(joined(headers['content-length'])) > rules.maxBodyBytes) return pass('too-large')
  const selectedBy = selectingFields(headers)
  if (selectedBy === '*') return pass('vary-star')
  const validator = hasValidator(headers)
  if (expiresAt !== undefined && expiresAt <= now && !validator) return pass('expires-immediately')
  return {
    action: 'store',
    as: redirects ? 'redirect' : 'response',
    expiresAt,
    dropAt:
      expiresAt === undefined ? undefined : expiresAt + usefulWhenStale(validator, expiresAt - now),
    selectedBy,
  }
}

const day: Ms = 86_400_000

// A stale response that can be validated saves its body for as long again as it was fresh: a day at
// the least, since what expires at once is validated at each use, and a month at the most.
function usefulWhenStale(validator: boolean, lifetime: Ms): Ms {
  return validator ? Math.min(Math.max(lifetime, day), 30 * day) : 0
}

function pass(why: NotStoredReason): ResponseDecision {
  return { action: 'pass', why }
}

function joined(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}
