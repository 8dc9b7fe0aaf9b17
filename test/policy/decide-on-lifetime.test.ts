import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCacheControl } from '../../lib/policy/cache-control.ts'
import {
  decideOnResponse,
  type ResponseDecision,
  type ResponseRules,
} from '../../lib/policy/decide-on-response.ts'
import type { Expiry } from '../../lib/policy/lifetime.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'

const now = Date.UTC(2026, 5, 1)
const day = 86_400_000
const date = (seconds: number): string => new Date(now + seconds * 1000).toUTCString()

const defaults: ResponseRules = {
  readOnly: false,
  cacheControl: true,
  staleIfError: undefined,
  staleWhileRevalidate: undefined,
  allowableCodes: new Set([200, 404]),
  maxBodyBytes: 100,
}

interface Arrived {
  readonly status?: number
  readonly request?: string
  readonly rules?: Partial<ResponseRules>
  readonly expiry?: Expiry | null
}

function decide(headers: HeaderFields, arrived: Arrived = {}): ResponseDecision {
  const { status = 200, request, rules } = arrived
  // Undefined is a lifetime without end.
  const expiry = 'expiry' in arrived ? arrived.expiry : null
  const given = { expiry, ofStatus: false }
  const all = { ...defaults, ...rules }
  return decideOnResponse(parseCacheControl(request), { status, headers }, all, given, now)
}

describe('whose lifetime counts', () => {
  const maxAge = { 'cache-control': 'max-age=60', etag: '"1"' }
  const old = { 'last-modified': date(-1000), date: date(0) }
  const cases: [name: string, headers: HeaderFields, arrived: Arrived, expiresAt: unknown][] = [
    ['that of the response before the caller’s', maxAge, { expiry: now + 5 }, now + 60_000],
    ['also where the caller says never', maxAge, { expiry: undefined }, now + 60_000],
    ['the caller’s where the response says nothing', {}, { expiry: now + 5 }, now + 5],
    ['the caller’s never', {}, { expiry: undefined }, undefined],
    ['the caller’s before a guess', old, { expiry: now + 5 }, now + 5],
    ['a guess where nobody says anything', old, {}, now + 100_000],
    ['none at all: it is validated at each use', { etag: '"1"' }, {}, now],
    ['no-cache: likewise', { 'cache-control': 'no-cache', etag: '"1"' }, { expiry: now + 5 }, now],
    ['a lifetime that had passed', { ...maxAge, age: '80' }, {}, now - 20_000],
  ]
  for (const [name, headers, arrived, expiresAt] of cases) {
    test(name, () => {
      const decision = decide(headers, arrived)
      assert.ok(decision.action === 'store')
      assert.equal(decision.expiresAt, expiresAt)
    })
  }

  test('without cacheControl the response is not asked', () => {
    const rules = { cacheControl: false }
    const decision = decide({ ...maxAge, expires: '0' }, { rules, expiry: now + 5 })
    assert.ok(decision.action === 'store')
    assert.equal(decision.expiresAt, now + 5)
    const never = decide({ ...maxAge, ...old }, { rules })
    assert.ok(never.action === 'store')
    assert.equal(never.expiresAt, undefined)
  })

  test('do-not-cache counts whatever the response says', () => {
    const decision = decide(maxAge, { expiry: 'do-not-cache' })
    assert.deepEqual(decision, { action: 'pass', why: 'do-not-cache' })
  })

  const useless: [name: string, headers: HeaderFields][] = [
    ['max-age=0', { 'cache-control': 'max-age=0' }],
    ['no-cache', { 'cache-control': 'no-cache' }],
    ['Expires: 0', { expires: '0' }],
    ['older than its lifetime', { 'cache-control': 'max-age=60', age: '60' }],
    [
      'older than its stale windows, too',
      { 'cache-control': 'max-age=60, stale-if-error=10', age: '80' },
    ],
  ]
  for (const [name, headers] of useless) {
    test(`not stored: ${name}, and no validator`, () => {
      assert.deepEqual(decide(headers), { action: 'pass', why: 'expires-immediately' })
    })
  }
})

test('not stored for want of a lifetime: what states none, where none is given', () => {
  assert.deepEqual(decide({}), { action: 'pass', why: 'no-lifetime' })
  assert.equal(decide({}, { expiry: now + 5 }).action, 'store')
  assert.equal(decide({}, { expiry: undefined }).action, 'store')
  assert.deepEqual(decide({}, { expiry: now }), { action: 'pass', why: 'expires-immediately' })
})

describe('how long it is kept', () => {
  const cases: [name: string, headers: HeaderFields, arrived: Arrived, dropAt: unknown][] = [
    ['until it expires', {}, { expiry: now + 5 }, now + 5],
    ['for ever', { etag: '"1"' }, { expiry: undefined }, undefined],
    [
      'as long as it may be used stale',
      { 'cache-control': 'max-age=60, stale-if-error=20, stale-while-revalidate=30' },
      {},
      now + 90_000,
    ],
    ['by the caller', {}, { expiry: now + 5, rules: { staleIfError: 7 } }, now + 12],
    [
      'the caller before the response',
      { 'cache-control': 'stale-while-revalidate=30' },
      { expiry: now + 5, rules: { staleWhileRevalidate: 0 } },
      now + 5,
    ],
    ['any time', {}, { expiry: now + 5, rules: { staleIfError: Infinity } }, undefined],
    [
      'whatever this request wants for itself',
      {},
      { expiry: now + 5, request: 'stale-if-error=7' },
      now + 5,
    ],
    [
      'beyond what a date can say',
      {},
      { expiry: now + 5, rules: { staleIfError: 9e15 } },
      undefined,
    ],
    [
      'not stale, where it must not be',
      { 'cache-control': 'must-revalidate' },
      {
        expiry: now + 5,
        rules: { staleIfError: Infinity, staleWhileRevalidate: 50 },
      },
      now + 5,
    ],
    ['to be validated', { etag: '"1"' }, { expiry: now + 5 }, now + 5 + day],
    [
      'to be validated, though its time was over long ago',
      { etag: '"1"', 'cache-control': 'max-age=60', age: '99999999999' },
      {},
      now + day,
    ],
    ['to be validated, by a date that has passed', { etag: '"1"' }, { expiry: 5 }, now + day],
  ]
  for (const [name, headers, arrived, expected] of cases) {
    test(name, () => {
      const decision = decide(headers, arrived)
      assert.ok(decision.action === 'store')
      assert.equal(decision.dropAt, expected)
    })
  }

  test('expires-immediately is stored where it may be used stale', () => {
    const rules = { staleIfError: Infinity }
    assert.equal(decide({}, { expiry: now }).action, 'pass')
    assert.equal(decide({}, { expiry: now, rules }).action, 'store')
  })
})
