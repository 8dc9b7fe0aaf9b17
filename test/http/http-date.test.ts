import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseHttpDate } from '../../lib/http/http-date.ts'

const now = Date.UTC(2026, 5, 1)
const example = 784_111_777_000

describe('parseHttpDate (RFC 9110 §5.6.7)', () => {
  const dates: [text: string, instant: number][] = [
    ['Sun, 06 Nov 1994 08:49:37 GMT', example],
    ['Sunday, 06-Nov-94 08:49:37 GMT', example],
    ['Sun Nov  6 08:49:37 1994', example],
    ['Sun Nov 16 08:49:37 1994', example + 10 * 86_400_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    // A leap second.
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
    // Two digits are at most 50 years ahead.
    ['Friday, 01-Jan-76 00:00:00 GMT', Date.UTC(2076, 0, 1)],
    ['Saturday, 01-Jan-77 00:00:00 GMT', Date.UTC(1977, 0, 1)],
  ]
  for (const [text, instant] of dates) {
    test(text, () => assert.equal(parseHttpDate(text, now), instant))
  }

  // Date.parse takes most of these for dates.
  const others = [
    undefined,
    '',
    '0',
    '-1',
    '3600',
    '2099',
    'never',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0100',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    '06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 31 Feb 2026 00:00:00 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 0094 08:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ]
  for (const text of others) {
    test(`none: ${text}`, () => assert.equal(parseHttpDate(text, now), undefined))
  }

  test('what a Date prints is read again, to the second', () => {
    const instant = fc.integer({ min: -2_000_000_000, max: 253_402_300_799 })
    fc.assert(
      fc.property(instant, (seconds) => {
        const printed = new Date(seconds * 1000).toUTCString()
        assert.equal(parseHttpDate(printed, now), seconds * 1000)
      }),
    )
  })

  test('never throws', () => {
    const unit = fc.constantFrom('Sun', ',', ' ', '0', '6', '-', 'Nov', ':', 'GMT', '94', 'é')
    fc.assert(fc.property(fc.string({ unit }), (text) => void parseHttpDate(text, now)))
  })
})
