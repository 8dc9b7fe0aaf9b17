import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseCacheControl } from '../../lib/policy/cache-control.ts'
import {
  decideOnResponse,
  type GivenExpiry,
  type NotStoredReason,
  type ResponseDecision,
  type ResponseHead,
  type ResponseRules,
} from '../../lib/policy/decide-on-response.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'
import type { EpochMs } from '../../lib/units.ts'

const now = 1_000_000
const day = 86_400_000
const defaults: ResponseRules = {
  readOnly: false,
  cacheControl: false,
  staleIfError: undefined,
  staleWhileRevalidate: undefined,
  allowableCodes: new Set([200]),
  maxBodyBytes: 100,
}

interface Arrived extends Partial<ResponseHead> {
  readonly request?: string
  readonly rules?: Partial<ResponseRules>
  readonly expiresAt?: EpochMs
  readonly given?: Partial<GivenExpiry>
}

function decide({
  request,
  rules,
  expiresAt,
  given,
  status = 200,
  headers = {},
}: Arrived): ResponseDecision {
  const directives = parseCacheControl(request)
  const expiry = { expiry: expiresAt, ofStatus: false, ...given }
  return decideOnResponse(directives, { status, headers }, { ...defaults, ...rules }, expiry, now)
}

const withHeaders = (headers: HeaderFields): Arrived => ({ headers })

describe('responses that are not stored', () => {
  const anyStatus = { allowableCodes: new Set([200, 206, 304, 404]) }
  const cases: [name: string, arrived: Arrived, why: NotStoredReason][] = [
    ['nothing may be', { rules: { readOnly: true } }, 'read-only'],
    ['the request forbids it', { request: 'max-age=0, No-Store' }, 'request-no-store'],
    ['the response forbids it', withHeaders({ 'cache-control': 'no-store' }), 'response-no-store'],
    [
      'in the second line',
      withHeaders({ 'cache-control': ['max-age=1', 'no-store'] }),
      'response-no-store',
    ],
    [
      'a redirect forbids it',
      { status: 301, headers: { location: '/', 'cache-control': 'no-store' } },
      'response-no-store',
    ],
    ['the caller forbids it', { given: { expiry: 'do-not-cache' } }, 'do-not-cache'],
    [
      'the caller forbids it for this status',
      { status: 404, given: { expiry: 'do-not-cache', ofStatus: true } },
      'do-not-cache',
    ],
    ['another status', { status: 404 }, 'status'],
    ['a redirect that leads nowhere', { status: 301 }, 'status'],
    ['a Location of another status', { status: 201, headers: { location: '/' } }, 'status'],
    ['a choice is no redirect', { status: 300, headers: { location: '/' } }, 'status'],
    [
      'a part, whatever is allowed',
      { status: 206, rules: anyStatus, given: { ofStatus: true } },
      'status',
    ],
    [
      'a 304, whatever is allowed',
      { status: 304, rules: anyStatus, given: { ofStatus: true } },
      'status',
    ],
    ['events', withHeaders({ 'content-type': 'text/event-stream; charset=utf-8' }), 'event-stream'],
    ['events in capitals', withHeaders({ 'content-type': 'Text/Event-Stream' }), 'event-stream'],
    ['too long', withHeaders({ 'content-length': '101' }), 'too-large'],
    ['selected by anything', withHeaders({ vary: '*' }), 'vary-star'],
    ['of no use at once', { expiresAt: now }, 'expires-immediately'],
    ['of no use any more', { expiresAt: now - 1 }, 'expires-immediately'],
  ]
  for (const [name, arrived, why] of cases) {
    test(name, () => assert.deepEqual(decide(arrived), { action: 'pass', why }))
  }
})

describe('responses that are stored', () => {
  const never = {
    action: 'store',
    as: 'response',
    expiresAt: undefined,
    dropAt: undefined,
    selectedBy: [],
  }
  const soon = { ...never, expiresAt: now + 5, dropAt: now + 5 }
  const etag = { etag: '"1"' }
  const cases: [name: string, arrived: Arrived, decision: object][] = [
    ['without end', {}, never],
    [
      'another status that is allowed',
      { status: 404, rules: { allowableCodes: new Set([404]) } },
      never,
    ],
    [
      'a status with a lifetime of its own',
      { status: 404, expiresAt: now + 5, given: { ofStatus: true } },
      soon,
    ],
    ['as long as may be', withHeaders({ 'content-length': '100' }), never],
    ['of unreadable length', withHeaders({ 'content-length': 'x' }), never],
    ['until it expires', { expiresAt: now + 5 }, soon],
    // What can be validated stays as long again as it was fresh: a day at the least, 30 at the most.
    [
      'with a validator, a day more',
      { expiresAt: now + 5, headers: etag },
      { ...soon, dropAt: now + 5 + day },
    ],
    [
      'with a date, a day more',
      { expiresAt: now + 5, headers: { 'last-modified': 'x' } },
      { ...soon, dropAt: now + 5 + day },
    ],
    [
      'with a validator, as long again',
      { expiresAt: now + 3 * day, headers: etag },
      { ...soon, expiresAt: now + 3 * day, dropAt: now + 6 * day },
    ],
    [
      'with a validator, a month at the most',
      { expiresAt: now + 99 * day, headers: etag },
      { ...soon, expiresAt: now + 99 * day, dropAt: now + 129 * day },
    ],
    [
      'with a validator, at once',
      { expiresAt: now, headers: etag },
      { ...soon, expiresAt: now, dropAt: now + day },
    ],
    ['with a validator, without end', withHeaders(etag), never],
    ['selected by fields', withHeaders({ vary: 'B, a' }), { ...never, selectedBy: ['a', 'b'] }],
    [
      "other directives are the options' affair",
      withHeaders({ 'cache-control': 'private, no-cache, max-age=0' }),
      never,
    ],
    ['a request that wants it fresh', { request: 'no-cache' }, never],
    ['a type that only begins so', withHeaders({ 'content-type': 'text/event' }), never],
  ]
  for (const [name, arrived, decision] of cases) {
    test(name, () => assert.deepEqual(decide(arrived), decision))
  }

  for (const status of [301, 302, 303, 307, 308]) {
    test(`${status} with a Location is a redirect`, () => {
      assert.deepEqual(decide({ status, headers: { location: '/' } }), { ...never, as: 'redirect' })
    })

    test(`${status} without one is a response, where the status is allowed`, () => {
      assert.deepEqual(decide({ status, rules: { allowableCodes: new Set([status]) } }), never)
    })
  }
})

describe('properties', () => {
  const headers = fc.record(
    {
      'cache-control': fc.constantFrom('no-store', 'max-age=1', 'x="no-store"'),
      'content-type': fc.constantFrom('text/html', 'text/event-stream'),
      'content-length': fc.constantFrom('0', '100', '101'),
      vary: fc.constantFrom('*', 'a', ''),
      location: fc.constant('/'),
      etag: fc.constant('"1"'),
    },
    { requiredKeys: [] },
  )
  const arrived = fc.record({
    status: fc.constantFrom(200, 206, 301, 304, 404, 500),
    headers,
    request: fc.constantFrom('', 'no-store', 'no-cache'),
    rules: fc.record({ readOnly: fc.boolean() }),
  })
  const expiry = fc.option(fc.integer({ min: now - 10, max: now + 10 }), { nil: undefined })

  test('what says no-store is never stored', () => {
    fc.assert(
      fc.property(arrived, (each) => {
        const decision = decide(each)
        if (decision.action !== 'store') return
        assert.notEqual(each.headers['cache-control'], 'no-store')
        assert.notEqual(each.request, 'no-store')
        assert.ok(!each.rules.readOnly)
        assert.ok(each.status !== 206 && each.status !== 304)
      }),
    )
  })

  test('nothing is dropped before it expires, nor kept for ever once it does', () => {
    fc.assert(
      fc.property(arrived, expiry, ({ status, headers: fields }, expiresAt) => {
        const decision = decide({ status, headers: fields, given: { expiry: expiresAt } })
        if (decision.action !== 'store') return
        assert.equal(decision.expiresAt, expiresAt)
        if (expiresAt === undefined) assert.equal(decision.dropAt, undefined)
        else assert.ok(decision.dropAt !== undefined && decision.dropAt >= expiresAt)
      }),
    )
  })
})
