/** What holds of the policy whatever responses, options and requests say. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseCacheControl } from '../../lib/policy/cache-control.ts'
import { decideOnRequest } from '../../lib/policy/decide-on-request.ts'
import {
  decideOnResponse,
  dropAt,
  type ResponseDecision,
} from '../../lib/policy/decide-on-response.ts'
import { hasValidator, joinedField } from '../../lib/policy/validators.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'
import type { EpochMs, Ms } from '../../lib/units.ts'

const now = Date.UTC(2026, 5, 1)
const day = 86_400_000
const date = (seconds: number): string => new Date(now + seconds * 1000).toUTCString()

interface Given {
  readonly cacheControl: boolean
  readonly staleIfError: Ms | undefined
  readonly staleWhileRevalidate: Ms | undefined
}

function decide(
  headers: HeaderFields,
  given: Given,
  request: string,
  expiry: EpochMs | undefined | null,
): ResponseDecision {
  const rules = { ...given, readOnly: false, allowableCodes: new Set([200]), maxBodyBytes: 100 }
  const response = { status: 200, headers }
  return decideOnResponse(
    parseCacheControl(request),
    response,
    rules,
    { expiry, ofStatus: false },
    now,
  )
}

describe('the policy', () => {
  const seconds = fc.nat(1000)
  const headers = fc
    .record({
      directives: fc.subarray(['no-store', 'no-cache', 'must-revalidate', 'private']),
      maxAge: fc.option(seconds),
      ifError: fc.option(seconds),
      whileRevalidate: fc.option(seconds),
      age: fc.option(seconds),
      expires: fc.option(fc.oneof(seconds.map(date), fc.string())),
      modified: fc.option(seconds.map((ago) => date(-ago))),
      etag: fc.option(fc.constant('"1"')),
    })
    .map(({ directives, maxAge, ifError, whileRevalidate, age, expires, modified, etag }) => {
      const all = [...directives]
      if (maxAge !== null) all.push(`max-age=${maxAge}`)
      if (ifError !== null) all.push(`stale-if-error=${ifError}`)
      if (whileRevalidate !== null) all.push(`stale-while-revalidate=${whileRevalidate}`)
      const fields: Record<string, string> = {}
      if (all.length > 0) fields['cache-control'] = all.join(', ')
      if (age !== null) fields['age'] = String(age)
      if (expires !== null) fields['expires'] = expires
      if (modified !== null) fields['last-modified'] = modified
      if (etag !== null) fields['etag'] = etag
      return fields
    })
  const duration = fc.option(fc.oneof(fc.nat(2_000_000), fc.constant(Infinity)), { nil: undefined })
  const windows = fc.record({ staleIfError: duration, staleWhileRevalidate: duration })
  const rules = fc.record({
    cacheControl: fc.boolean(),
    staleIfError: duration,
    staleWhileRevalidate: duration,
  })
  const expiry = fc.oneof(
    fc.constantFrom(null, undefined),
    fc.integer({ min: now - 10_000, max: now + 1_000_000 }),
  )
  const request = fc.constantFrom('', 'no-store', 'no-cache', 'max-stale=5', 'stale-if-error=9')
  const later = fc.nat(5_000_000)
  const wishes = fc.record({
    refresh: fc.boolean(),
    forceRefresh: fc.boolean(),
    onlyIfCached: fc.boolean(),
  })

  test('no-store is never stored', () => {
    fc.assert(
      fc.property(headers, rules, request, expiry, (fields, given, asked, at) => {
        if (decide(fields, given, asked, at).action === 'pass') return
        assert.ok(!joinedField(fields['cache-control'])?.includes('no-store'))
        assert.notEqual(asked, 'no-store')
      }),
    )
  })

  test('nothing is dropped before its last use, and nothing is stored that has none', () => {
    fc.assert(
      fc.property(headers, rules, request, expiry, later, (fields, given, asked, at, after) => {
        const decision = decide(fields, given, asked, at)
        if (decision.action === 'pass') return
        const { expiresAt, dropAt: drop } = decision
        if (drop === undefined) return
        assert.ok(drop > now && expiresAt !== undefined)
        const stored = { status: 200, headers: fields, storedAt: now, expiresAt }
        const noWishes = { refresh: false, forceRefresh: false, onlyIfCached: false }
        const use = decideOnRequest(new Map(), { ...noWishes, ...given }, stored, drop + 1 + after)
        assert.equal(use.action, 'ask', 'once dropped it would not have been used')
        assert.ok(use.action === 'ask' && !use.elseStale)
      }),
      { numRuns: 500 },
    )
  })

  test('what has expired is used in a window only, and never where it must not be', () => {
    const anyone = fc.record({ request, wishes, windows, later })
    fc.assert(
      fc.property(headers, expiry, anyone, (fields, at, { request: asked, ...rest }) => {
        const expiresAt = at ?? now
        const stored = { status: 200, headers: fields, storedAt: now, expiresAt }
        const given = { ...rest.wishes, ...rest.windows }
        const use = decideOnRequest(parseCacheControl(asked), given, stored, now + rest.later)
        if (now + rest.later < expiresAt) return
        const staleFor = now + rest.later - expiresAt
        const field = joinedField(fields['cache-control']) ?? ''
        const usable = use.action === 'replay' || (use.action === 'ask' && use.elseStale)
        if (!usable) return
        assert.doesNotMatch(field, /must-revalidate|no-cache/)
        const own = [...field.matchAll(/stale-[a-z-]+=(\d+)/g)].map(
          ([, text]) => Number(text) * 1000,
        )
        const allowed = [...own, ...Object.values(rest.windows), 9_000].map((each) => each ?? 0)
        assert.ok(staleFor <= Math.max(...allowed))
        if (use.action === 'replay') assert.notEqual(use.stale, undefined)
      }),
      { numRuns: 500 },
    )
  })

  test('dropAt is never before the expiry, whatever the windows', () => {
    fc.assert(
      fc.property(
        headers,
        expiry,
        fc.nat(1e9),
        fc.nat(1e9),
        (fields, at, ifError, whileRevalidate) => {
          const expiresAt: EpochMs | undefined = at ?? undefined
          const drop = dropAt(fields, expiresAt, { ifError, whileRevalidate }, now)
          if (expiresAt === undefined) assert.equal(drop, undefined)
          else {
            assert.ok(drop! >= expiresAt + Math.max(ifError, whileRevalidate))
            if (hasValidator(fields)) assert.ok(drop! >= Math.max(now, expiresAt) + day)
          }
        },
      ),
    )
  })
})
