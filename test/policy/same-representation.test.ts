import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  continuationOf,
  strongValidator,
  type Interrupted,
} from '../../lib/policy/same-representation.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'

const now = Date.UTC(2026, 0, 1)
const date = 'Thu, 01 Jan 2026 00:00:00 GMT'

describe('a strong validator', () => {
  for (const [name, headers, expected] of [
    ['an ETag', { etag: '"a"' }, 'etag'],
    ['of several ETags the first', { etag: ['"a"', 'W/"b"'] }, 'etag'],
    ['not a weak ETag', { etag: 'W/"a"' }, undefined],
    ['not what is no ETag', { etag: 'a' }, undefined],
    ['nor a date beside a weak ETag', { etag: 'W/"a"', 'last-modified': date, date }, undefined],
    [
      'a date long before',
      { 'last-modified': 'Wed, 31 Dec 2025 23:59:00 GMT', date },
      'last-modified',
    ],
    ['not one just before', { 'last-modified': 'Wed, 31 Dec 2025 23:59:01 GMT', date }, undefined],
    ['not without a date of the answer', { 'last-modified': date }, undefined],
    ['nothing', {}, undefined],
  ] as [string, HeaderFields, string | undefined][]) {
    test(name, () => assert.equal(strongValidator(headers, now)?.field, expected))
  }
})

describe('the rest of a response', () => {
  const etag = '"a"'
  const stored = (headers: HeaderFields = { etag }, status = 200): Interrupted => ({
    status,
    headers,
    bodyBytes: 100,
    from: 40,
  })
  const range = 'bytes 40-99/100'
  for (const [name, old, status, fresh, action] of [
    ['the right range', stored(), 206, { etag, 'content-range': range }, 'append'],
    ['of an unknown whole', stored(), 206, { etag, 'content-range': 'bytes 40-99/*' }, 'append'],
    ['no range', stored(), 206, { etag }, 'give-up'],
    ['a later range', stored(), 206, { etag, 'content-range': 'bytes 41-99/100' }, 'give-up'],
    ['a shorter range', stored(), 206, { etag, 'content-range': 'bytes 40-98/100' }, 'give-up'],
    ['another whole', stored(), 206, { etag, 'content-range': 'bytes 40-99/101' }, 'give-up'],
    [
      'the range of another version',
      stored(),
      206,
      { etag: '"b"', 'content-range': range },
      'give-up',
    ],
    ['a range without a validator', stored(), 206, { 'content-range': range }, 'give-up'],
    ['a range nobody asked for', stored({}), 206, { 'content-range': range }, 'give-up'],
    [
      'a range of another status',
      stored({ etag }, 203),
      206,
      { etag, 'content-range': range },
      'give-up',
    ],
    ['all of it', stored(), 200, { etag, 'content-length': '100' }, 'pass-over'],
    ['all of it, of another length', stored(), 200, { etag, 'content-length': '99' }, 'give-up'],
    [
      'all of it, in another case',
      stored(),
      200,
      { etag: '"A"', 'content-length': '100' },
      'give-up',
    ],
    ['another coding', stored(), 200, { etag, 'content-encoding': 'gzip' }, 'give-up'],
    [
      'the same coding',
      stored({ etag, 'content-encoding': 'gzip' }),
      200,
      { etag, 'content-encoding': 'GZIP' },
      'pass-over',
    ],
    ['the same weak ETag', stored({ etag: 'W/"a"' }), 200, { etag: 'W/"a"' }, 'pass-over'],
    ['another weak ETag', stored({ etag: 'W/"a"' }), 200, { etag: 'W/"b"' }, 'give-up'],
    ['a new ETag', stored({}), 200, { etag }, 'give-up'],
    ['nothing known of either', stored({}), 200, {}, 'pass-over'],
    ['no length any more', stored({ 'content-length': '100' }), 200, {}, 'give-up'],
    ['a failure', stored(), 503, {}, 'give-up'],
    ['the same failure', stored({}, 404), 404, {}, 'pass-over'],
  ] as [string, Interrupted, number, HeaderFields, string][]) {
    test(`${name}: ${action}`, () => {
      const continuation = continuationOf(
        old,
        { status, headers: fresh },
        strongValidator(old.headers, now),
      )
      assert.equal(continuation.action, action)
    })
  }

  test('has the length of the whole, where that is known', () => {
    const fresh = { status: 200, headers: { etag } }
    const known = continuationOf(stored(), fresh, { field: 'etag', value: etag })
    assert.deepEqual(known, { action: 'pass-over', length: 100 })
    const unknown = continuationOf(stored({}), { status: 200, headers: {} }, undefined)
    assert.deepEqual(unknown, { action: 'pass-over', length: undefined })
  })
})
