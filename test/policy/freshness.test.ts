import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseCacheControl } from '../../lib/policy/cache-control.ts'
import { ageOnArrival, freshUntil, guessedFreshUntil } from '../../lib/policy/freshness.ts'
import { joinedField } from '../../lib/policy/validators.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'
import type { Ms } from '../../lib/units.ts'

// Half a second past: header fields know whole seconds only.
const now = Date.UTC(2026, 5, 1, 12) + 500
const day = 86_400_000

/** A date in a header field, so many seconds from now. */
const date = (seconds: number): string => new Date(now + seconds * 1000).toUTCString()

function lifetime(headers: HeaderFields): Ms | undefined {
  const directives = parseCacheControl(joinedField(headers['cache-control']))
  const until = freshUntil(headers, directives, now)
  return until === undefined ? undefined : until - now
}

describe('freshUntil (RFC 9111 §4.2)', () => {
  const cases: [name: string, headers: HeaderFields, lifetime: Ms | undefined][] = [
    ['nothing is said', {}, undefined],
    ['nothing that counts', { 'cache-control': 'private, must-revalidate', etag: 'x' }, undefined],
    ['max-age', { 'cache-control': 'max-age=60' }, 60_000],
    ['max-age=0', { 'cache-control': 'max-age=0' }, 0],
    ['max-age in quotes', { 'cache-control': 'max-age="60"' }, 60_000],
    ['max-age in the second line', { 'cache-control': ['public', 'max-age=60'] }, 60_000],
    ['s-maxage is for shared caches', { 'cache-control': 's-maxage=60' }, undefined],
    ['max-age before Expires', { 'cache-control': 'max-age=60', expires: date(5) }, 60_000],
    ['unreadable max-age is none', { 'cache-control': 'max-age=soon', expires: date(5) }, 0],
    ['a huge max-age', { 'cache-control': `max-age=${'9'.repeat(400)}` }, 2 ** 31 * 1000],
    ['no-cache', { 'cache-control': 'max-age=60, no-cache' }, 0],
    ['no-cache for a field', { 'cache-control': 'max-age=60, no-cache="set-cookie"' }, 0],
    ['must-revalidate changes nothing', { 'cache-control': 'must-revalidate, max-age=60' }, 60_000],

    ['Age', { 'cache-control': 'max-age=60', age: '20' }, 40_000],
    ['more Age than there is', { 'cache-control': 'max-age=60', age: '80' }, -20_000],
    ['of several Ages the first', { 'cache-control': 'max-age=60', age: ['20', '50'] }, 40_000],
    ['Age that is none', { 'cache-control': 'max-age=60', age: '-5' }, 60_000],
    ['Age with a fraction', { 'cache-control': 'max-age=60', age: '1.5' }, 60_000],
    ['Date that was now', { 'cache-control': 'max-age=60', date: date(0) }, 60_000],
    ['Date that is long ago', { 'cache-control': 'max-age=60', date: date(-20) }, 40_000],
    ['Date that is ahead', { 'cache-control': 'max-age=60', date: date(20) }, 60_000],
    ['Date and more Age', { 'cache-control': 'max-age=60', date: date(-20), age: '30' }, 30_000],
    ['Date and less Age', { 'cache-control': 'max-age=60', date: date(-20), age: '10' }, 40_000],
    ['unreadable Date', { 'cache-control': 'max-age=60', date: '2001' }, 60_000],

    ['Expires', { expires: date(60) }, 59_500],
    ['Expires by the clock of the origin', { expires: date(3660), date: date(3600) }, 60_000],
    ['Expires, and an old Date', { expires: date(60), date: date(-60) }, 60_000],
    ['Expires that has passed', { expires: date(-60) }, 0],
    ['Expires at the Date', { expires: date(0), date: date(0) }, 0],
    ['Expires with Age', { expires: date(60), date: date(0), age: '20' }, 40_000],
    // Each of these has broken requests somewhere, or been taken for a date to come.
    ...['0', '-1', '', 'never', '3600', '2099', '9999', 'Thu, 01 Dec 2094'].map(
      (expires): [string, HeaderFields, Ms] => [`Expires: ${expires}`, { expires }, 0],
    ),
    ['of several Expires the first', { expires: ['0', date(60)] }, 0],
  ]
  for (const [name, headers, expected] of cases) {
    test(name, () => assert.equal(lifetime(headers), expected))
  }

  test('is a whole, finite instant whatever the fields say', () => {
    const digits = fc.stringMatching(/^\d{1,400}$/)
    const text = fc.oneof(digits, fc.string(), fc.integer({ min: -1e9, max: 1e9 }).map(date))
    const fields = fc.record({ age: text, date: text, expires: text, 'last-modified': text })
    fc.assert(
      fc.property(fields, fc.option(digits), (headers, maxAge) => {
        const directives = parseCacheControl(maxAge === null ? '' : `max-age=${maxAge}`)
        const until = freshUntil(headers, directives, now)
        assert.ok(Number.isSafeInteger(until))
        assert.ok(Number.isSafeInteger(guessedFreshUntil(200, headers, now)))
        assert.ok(ageOnArrival(headers, now) >= 0)
        assert.ok(until! <= Math.max(now + 2 ** 31 * 1000, Date.UTC(10_000, 0) * 2))
      }),
    )
  })

  test('an older response is never fresh for longer', () => {
    const seconds = fc.nat(1000)
    fc.assert(
      fc.property(seconds, seconds, seconds, (maxAge, age, more) => {
        const aged = (by: number): number =>
          lifetime({ 'cache-control': `max-age=${maxAge}`, age: String(by) })!
        assert.ok(aged(age + more) <= aged(age))
      }),
    )
  })
})

describe('guessedFreshUntil (§4.2.2)', () => {
  const cases: [name: string, headers: HeaderFields, lifetime: Ms, status?: number][] = [
    ['nothing to go by', {}, 0],
    ['a tenth of its age', { 'last-modified': date(-1000), date: date(0) }, 100_000],
    ['by the clock of the origin', { 'last-modified': date(2600), date: date(3600) }, 100_000],
    ['by our own', { 'last-modified': date(-1000) }, 100_050],
    ['a day at the most', { 'last-modified': date(-10_000_000) }, day],
    ['to come', { 'last-modified': date(1000) }, 0],
    ['unreadable', { 'last-modified': '2001' }, 0],
    ['with Age', { 'last-modified': date(-1000), date: date(0), age: '40' }, 60_000],
    ['of a 404', { 'last-modified': date(-1000), date: date(0) }, 100_000, 404],
    ['of a 301', { 'last-modified': date(-1000), date: date(0) }, 100_000, 301],
    ['not of a 302', { 'last-modified': date(-1000), date: date(0) }, 0, 302],
    ['not of a 500', { 'last-modified': date(-1000), date: date(0) }, 0, 500],
  ]
  for (const [name, headers, expected, status = 200] of cases) {
    test(name, () => assert.equal(guessedFreshUntil(status, headers, now) - now, expected))
  }
})
