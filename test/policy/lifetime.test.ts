import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import {
  DO_NOT_CACHE,
  durationOf,
  earlier,
  EXPIRE_IMMEDIATELY,
  expiryOf,
  isLifetime,
  NEVER_EXPIRE,
  type Expiry,
  type Lifetime,
} from '../../lib/policy/lifetime.ts'
import type { Ms } from '../../lib/units.ts'

const now = 1_000_000

describe('expiryOf', () => {
  const cases: [lifetime: Lifetime, expiresAt: Expiry | null][] = [
    ['never', undefined],
    ['immediately', now],
    ['do-not-cache', 'do-not-cache'],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 784_111_777_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 784_111_777_000],
    ['Sun Nov  6 08:49:37 1994', 784_111_777_000],
    ['1994-11-06T08:49:37Z', null],
    ['Tue, 31 Feb 2026 00:00:00 GMT', null],
    // Instants are whole.
    [0.0015, now + 2],
    ['1.2345s', now + 1235],
    [0, now],
    [1, now + 1_000],
    [0.5, now + 500],
    ['90s', now + 90_000],
    [new Date(5), 5],
    [new Date(now + 1), now + 1],
    [Infinity, undefined],
    // Beyond what a Date can say.
    [8.64e12, undefined],
    [8.64e12 - now / 1000, 8.64e15],
    [-1, null],
    [NaN, null],
    ['', null],
    ['soon', null],
    [new Date(NaN), null],
  ]
  for (const [lifetime, expiresAt] of cases) {
    const name =
      lifetime instanceof Date ? `a Date at ${lifetime.getTime()}` : JSON.stringify(lifetime)
    test(`${name}: ${expiresAt}`, () => {
      assert.equal(expiryOf(lifetime, now), expiresAt)
      assert.equal(isLifetime(lifetime), expiresAt !== null)
    })
  }
})

test('the constants are lifetimes, and say what they are called', () => {
  const expiries = [NEVER_EXPIRE, EXPIRE_IMMEDIATELY, DO_NOT_CACHE].map((lifetime) =>
    expiryOf(lifetime, now),
  )
  assert.deepEqual(expiries, [undefined, now, DO_NOT_CACHE])
})

describe('earlier', () => {
  const cases: [one: Expiry | null, other: Expiry | null, expiry: Expiry | null][] = [
    [null, null, null],
    [null, 5, 5],
    [null, undefined, undefined],
    [undefined, undefined, undefined],
    [undefined, 5, 5],
    [4, 5, 4],
    [DO_NOT_CACHE, null, DO_NOT_CACHE],
    [DO_NOT_CACHE, undefined, DO_NOT_CACHE],
    [DO_NOT_CACHE, 5, DO_NOT_CACHE],
  ]
  for (const [one, other, expiry] of cases) {
    test(`of ${one} and ${other}: ${expiry}`, () => {
      assert.equal(earlier(one, other), expiry)
      assert.equal(earlier(other, one), expiry)
    })
  }
})

describe('durationOf', () => {
  const cases: [text: string, duration: Ms | undefined][] = [
    ['1ms', 1],
    ['1s', 1_000],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1h30m', 5_400_000],
    ['1h 30m', 5_400_000],
    ['1m1ms', 60_001],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['1', undefined],
    ['s', undefined],
    ['1y', undefined],
    ['1H', undefined],
    ['-1s', undefined],
    ['+1s', undefined],
    ['.5s', undefined],
    ['1.s', undefined],
    ['1e3s', undefined],
    ['1s!', undefined],
    ['1s and more', undefined],
    ['5min', undefined],
    ['P1D', undefined],
  ]
  for (const [text, duration] of cases) {
    test(`${text}: ${duration}`, () => assert.equal(durationOf(text), duration))
  }

  test('what is neither number nor text has none', () => {
    for (const value of [undefined, null, true, {}, [], 1n, () => 1]) {
      assert.equal(durationOf(value), undefined)
      assert.ok(!isLifetime(value))
    }
  })

  test('never throws, and gives no negative time', () => {
    const unit = fc.constantFrom('1', '.', 's', 'm', 'h', 'ms', ' ', '-', 'x')
    fc.assert(fc.property(fc.string({ unit }), (text) => assert.ok((durationOf(text) ?? 0) >= 0)))
  })

  test('a longer text takes no more than linear time', () => {
    const before = performance.now()
    for (const unit of ['1', '1.', '1 ', '1s ', ' ']) durationOf(`${unit.repeat(200_000)}!`)
    assert.ok(performance.now() - before < 2_000)
  })
})
