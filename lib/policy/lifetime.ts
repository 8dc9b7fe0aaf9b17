/** How long a response is kept: what the caller writes becomes an instant. */
import type { EpochMs, Ms } from '../units.ts'
import { parseHttpDate } from '../http/http-date.ts'

/**
 * A lifetime: seconds, a text such as `'90s'`, `'1h30m'` or `'7d'`, an instant (a `Date`, or a text
 * as HTTP writes dates), `'never'` (it does not expire), `'immediately'` (kept only with a validator,
 * and validated at each use) or `'do-not-cache'` (neither looked up nor stored).
 */
export type Lifetime = number | string | Date

/** The lifetime of what does not expire. */
export const NEVER_EXPIRE = 'never'
/** The lifetime of what is validated at each use. */
export const EXPIRE_IMMEDIATELY = 'immediately'
/** The lifetime of what is neither looked up nor stored. */
export const DO_NOT_CACHE = 'do-not-cache'

/** What a `Lifetime` has to look like, for messages. */
export const lifetimeForms =
  "seconds (0 or more), a text like '90s', '1h30m' or '7d', a Date, 'never', 'immediately' or 'do-not-cache'"

/** When a response expires: an instant, undefined for never, or not to be stored at all. */
export type Expiry = EpochMs | undefined | typeof DO_NOT_CACHE

const unitMs: Readonly<Record<string, Ms>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const oneAmount = /(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*/y

/** Beyond it a Date is invalid, in databases too; a lifetime that long is one without end. */
export const lastInstant: EpochMs = 8.64e15

/**
 * The instant at which a response stored `now` expires.
 * @returns undefined for never, null where the text is no lifetime
 */
export function expiryOf(lifetime: Lifetime, now: EpochMs): Expiry | null {
  if (lifetime === NEVER_EXPIRE) return undefined
  if (lifetime === EXPIRE_IMMEDIATELY) return now
  if (lifetime === DO_NOT_CACHE) return DO_NOT_CACHE
  if (lifetime instanceof Date) {
    const at = lifetime.getTime()
    return Number.isNaN(at) ? null : at
  }
  const date = typeof lifetime === 'string' ? parseHttpDate(lifetime, now) : undefined
  if (date !== undefined) return date
  const duration = durationOf(lifetime)
  if (duration === undefined) return null
  // An instant is a whole number of milliseconds.
  const at = Math.round(now + duration)
  return at > lastInstant ? undefined : at
}

/** What is left where both count; null is where nothing was said. */
export function earlier(one: Expiry | null, other: Expiry | null): Expiry | null {
  if (one === DO_NOT_CACHE || other === DO_NOT_CACHE) return DO_NOT_CACHE
  if (one === null || other === null) return one === null ? other : one
  if (one === undefined || other === undefined) return one ?? other
  return Math.min(one, other)
}

/** A number of seconds or a text, in milliseconds; undefined where it is neither. */
export function durationOf(value: unknown): Ms | undefined {
  if (typeof value === 'number') return value >= 0 ? value * 1000 : undefined
  if (typeof value !== 'string' || value === '') return undefined
  let total: Ms = 0
  oneAmount.lastIndex = 0
  while (oneAmount.lastIndex < value.length) {
    const match = oneAmount.exec(value)
    if (match === null) return undefined
    total += Number(match[1]) * unitMs[match[2]!]!
  }
  return total
}

/** Whether `expiryOf` understands the value. */
export function isLifetime(value: unknown): value is Lifetime {
  const kind = typeof value
  if (kind !== 'number' && kind !== 'string' && !(value instanceof Date)) return false
  return expiryOf(value as Lifetime, 0) !== null
}
