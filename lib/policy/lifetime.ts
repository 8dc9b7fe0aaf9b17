/** How long a response is kept: what the caller writes becomes an instant. */
import type { EpochMs, Ms } from '../units.ts'

/**
 * A lifetime: seconds, a text such as `'90s'`, `'1h30m'` or `'7d'`, an instant, `'never'` (it does
 * not expire) or `'immediately'` (kept only with a validator, and validated at each use).
 */
export type Lifetime = number | string | Date

/** What a `Lifetime` has to look like, for messages. */
export const lifetimeForms =
  "seconds (0 or more), a text like '90s', '1h30m' or '7d', a Date, 'never' or 'immediately'"

const unitMs: Readonly<Record<string, Ms>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
const oneAmount = /(\d+(?:\.\d+)?)\s*(ms|[smhdw])\s*/y

// Beyond it a Date is invalid; a lifetime that long is one without end.
const lastInstant: EpochMs = 8.64e15

/**
 * The instant at which a response stored `now` expires.
 * @returns undefined for never, null where the text is no lifetime
 */
export function expiryOf(lifetime: Lifetime, now: EpochMs): EpochMs | undefined | null {
  if (lifetime === 'never') return undefined
  if (lifetime === 'immediately') return now
  if (lifetime instanceof Date) {
    const at = lifetime.getTime()
    return Number.isNaN(at) ? null : at
  }
  const duration = durationOf(lifetime)
  if (duration === undefined) return null
  const at = now + duration
  return at > lastInstant ? undefined : at
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
