/** What may be done with a response whose time is over (RFC 9111 §4.2.4, RFC 5861). */
import type { EpochMs, Ms } from '../units.ts'
import { deltaSeconds, type Directives } from './cache-control.ts'
import { lastInstant } from './lifetime.ts'

/** What the caller says about stale responses; undefined leaves it to the origin. */
export interface StalenessRules {
  /** How long after its expiry a response is used where the origin fails. */
  readonly staleIfError: Ms | undefined
  /** How long after its expiry a response is used while it is being refreshed. */
  readonly staleWhileRevalidate: Ms | undefined
}

/** How long after its expiry a response may be used, and for what. */
export interface StaleWindows {
  readonly ifError: Ms
  readonly whileRevalidate: Ms
}

const none: StaleWindows = { ifError: 0, whileRevalidate: 0 }
const nothingAsked: Directives = new Map()

/**
 * @param response the Cache-Control of the stored response
 * @param request the Cache-Control of the request, which may have a word for itself (RFC 5861 §4)
 */
export function staleWindows(
  response: Directives,
  rules: StalenessRules,
  request: Directives = nothingAsked,
): StaleWindows {
  if (forbidsStale(response)) return none
  const asked = durationFor(request, 'stale-if-error')
  return {
    ifError: asked ?? rules.staleIfError ?? durationFor(response, 'stale-if-error') ?? 0,
    whileRevalidate:
      rules.staleWhileRevalidate ?? durationFor(response, 'stale-while-revalidate') ?? 0,
  }
}

/** Whether the request takes what has been stale for so long (§5.2.1.2); any age without a number. */
export function takesStale(request: Directives, response: Directives, staleFor: Ms): boolean {
  if (!request.has('max-stale') || forbidsStale(response)) return false
  if (request.get('max-stale') === '') return true
  return staleFor <= (durationFor(request, 'max-stale') ?? 0)
}

/** The statuses of an origin that fails (RFC 5861 §4). */
export const failureStatuses: ReadonlySet<number> = new Set([500, 502, 503, 504])

/**
 * When a response is of no use any more, not even stale.
 * @param toValidate how long it is worth asking whether it is still right
 * @returns undefined for never
 */
export function lastUse(
  expiresAt: EpochMs,
  windows: StaleWindows,
  toValidate: Ms,
  now: EpochMs,
): EpochMs | undefined {
  const stale = expiresAt + Math.max(windows.ifError, windows.whileRevalidate)
  // What had expired long before it arrived is validated none the less.
  const at = Math.max(stale, Math.max(expiresAt, now) + toValidate)
  return at > lastInstant ? undefined : Math.ceil(at)
}

// §4.2.4: the origin has forbidden it, whatever others allow.
function forbidsStale(response: Directives): boolean {
  return response.has('must-revalidate') || response.has('no-cache')
}

function durationFor(directives: Directives, name: string): Ms | undefined {
  const seconds = deltaSeconds(directives, name)
  return seconds === undefined ? undefined : seconds * 1000
}
