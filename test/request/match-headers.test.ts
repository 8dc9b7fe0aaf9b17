import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isOneShot } from '../../lib/http/header-fields.ts'
import type { MatchOptions } from '../../lib/request/key-rules.ts'
import { shapeOfFetch } from '../../lib/request/read-request.ts'
import { headerShapes } from './header-shapes.ts'
import { requestOf, type Asked } from './request-of.ts'

type Headers = Readonly<Record<string, string | string[]>>

function keyOf(match: MatchOptions, headers: unknown, more: Asked = {}): string {
  return requestOf({ ...more, match, headers }).key
}

describe('named fields', () => {
  const named = { matchHeaders: ['Accept', 'accept-language', 'X-Version'] }
  const different: [name: string, one: Headers, other: Headers][] = [
    ['values', { accept: 'text/plain' }, { accept: 'application/json' }],
    ['a value and none', { 'x-version': '1' }, {}],
    ['an empty value and none', { 'x-version': '' }, {}],
    ['which field says it', { accept: 'x' }, { 'x-version': 'x' }],
    ['the case of a value', { 'x-version': 'A' }, { 'x-version': 'a' }],
    ['white space inside of a value', { 'x-version': 'a, b' }, { 'x-version': 'a,b' }],
    ['the order of lines', { 'x-version': ['1', '2'] }, { 'x-version': ['2', '1'] }],
    ['a line with a comma and two lines', { 'x-version': ['1', '2'] }, { 'x-version': '1, 2' }],
    ['the order of a list', { accept: 'a/b, c/d' }, { accept: 'c/d, a/b' }],
    ['quoted texts', { accept: 'a/b;p="x, y"' }, { accept: 'a/b;p="x,y"' }],
    ['a media type and its case', { accept: 'a/b' }, { accept: 'a/B' }],
  ]
  for (const [name, one, other] of different) {
    test(`${name}: two requests`, () => assert.notEqual(keyOf(named, one), keyOf(named, other)))
  }

  const same: [name: string, one: Headers, other: Headers][] = [
    ['the case of names', { Accept: 'text/plain' }, { ACCEPT: 'text/plain' }],
    ['the order of fields', { accept: 'a', 'x-version': 'b' }, { 'x-version': 'b', accept: 'a' }],
    ['other fields', { 'x-other': '1' }, { 'x-another': '2' }],
    ['white space around a value', { 'x-version': ' 1 ' }, { 'x-version': '1' }],
    ['white space in a list', { accept: 'a/b; q=0.5 , c/d' }, { accept: 'a/b;q=0.5,c/d' }],
    ['a list in lines', { accept: ['a/b', 'c/d'] }, { accept: 'a/b, c/d' }],
    ['the case of languages', { 'accept-language': 'en-GB' }, { 'accept-language': 'en-gb' }],
    ['any type and none named', { accept: '*/*' }, {}],
    ['any language and none named', { 'accept-language': '*' }, {}],
  ]
  for (const [name, one, other] of same) {
    test(`${name}: one request`, () => assert.equal(keyOf(named, one), keyOf(named, other)))
  }

  test('in whatever shape they are', () => {
    // What can be read once only has been made an array before.
    const keys = headerShapes
      .map(([, shape]) => shape([['Accept', 'text/html']]))
      .filter((headers) => !isOneShot(headers))
      .map((headers) => keyOf(named, headers))
    assert.ok(keys.length > 3)
    assert.equal(new Set(keys).size, 1)
    assert.notEqual(keys[0], keyOf(named, {}))
  })

  test('a request that says nothing in them is not the one of a cache that does not ask', () => {
    // There it may be the answer to anything.
    assert.notEqual(keyOf(named, {}), keyOf({}, {}))
    assert.notEqual(keyOf(named, {}), keyOf({ matchHeaders: ['accept'] }, {}))
    assert.notEqual(keyOf({ matchHeaders: true }, {}), keyOf({}, {}))
  })

  test('a credential that is named counts even where users are not told apart', () => {
    const match: MatchOptions = { matchHeaders: ['authorization'], identity: 'shared' }
    const [one, other] = ['1', '2'].map((authorization) => keyOf(match, { authorization }))
    assert.notEqual(one, other)
  })

  test('no value is in the text', () => {
    const secret = 'D9FAEB3449D3'
    const request = requestOf({
      match: { matchHeaders: ['x-version'] },
      headers: { 'x-version': secret },
    })
    assert.ok(!request.text.includes(secret))
    assert.match(request.text, /^GET http:\/\/a\.example\/ headers:[\w-]{43}$/)
  })
})

describe('all fields', () => {
  const all = { matchHeaders: true }

  test('count, whatever they are', () => {
    assert.notEqual(keyOf(all, { 'x-anything': '1' }), keyOf(all, { 'x-anything': '2' }))
    assert.notEqual(keyOf(all, { 'x-anything': '1' }), keyOf(all, { 'x-something': '1' }))
    assert.notEqual(keyOf(all, { host: 'b.example' }), keyOf(all, {}))
    assert.notEqual(keyOf(all, { 'content-type': 'a/b' }), keyOf(all, {}))
  })

  const unlike = [
    'connection',
    'te',
    'transfer-encoding',
    'expect',
    'content-length',
    'cache-control',
    'pragma',
    'date',
    'traceparent',
    'X-Request-Id',
    'x-correlation-id',
    'idempotency-key',
    'x-b3-traceid',
    'x-amzn-trace-id',
    'sentry-trace',
    'x-csrf-token',
    'sec-fetch-site',
  ]
  for (const name of unlike) {
    test(`but for ${name}`, () => assert.equal(keyOf(all, { [name]: 'x' }), keyOf(all, {})))
  }

  test('those with names that only look alike count', () => {
    for (const name of ['x-date', 'request', 'x-tracing', 'b3x', 'te-x']) {
      assert.notEqual(keyOf(all, { [name]: 'x' }), keyOf(all, {}), name)
    }
  })

  test('those that are ignored do not', () => {
    const match = { ...all, ignoredParameters: ['X-Auth'] }
    assert.equal(keyOf(match, { 'x-auth': '1' }), keyOf(match, { 'X-AUTH': '2' }))
    assert.equal(keyOf(match, { 'x-auth': '1' }), keyOf(match, {}))
  })

  test('credentials are told apart by their digest, or not at all', () => {
    const [one, other] = ['1', '2'].map((cookie) => keyOf(all, { cookie }))
    assert.notEqual(one, other)
    const shared: MatchOptions = { ...all, identity: 'shared' }
    assert.equal(keyOf(shared, { cookie: '1' }), keyOf(shared, { cookie: '2' }))
  })

  test('how a body is to be read is known by the body', () => {
    const body = { method: 'POST', body: '{}' }
    assert.notEqual(
      keyOf(all, { 'content-type': 'a/b' }, body),
      keyOf(all, { 'content-type': 'a/c' }, body),
    )
  })

  test('what fetch writes by itself does not count', () => {
    const ofFetch = {
      accept: '*/*',
      'accept-language': '*',
      'user-agent': 'node',
      'accept-encoding': 'br, gzip, deflate',
    }
    for (const fields of [ofFetch, { ...ofFetch, 'sec-fetch-mode': 'cors' }]) {
      assert.equal(keyOf(all, fields, shapeOfFetch), keyOf(all, {}))
      // Of somebody who says the same, and may be a gateway in front of browsers.
      assert.notEqual(keyOf(all, fields), keyOf(all, {}))
      assert.notEqual(keyOf(all, fields, { maxRedirections: 0 }), keyOf(all, {}))
      assert.notEqual(keyOf(all, fields, { upgrade: undefined }), keyOf(all, {}))
    }
    const mine = { ...ofFetch, 'user-agent': 'me' }
    assert.notEqual(keyOf(all, mine, shapeOfFetch), keyOf(all, ofFetch, shapeOfFetch))
  })
})
