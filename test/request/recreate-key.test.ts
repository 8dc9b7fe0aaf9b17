import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readKeyRules, type MatchOptions } from '../../lib/request/key-rules.ts'
import type { Key } from '../../lib/request/create-key.ts'
import { recreateKey, type KeptRequest } from '../../lib/request/recreate-key.ts'
import { completeRequest, readHead, redactedHeaders } from '../../lib/request/read-request.ts'

interface Asked {
  readonly path?: string
  readonly headers?: readonly string[]
  readonly bodyDigest?: string
}

const requests: Readonly<Record<string, Asked>> = {
  plain: {},
  parameters: { path: '/?b=2&a=1&page=3' },
  'characters that are escaped': { path: `/a|b/%7c?q=a|b&r='{x}'&page=ü` },
  'a credential': { path: '/?a=1&api_key=abcdefgh12345' },
  'a credential in a field': { headers: ['Authorization', 'Bearer abcdefgh'] },
  'two credentials': { path: '/?api_key=abcdefgh12345', headers: ['Authorization', 'Bearer x'] },
  fields: { headers: ['Accept-Language', 'de', 'X-Version', '2'] },
  'a name that one rule knows': { path: '/?seat=one-1&a=1', headers: ['X-Seat', 'two-22'] },
  'that name, and a credential': { headers: ['X-Seat', 'two-22', 'Authorization', 'Bearer x'] },
  'a body': { bodyDigest: 'DIGEST' },
}
const rules: Readonly<Record<string, MatchOptions>> = {
  none: {},
  'page ignored': { ignoredParameters: ['page'] },
  'credentials ignored': { ignoredParameters: ['api_key', 'authorization'] },
  'one credential ignored': { ignoredParameters: ['api_key'] },
  'a only': { keptParameters: ['a'] },
  language: { matchHeaders: ['accept-language'] },
  'all fields': { matchHeaders: true },
  shared: { identity: 'shared' },
  isolating: { isolate: ['seat', 'x-seat'] },
  'isolating, all fields': { isolate: ['x-seat'], matchHeaders: true },
  'isolating and shared': { isolate: ['x-*'], identity: 'shared' },
  sharing: { share: ['authorization', 'api_key'] },
  keyFn: { keyFn: ({ url }) => `by ${url.length}` },
}

function asked({ path = '/', headers = [], bodyDigest }: Asked, match: MatchOptions) {
  const body = bodyDigest === undefined ? null : ''
  const options = { origin: 'http://a', method: 'GET', path, headers, body }
  const head = readHead(options, readKeyRules(match))
  assert.ok(typeof head === 'object')
  const request = completeRequest(options, head, bodyDigest, undefined)
  const { text, key, method, url } = request
  return { key: { text, key }, stored: { text, method, url, headers: redactedHeaders(request) } }
}

function keyOf(stored: KeptRequest, match: MatchOptions): Key | undefined {
  const recreated = recreateKey(stored, readKeyRules(match))
  return recreated && { text: recreated.text, key: recreated.key }
}

describe('recreateKey', () => {
  for (const [what, request] of Object.entries(requests)) {
    for (const [from, before] of Object.entries(rules)) {
      for (const [to, after] of Object.entries(rules)) {
        test(`${what}: ${from} → ${to}`, () => {
          const { stored } = asked(request, before)
          const { key } = asked(request, after)
          const recreated = keyOf(stored, after)
          // Never a wrong key; and none only where something was taken out, or is not there.
          if (recreated !== undefined) return assert.deepEqual(recreated, key)
          const hidden = [stored.url, ...stored.headers].some((text) => text.includes('REDACTED'))
          const keyed = stored.text.includes('key:') || to === 'keyFn'
          assert.ok(hidden || keyed, 'it could have been known')
        })
      }
    }
  }

  test('is the same under the same rules', () => {
    for (const request of Object.values(requests)) {
      for (const [name, match] of Object.entries(rules)) {
        const { stored, key } = asked(request, match)
        const recreated = keyOf(stored, match)
        if (name !== 'keyFn' || request.bodyDigest === undefined) assert.deepEqual(recreated, key)
      }
    }
  })

  test('is known as far as credentials are all there or all gone', () => {
    const known = (request: Asked, before: MatchOptions, after: MatchOptions): boolean =>
      recreateKey(asked(request, before).stored, readKeyRules(after)) !== undefined
    const one = requests['a credential']!
    const two = requests['two credentials']!
    assert.equal(known(one, {}, rules['language']!), true)
    assert.equal(known(one, {}, rules['credentials ignored']!), true)
    assert.equal(known(two, {}, rules['credentials ignored']!), true)
    assert.equal(known(two, {}, rules['one credential ignored']!), false)
    assert.equal(known(one, rules['credentials ignored']!, {}), false)
    assert.equal(known(one, {}, { identity: () => 'me' }), false)
    assert.equal(known({}, { identity: () => 'me' }, {}), true)
  })

  test('takes out what is known as a credential only now', () => {
    const before = asked(requests['a name that one rule knows']!, {}).stored
    const after = recreateKey(before, readKeyRules(rules['isolating']!))
    assert.equal(after?.request.url, 'http://a/?seat=REDACTED&a=1')
    assert.deepEqual(after.request.headers, ['X-Seat', 'REDACTED'])
    assert.deepEqual(after.credentials.toSorted(), ['seat=one-1', 'x-seat: two-22'])
    // As a library stored it that did not know the name yet.
    const old = {
      text: 'GET http://a/?sid=abcdefgh12345',
      method: 'GET',
      url: 'http://a/?sid=abcdefgh12345',
      headers: ['X-Remote-User', 'anna', 'X-Other', 'abcdefgh12345'],
    }
    const { request, text } = recreateKey(old, undefined)!
    assert.match(text, /^GET http:\/\/a\/\?sid=REDACTED identity:[\w-]{43}$/)
    assert.deepEqual(request.headers, ['X-Remote-User', 'REDACTED', 'X-Other', 'REDACTED'])
    assert.ok(!JSON.stringify([request, text]).includes('abcdefgh12345'))
  })

  test('keeps the key of one call where no function gives another', () => {
    const stored = { text: 'GET key:mine', method: 'GET', url: 'http://a/', headers: [] }
    assert.equal(recreateKey(stored, undefined), undefined)
    const rule = readKeyRules({ keyFn: () => 'other' })
    assert.equal(recreateKey(stored, rule)?.text, 'GET key:other')
  })
})
