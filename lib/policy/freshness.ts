/** How long a response is fresh by its own header fields (RFC 9111 §4.2). */
import type { EpochMs, Ms } from '../units.ts'
import { deltaSeconds, seconds, type Directives } from './cache-control.ts'
import { parseHttpDate } from '../http/http-date.ts'
import { firstLine } from './validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'

const day: Ms = 86_400_000

/**
 * When a response that has arrived `now` ceases to be fresh, as the origin says.
 * @returns undefined where it says nothing
 */
export function freshUntil(
  headers: HeaderFields,
  directives: Directives,
  now: EpochMs,
): EpochMs | undefined {
  // §5.2.2.4: stored, and validated at each use.
  if (directives.has('no-cache')) return now
  const age = ageOnArrival(headers, now)
  if (directives.has('max-age')) {
    const maxAge = deltaSeconds(directives, 'max-age')
    // §4.2.1: freshness that cannot be read is none.
    return maxAge === undefined ? now : now + maxAge * 1000 - age
  }
  // §5.3: what is no date, as `0`, means that it has expired; so does a date that has passed.
  const expires = firstLine(headers['expires'])
  if (expires === undefined) return undefined
  const at = parseHttpDate(expires, now)
  if (at === undefined) return now
  // By the origin's own clock, where it tells the time.
  return now + Math.max(0, at - (dateOf(headers, now) ?? now)) - age
}

// RFC 9110 §15.1: of others nothing may be guessed.
const guessable: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501,
])

/** A guess where nobody has said anything (§4.2.2): a tenth of its age, a day at the most. */
export function guessedFreshUntil(status: number, headers: HeaderFields, now: EpochMs): EpochMs {
  const modified = parseHttpDate(firstLine(headers['last-modified']), now)
  if (modified === undefined || !guessable.has(status)) return now
  const unchanged = Math.max(0, (dateOf(headers, now) ?? now) - modified)
  return now + Math.min(day, Math.floor(unchanged / 10)) - ageOnArrival(headers, now)
}

/** How long other caches have had it (§4.2.3); the time on the wire counts as none. */
export function ageOnArrival(headers: HeaderFields, arrivedAt: EpochMs): Ms {
  const stated = (seconds(firstLine(headers['age'])) ?? 0) * 1000
  const date = dateOf(headers, arrivedAt) ?? arrivedAt
  // Date knows no fractions of a second.
  const apparent = Math.floor((arrivedAt - date) / 1000) * 1000
  return Math.max(stated, apparent)
}

/** How old a stored response is now (§4.2.3). */
export function ageOf(
  { headers, storedAt }: { readonly headers: HeaderFields; readonly storedAt: EpochMs },
  now: EpochMs,
): Ms {
  return ageOnArrival(headers, storedAt) + Math.max(0, now - storedAt)
}

function dateOf(headers: HeaderFields, now: EpochMs): EpochMs | undefined {
  return parseHttpDate(firstLine(headers['date']), now)
}
