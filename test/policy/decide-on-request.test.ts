import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseCacheControl } from '../../lib/policy/cache-control.ts'
import {
  decideOnRequest,
  isFresh,
  type RequestDecision,
  type RequestRules,
  type StoredResponse,
} from '../../lib/policy/decide-on-request.ts'

const now = 100_000
const noRules: RequestRules = {
  refresh: false,
  forceRefresh: false,
  onlyIfCached: false,
  staleIfError: undefined,
  staleWhileRevalidate: undefined,
}
const fresh: StoredResponse = {
  status: 200,
  headers: {},
  storedAt: now - 10_000,
  expiresAt: now + 1,
}
const endless: StoredResponse = { ...fresh, expiresAt: undefined }
const stale: StoredResponse = { ...fresh, expiresAt: now }
const tagged = (stored: StoredResponse): StoredResponse => ({ ...stored, headers: { etag: '"1"' } })

const replay: RequestDecision = { action: 'replay' }
const refuse: RequestDecision = { action: 'refuse' }
const miss: RequestDecision = { action: 'ask', why: 'miss', validate: false, elseStale: false }
const forward = (why: 'stale' | 'request'): RequestDecision => ({ ...miss, why })
const revalidate = (why: 'stale' | 'request'): RequestDecision => ({ ...miss, why, validate: true })

type Case = [
  name: string,
  stored: StoredResponse | undefined,
  rules: Partial<RequestRules>,
  cacheControl: string,
  decision: RequestDecision,
]

describe('decideOnRequest', () => {
  const refresh = { refresh: true }
  const force = { forceRefresh: true }
  const only = { onlyIfCached: true }
  const cases: Case[] = [
    ['nothing is stored', undefined, {}, '', miss],
    ['fresh', fresh, {}, '', replay],
    ['without end', endless, {}, '', replay],
    ['stale', stale, {}, '', forward('stale')],
    ['stale with a validator', tagged(stale), {}, '', revalidate('stale')],
    [
      'stale with a date',
      { ...stale, headers: { 'last-modified': 'x' } },
      {},
      '',
      revalidate('stale'),
    ],

    ['refresh: nothing is stored', undefined, refresh, '', miss],
    ['refresh: fresh', fresh, refresh, '', forward('request')],
    ['refresh: fresh with a validator', tagged(fresh), refresh, '', revalidate('request')],
    ['refresh: stale', tagged(stale), refresh, '', revalidate('stale')],

    ['forceRefresh: nothing is stored', undefined, force, '', miss],
    ['forceRefresh: fresh', tagged(fresh), force, '', forward('request')],
    ['forceRefresh: stale', tagged(stale), force, '', forward('request')],
    [
      'forceRefresh wins over refresh',
      tagged(fresh),
      { ...force, ...refresh },
      '',
      forward('request'),
    ],

    ['onlyIfCached: nothing is stored', undefined, only, '', refuse],
    ['onlyIfCached: fresh', fresh, only, '', replay],
    ['onlyIfCached: stale', tagged(stale), only, '', refuse],
    ['onlyIfCached wins over refresh', fresh, { ...only, ...refresh, ...force }, '', replay],
    ['only-if-cached: nothing is stored', undefined, {}, 'only-if-cached', refuse],
    ['only-if-cached: fresh', fresh, {}, 'only-if-cached', replay],
    ['only-if-cached: fresh, but older', fresh, {}, 'only-if-cached, max-age=10', refuse],
    ['only-if-cached: fresh, but not long', fresh, {}, 'only-if-cached, min-fresh=1', refuse],
    ['onlyIfCached: fresh, whatever is wished', fresh, only, 'no-cache, max-age=0', replay],
    ['only-if-cached: stale', tagged(stale), {}, 'only-if-cached', refuse],

    ['no-cache: fresh', fresh, {}, 'no-cache', forward('request')],
    ['no-cache: fresh with a validator', tagged(fresh), {}, 'no-cache', revalidate('request')],
    ['no-cache: without end', tagged(endless), {}, 'no-cache', revalidate('request')],
    ['no-cache: stale', tagged(stale), {}, 'no-cache', revalidate('stale')],
    ['max-age=0', tagged(fresh), {}, 'max-age=0', revalidate('request')],
    ['max-age as old as it is', tagged(fresh), {}, 'max-age=10', revalidate('request')],
    ['max-age older than it is', tagged(fresh), {}, 'max-age=11', replay],
    [
      'max-age: other caches have had it before',
      { ...tagged(fresh), headers: { etag: '"1"', age: '5' } },
      {},
      'max-age=11',
      revalidate('request'),
    ],
    [
      'min-fresh: as long as asked for',
      { ...fresh, expiresAt: now + 5_000 },
      {},
      'min-fresh=5',
      replay,
    ],
    [
      'min-fresh: not so long',
      { ...fresh, expiresAt: now + 4_999 },
      {},
      'min-fresh=5',
      forward('request'),
    ],
    ['min-fresh: without end', endless, {}, 'min-fresh=99999', replay],
    ['max-age does not make fresh', tagged(stale), {}, 'max-age=11', revalidate('stale')],
    ['max-age that is unreadable', fresh, {}, 'max-age=soon', replay],
    ['no-store forbids storing, not using', fresh, {}, 'no-store', replay],
    ['a directive nobody knows', fresh, {}, 'x=1', replay],
  ]
  for (const [name, stored, rules, cacheControl, decision] of cases) {
    test(name, () => {
      const directives = parseCacheControl(cacheControl)
      assert.deepEqual(decideOnRequest(directives, { ...noRules, ...rules }, stored, now), decision)
    })
  }
})

describe('isFresh', () => {
  test('up to the expiry, not at it', () => {
    assert.ok(isFresh({ ...fresh, expiresAt: now }, now - 1))
    assert.ok(!isFresh({ ...fresh, expiresAt: now }, now))
    assert.ok(isFresh(endless, Number.MAX_SAFE_INTEGER))
  })
})

describe('properties', () => {
  const headers = fc.constantFrom({}, { etag: '"1"' }, { 'last-modified': 'x' })
  const stored = fc.option(
    fc.record({
      status: fc.constantFrom(200, 404, 500),
      headers,
      storedAt: fc.nat(50_000),
      expiresAt: fc.option(fc.nat(200_000), { nil: undefined }),
    }),
    { nil: undefined },
  )
  const rules = fc.record({
    refresh: fc.boolean(),
    forceRefresh: fc.boolean(),
    onlyIfCached: fc.boolean(),
    staleIfError: fc.constant(undefined),
    staleWhileRevalidate: fc.constant(undefined),
  })
  const directives = fc
    .subarray(['no-cache', 'max-age=5', 'max-age=0', 'only-if-cached', 'no-store', 'x'])
    .map((list) => parseCacheControl(list.join(',')))
  const time = fc.nat(200_000)

  test('what has expired is never replayed', () => {
    fc.assert(
      fc.property(directives, rules, stored, time, (asked, given, response, at) => {
        if (decideOnRequest(asked, given, response, at).action !== 'replay') return
        assert.ok(response !== undefined && isFresh(response, at))
      }),
    )
  })

  test('onlyIfCached never asks the origin', () => {
    fc.assert(
      fc.property(directives, rules, stored, time, (asked, given, response, at) => {
        const { action } = decideOnRequest(asked, { ...given, onlyIfCached: true }, response, at)
        assert.ok(action === 'replay' || action === 'refuse')
      }),
    )
  })

  test('only what has a validator is validated', () => {
    fc.assert(
      fc.property(directives, rules, stored, time, (asked, given, response, at) => {
        const decision = decideOnRequest(asked, given, response, at)
        if (decision.action !== 'ask' || !decision.validate) return
        assert.ok(Object.keys(response?.headers ?? {}).length > 0)
      }),
    )
  })

  test('older is never fresher', () => {
    fc.assert(
      fc.property(directives, rules, stored, time, fc.nat(), (asked, given, response, at, more) => {
        if (decideOnRequest(asked, given, response, at).action === 'replay') return
        assert.notEqual(decideOnRequest(asked, given, response, at + more).action, 'replay')
      }),
    )
  })
})
