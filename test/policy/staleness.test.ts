import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseCacheControl } from '../../lib/policy/cache-control.ts'
import {
  decideOnRequest,
  type RequestDecision,
  type RequestRules,
  type StoredResponse,
} from '../../lib/policy/decide-on-request.ts'
import { lastUse, staleWindows, takesStale } from '../../lib/policy/staleness.ts'

const now = 1_000_000
const hour = 3_600_000
const unsaid = { staleIfError: undefined, staleWhileRevalidate: undefined }

describe('staleWindows (RFC 5861)', () => {
  const own = 'stale-if-error=10, stale-while-revalidate=20'
  const given = { staleIfError: 1, staleWhileRevalidate: 2 }
  const cases: [
    name: string,
    response: string,
    rules: object,
    request: string,
    windows: number[],
  ][] = [
    ['nobody says anything', '', {}, '', [0, 0]],
    ['the response', own, {}, '', [10_000, 20_000]],
    ['the caller', '', given, '', [1, 2]],
    ['the caller before the response', own, given, '', [1, 2]],
    ['the caller says no', own, { staleIfError: 0, staleWhileRevalidate: 0 }, '', [0, 0]],
    ['the request before both', own, given, 'stale-if-error=30', [30_000, 2]],
    ['the request says no', own, given, 'stale-if-error=0', [0, 2]],
    ['a request cannot ask for a refresh', '', {}, 'stale-while-revalidate=30', [0, 0]],
    ['unreadable is none', 'stale-if-error=x, stale-while-revalidate', {}, '', [0, 0]],
    ['must-revalidate', `${own}, must-revalidate`, given, 'stale-if-error=30', [0, 0]],
    ['no-cache', `no-cache, ${own}`, given, '', [0, 0]],
    ['proxy-revalidate is for shared caches', `${own}, proxy-revalidate`, {}, '', [10_000, 20_000]],
    ['huge', `stale-if-error=${'9'.repeat(400)}`, {}, '', [2 ** 31 * 1000, 0]],
  ]
  for (const [name, response, rules, request, windows] of cases) {
    test(name, () => {
      const fields = [response, request].map(parseCacheControl)
      const { ifError, whileRevalidate } = staleWindows(
        fields[0]!,
        { ...unsaid, ...rules },
        fields[1],
      )
      assert.deepEqual([ifError, whileRevalidate], windows)
    })
  }
})

describe('takesStale (RFC 9111 §5.2.1.2)', () => {
  const cases: [request: string, response: string, staleFor: number, takes: boolean][] = [
    ['', '', 1, false],
    ['max-stale', '', 99 * hour, true],
    ['max-stale=5', '', 5_000, true],
    ['max-stale=5', '', 5_001, false],
    ['max-stale=0', '', 1, false],
    ['max-stale=soon', '', 1, false],
    ['max-stale', 'must-revalidate', 1, false],
    ['max-stale', 'no-cache', 1, false],
    ['max-stale', 'private', 1, true],
  ]
  for (const [request, response, staleFor, takes] of cases) {
    test(`${request}; ${response}; ${staleFor}`, () => {
      assert.equal(
        takesStale(parseCacheControl(request), parseCacheControl(response), staleFor),
        takes,
      )
    })
  }
})

test('lastUse: the latest of all uses, as a whole instant that a date can say', () => {
  const none = { ifError: 0, whileRevalidate: 0 }
  assert.equal(lastUse(5, none, 0, 0), 5)
  assert.equal(lastUse(5, { ifError: 3, whileRevalidate: 4 }, 2, 0), 9)
  assert.equal(lastUse(5, { ifError: 3, whileRevalidate: 0 }, 9, 0), 14)
  assert.equal(lastUse(5, none, 9, 20), 29)
  assert.equal(lastUse(5, { ifError: 0.5, whileRevalidate: 0 }, 0, 0), 6)
  assert.equal(lastUse(5, { ifError: Infinity, whileRevalidate: 0 }, 0, 0), undefined)
  assert.equal(lastUse(8.64e15, none, 1, 0), undefined)
})

describe('decideOnRequest, on what has expired', () => {
  const noRules: RequestRules = {
    refresh: false,
    forceRefresh: false,
    onlyIfCached: false,
    ...unsaid,
  }
  // Expired five seconds ago.
  const stored = { status: 200, headers: {}, storedAt: now - hour, expiresAt: now - 5_000 }
  const saying = (cacheControl: string, more?: Partial<StoredResponse>): StoredResponse => ({
    ...stored,
    headers: { 'cache-control': cacheControl },
    ...more,
  })
  const replay = (stale?: string): object =>
    stale === undefined ? { action: 'replay' } : { action: 'replay', stale }
  const ask = (why: string, elseStale = false): object => ({
    action: 'ask',
    why,
    validate: false,
    elseStale,
  })
  const ifError = { staleIfError: hour }
  const whileRevalidate = { staleWhileRevalidate: hour }
  const only = { onlyIfCached: true }
  const swr = replay('stale-while-revalidate')
  const refuse = { action: 'refuse' }

  type Case = [string, StoredResponse, Partial<RequestRules>, request: string, decision: object]
  const cases: Case[] = [
    ['nobody allows it', stored, {}, '', ask('stale')],
    ['the response allows it on errors', saying('stale-if-error=5'), {}, '', ask('stale', true)],
    ['not so long', saying('stale-if-error=4'), {}, '', ask('stale')],
    ['the caller allows it on errors', stored, ifError, '', ask('stale', true)],
    ['any age', stored, { staleIfError: Infinity }, '', ask('stale', true)],
    ['the caller forbids it', saying('stale-if-error=5'), { staleIfError: 0 }, '', ask('stale')],
    ['at the instant of expiry, no window', { ...stored, expiresAt: now }, {}, '', ask('stale')],
    [
      'must-revalidate',
      saying('must-revalidate'),
      { ...ifError, ...whileRevalidate },
      '',
      ask('stale'),
    ],
    ['of a failure nothing is made', saying('', { status: 503 }), ifError, '', ask('stale')],
    ['of a 404 it is', saying('', { status: 404 }), ifError, '', ask('stale', true)],

    ['the response allows it meanwhile', saying('stale-while-revalidate=5'), {}, '', swr],
    ['not so long', saying('stale-while-revalidate=4'), {}, '', ask('stale')],
    ['the caller allows it meanwhile', stored, whileRevalidate, '', swr],
    ['before it is used on errors', stored, { ...ifError, ...whileRevalidate }, '', swr],
    ['refresh does not', stored, { ...whileRevalidate, refresh: true }, '', ask('stale')],
    [
      'forceRefresh does not',
      stored,
      { ...whileRevalidate, forceRefresh: true },
      '',
      ask('request'),
    ],
    ['no-cache does not', stored, whileRevalidate, 'no-cache', ask('stale')],
    ['max-age does not', stored, whileRevalidate, 'max-age=10', ask('stale')],
    ['min-fresh does not', stored, whileRevalidate, 'min-fresh=1', ask('stale')],
    [
      'no window while it is fresh',
      { ...stored, expiresAt: now + 1 },
      whileRevalidate,
      '',
      replay(),
    ],

    ['the request takes it', stored, {}, 'max-stale=5', replay('max-stale')],
    ['not so old', stored, {}, 'max-stale=4', ask('stale')],
    ['whatever its age', stored, {}, 'max-stale', replay('max-stale')],
    ['but wants one that is younger', stored, {}, 'max-stale, max-age=10', ask('stale')],
    ['max-stale needs no refresh', stored, whileRevalidate, 'max-stale', replay('max-stale')],

    ['the origin must not be asked', stored, only, '', refuse],
    ['which is an error, too', stored, { ...only, ...ifError }, '', replay('stale-if-error')],
    ['and too late for it', saying('stale-if-error=4'), only, '', refuse],
    ['there can be no refresh', stored, { ...only, ...whileRevalidate }, '', refuse],
    ['only-if-cached takes it', stored, {}, 'only-if-cached, max-stale=5', replay('max-stale')],
    ['only-if-cached on errors', stored, ifError, 'only-if-cached', replay('stale-if-error')],
  ]
  for (const [name, response, rules, request, decision] of cases) {
    test(name, () => {
      const actual: RequestDecision = decideOnRequest(
        parseCacheControl(request),
        { ...noRules, ...rules },
        response,
        now,
      )
      assert.deepEqual(actual, decision)
    })
  }

  test('what is fresh, or does not expire, is used where the origin fails that had to be asked', () => {
    for (const expiresAt of [now + 1, undefined]) {
      const fresh = { ...stored, expiresAt }
      const asked = { ...noRules, refresh: true, ...ifError }
      assert.deepEqual(decideOnRequest(new Map(), asked, fresh, now), ask('request', true))
      assert.deepEqual(
        decideOnRequest(new Map(), { ...asked, ...unsaid }, fresh, now),
        ask('request'),
      )
    }
  })
})
