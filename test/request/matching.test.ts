/** What the rules of matching promise together, of any request. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { MatchOptions } from '../../lib/request/key-rules.ts'
import type { CacheRequest } from '../../lib/request/request.ts'
import { requestOf } from './request-of.ts'

/** A request by its parts, so that what matters of them can be said. */
interface Plan {
  readonly path: string
  readonly query: readonly (readonly [name: string, value: string])[]
  readonly headers: Readonly<Record<string, string>>
  readonly fields: readonly (readonly [name: string, value: string])[] | undefined
}

const ignored = ['token', 'x-trace']
const match: MatchOptions = { ignoredParameters: ignored, matchHeaders: ['x-lang'] }

// Names that are ignored, that are credentials, that are neither; values that could be taken for
// other parts.
const name = fc.constantFrom('a', 'b', 'token', 'TOKEN', 'api_key')
const value = fc.constantFrom('', '1', '2', 'a=1', '1&b=2', ' headers:x', 'REDACTED', 'é', '%31')
const pairs = fc.array(fc.tuple(name, value), { maxLength: 3 })
const headerName = fc.constantFrom('x-lang', 'x-other', 'X-Trace', 'authorization')
const plan: fc.Arbitrary<Plan> = fc.record({
  path: fc.constantFrom('/', '/x', '/x body:1', '/x identity:shared'),
  query: pairs,
  headers: fc.dictionary(headerName, fc.constantFrom('1', '2', 'de')),
  fields: fc.option(pairs, { nil: undefined }),
})

function written(list: Plan['query']): string {
  return list.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')
}

function ask({ path, query, headers, fields }: Plan, more: MatchOptions = match): CacheRequest {
  const search = written(query)
  const form = 'application/x-www-form-urlencoded'
  const body = fields && written(fields)
  return requestOf({
    method: 'POST',
    path: search === '' ? path : `${path}?${search}`,
    headers: fields === undefined ? headers : { ...headers, 'content-type': form },
    ...(body !== undefined && { body }),
    match: more,
  })
}

/** What of a request counts under `match`, as one text. */
function counting({ path, query, headers, fields }: Plan): string {
  const counts = ([n]: readonly [string, string]): boolean => n.toLowerCase() !== 'token'
  const sorted = (list: Plan['query']): Plan['query'] =>
    list.filter(counts).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return JSON.stringify([
    path,
    sorted(query),
    headers['x-lang'] ?? null,
    headers['authorization'] ?? null,
    fields === undefined ? null : sorted(fields),
  ])
}

describe('under rules', () => {
  test('two requests share a key where they share all that counts', () => {
    fc.assert(
      fc.property(plan, plan, (one, other) => {
        const [left, right] = [ask(one), ask(other)]
        const same = counting(one) === counting(other)
        assert.equal(left.text === right.text, same)
        assert.equal(left.key === right.key, same)
      }),
      { numRuns: 5000 },
    )
  })

  test('a request shares its key with itself without what is ignored', () => {
    fc.assert(
      fc.property(plan, (request) => {
        const { 'X-Trace': _, ...headers } = request.headers
        const without = (list: Plan['query']): Plan['query'] =>
          list.filter(([n]) => n.toLowerCase() !== 'token')
        const fields = request.fields && without(request.fields)
        const bare = { ...request, headers, query: without(request.query), fields }
        assert.equal(ask(request).text, ask(bare).text)
      }),
      { numRuns: 2000 },
    )
  })

  test('no rule: no difference to a cache that knows of none', () => {
    const silent: MatchOptions = {
      ignoredParameters: [],
      matchHeaders: false,
      identity: 'isolated',
    }
    fc.assert(
      fc.property(plan, (request) => {
        assert.equal(ask(request, silent).text, ask(request, {}).text)
      }),
    )
  })

  test('no ignored value is in what is stored or shown', () => {
    const secret = 'zzzz9876zzzz'
    fc.assert(
      fc.property(plan, (request) => {
        const { text, key, url } = ask({
          ...request,
          query: [...request.query, ['Token', secret]],
          headers: { ...request.headers, 'X-TRACE': secret },
          fields: [['token', secret]],
        })
        for (const each of [text, key, url]) assert.ok(!each.includes(secret), each)
      }),
    )
  })

  test('the header fields that are sent are those that were given', () => {
    const headers = { 'x-trace': '1', authorization: '2' }
    assert.equal(requestOf({ headers, match }).headers, headers)
  })
})
