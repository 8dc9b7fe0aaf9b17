import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  readHead,
  redactedHeaders,
  requestHeader,
  shapeOfFetch,
} from '../../lib/request/read-request.ts'
import type { BypassReason, RequestOptions } from '../../lib/request/request.ts'
import { headerShapes, type HeaderLine } from './header-shapes.ts'
import { credentialHeaders, credentialParameters, secret } from '../secrets/known-credentials.ts'
import { requestOf, type Asked } from './request-of.ts'

describe('requests that are left alone', () => {
  const cases: [
    name: string,
    options: Partial<RequestOptions>,
    reason: BypassReason | undefined,
  ][] = [
    ['an upgrade', { upgrade: 'websocket' }, 'upgrade'],
    ['a tunnel', { method: 'CONNECT' }, 'upgrade'],
    ['no origin', { origin: undefined }, 'no-origin'],
    ['a range', { headers: { Range: 'bytes=0-1' } }, 'range'],
    ['If-None-Match', { headers: { 'If-None-Match': '*' } }, 'conditional'],
    ['If-Modified-Since', { headers: { 'if-modified-since': 'x' } }, 'conditional'],
    ['If-Match', { headers: ['IF-MATCH', '"1"'] }, 'conditional'],
    ['If-Unmodified-Since', { headers: new Map([['if-unmodified-since', 'x']]) }, 'conditional'],
    ['a part, if it is the same', { headers: { 'if-range': '"1"', range: 'bytes=0-1' } }, 'range'],
    [
      'the same the other way round',
      { headers: { range: 'bytes=0-1', 'if-range': '"1"' } },
      'range',
    ],
    ['an event stream', { headers: { accept: 'text/event-stream' } }, 'event-stream'],
    [
      'an event stream, twice, with parameters',
      { headers: { accept: 'text/event-stream;q=0.5, , text/event-stream' } },
      'event-stream',
    ],
    [
      'an event stream, in two lines',
      { headers: { accept: ['text/event-stream', 'text/event-stream'] } },
      'event-stream',
    ],
    [
      'an event stream among others',
      { headers: { accept: 'application/json, text/event-stream' } },
      undefined,
    ],
    [
      'an event stream in one of two lines',
      { headers: ['Accept', 'text/event-stream', 'accept', 'text/html'] },
      undefined,
    ],
    ['what only begins so', { headers: { accept: 'text/event-stream-of-mine' } }, undefined],
    [
      'a range of an event stream',
      { headers: { accept: 'text/event-stream', range: 'bytes=0-1' } },
      'range',
    ],
    ['an event stream in capitals', { headers: { accept: 'Text/Event-Stream' } }, 'event-stream'],
    ['no upgrade', { upgrade: undefined }, undefined],
    ['another Accept', { headers: { accept: '*/*' } }, undefined],
    ['fields that only begin so', { headers: { 'range-unit': 'x', 'if-none': 'x' } }, undefined],
  ]
  for (const [name, options, reason] of cases) {
    test(name, () => {
      const head = readHead({ method: 'GET', origin: 'http://a', path: '/', ...options })
      assert.equal(typeof head === 'string' ? head : undefined, reason)
    })
  }
})

describe('fields that are read', () => {
  for (const [name, shape] of headerShapes) {
    test(name, () => {
      const headers = shape([
        ['Cache-Control', 'no-cache'],
        ['Cache-Control', 'max-age=0'],
        ['Pragma', 'no-cache'],
        ['Accept-Language', '*'],
        ['Accept-Encoding', 'gzip'],
        ['User-Agent', 'node'],
        ['Content-Type', 'text/plain'],
      ])
      const options = { ...shapeOfFetch, method: 'POST', origin: 'http://a', path: '/', headers }
      const head = readHead(options)
      assert.ok(typeof head !== 'string')
      assert.equal(head.cacheControl, 'no-cache, max-age=0')
      assert.equal(head.pragma, 'no-cache')
      assert.equal(head.contentType, 'text/plain')
      assert.equal(head.fromFetch, true)
    })
  }

  test('none of them', () => {
    const request = requestOf({})
    assert.equal(request.cacheControl, undefined)
    assert.equal(request.pragma, undefined)
    assert.equal(request.fromFetch, false)
    assert.deepEqual(request.credentials, [])
  })

  test('requestHeader finds what was written in any case', () => {
    assert.equal(requestHeader(requestOf({ headers: { 'X-Up': '1' } }), 'x-up'), '1')
  })
})

describe('requests with keys of their own', () => {
  const long = 'abcdefghijklmnop'
  const pairs: [name: string, one: Asked, other: Asked][] = [
    ['methods', { method: 'GET' }, { method: 'HEAD' }],
    ['methods in another case', { method: 'GET' }, { method: 'get' }],
    ['schemes', { origin: 'http://a' }, { origin: 'https://a' }],
    ['hosts', { origin: 'http://a' }, { origin: 'http://b' }],
    ['ports', { origin: 'http://a' }, { origin: 'http://a:8080' }],
    ['paths', { path: '/x' }, { path: '/X' }],
    ['queries', { path: '/?a=1' }, { path: '/?a=2' }],
    ['the order of equal names', { path: '/?a=1&a=2' }, { path: '/?a=2&a=1' }],
    [
      'the order of equal credentials',
      { path: `/?token=${long}1&token=${long}2` },
      { path: `/?token=${long}2&token=${long}1` },
    ],
    ['a query that is empty', { path: '/?q=' }, { path: '/?' }],
    ['a body and none', { bodyDigest: 'x' }, {}],
    ['bodies', { bodyDigest: 'x' }, { bodyDigest: 'y' }],
    // Parts that are joined without a separator collide here.
    ['where the URL ends and the body begins', { path: '/x', bodyDigest: 'y' }, { path: '/xy' }],
    [
      'where the body ends and the URL goes on',
      { path: '/x body:y' },
      { path: '/x', bodyDigest: 'y' },
    ],
    ['tokens', token('1'), token('2')],
    ['a token and none', token('1'), {}],
    ['a token and its placeholder', token('REDACTED'), {}],
    [
      'a credential and its placeholder',
      { path: `/?api_key=${long}` },
      { path: '/?api_key=REDACTED' },
    ],
    ['short and redacted', { path: '/?token=REDACTED' }, { path: `/?token=${long}` }],
    [
      'a field and a parameter',
      { path: '/?api_key=1', headers: {} },
      { path: '/?api_key=1', headers: { 'api-key': '1' } },
    ],
    ['cookies', { headers: { cookie: 'a=1' } }, { headers: { cookie: 'a=2' } }],
    [
      'fields of one name',
      { headers: ['x-api-key', '1', 'x-api-key', '2'] },
      { headers: ['x-api-key', '2', 'x-api-key', '1'] },
    ],
    ['keys of the caller', { customKey: 'a' }, { customKey: 'b' }],
    ['a key of the caller and a URL', { customKey: 'http://a.example/' }, {}],
    [
      'tokens beside a key of the caller',
      { customKey: 'a', ...token('1') },
      { customKey: 'a', ...token('2') },
    ],
  ]
  for (const [name, one, other] of pairs) {
    test(name, () => {
      assert.notEqual(requestOf(one).text, requestOf(other).text)
      assert.notEqual(requestOf(one).key, requestOf(other).key)
    })
  }
})

describe('requests with one key', () => {
  const pairs: [name: string, one: Asked, other: Asked][] = [
    ['the order of names', { path: '/?a=1&b=2' }, { path: '/?b=2&a=1' }],
    ['a query in the path and apart', { path: '/?a=1' }, { path: '/', query: { a: 1 } }],
    ['the case of the host', { origin: 'http://A.EXAMPLE' }, {}],
    ['the default port', { origin: 'http://a.example:80' }, {}],
    ['an origin that is a URL', { origin: new URL('http://a.example') }, {}],
    ['a fragment', { path: '/x#a' }, { path: '/x' }],
    [
      'fields that say nothing of the user',
      { headers: { accept: 'a', 'user-agent': 'b', 'x-csrf-token': secret } },
      {},
    ],
    [
      'the case of a credential',
      { headers: { AUTHORIZATION: 'x' } },
      { headers: { authorization: 'x' } },
    ],
    [
      'the order of credentials',
      { headers: { cookie: 'a', authorization: 'b' } },
      { headers: { authorization: 'b', cookie: 'a' } },
    ],
    [
      'anything else beside a key of the caller',
      { customKey: 'k', path: '/x', bodyDigest: 'd' },
      { customKey: 'k' },
    ],
  ]
  for (const [name, one, other] of pairs) {
    test(name, () => {
      assert.equal(requestOf(one).text, requestOf(other).text)
      assert.equal(requestOf(one).key, requestOf(other).key)
    })
  }
})

describe('a credential is written down nowhere', () => {
  const cases = [upper, (name: string): string => name, capitalize]
  for (const [shapeName, shape] of headerShapes) {
    test(`in header fields, as ${shapeName}`, () => {
      for (const name of credentialHeaders) {
        for (const spell of cases) {
          const lines: HeaderLine[] = [
            ['Accept', 'text/html'],
            [spell(name), `Bearer ${secret}`],
          ]
          // One for each reading: a generator is read once.
          const request = requestOf({ headers: shape(lines) })
          assert.deepEqual(request.credentials, [`${name}: Bearer ${secret}`])
          const stored = redactedHeaders({ ...request, headers: shape(lines) })
          assert.deepEqual(
            stored.map((text) => text.toLowerCase()).toSorted(),
            ['accept', name, 'redacted', 'text/html'].toSorted(),
          )
          hidesSecret(request.text, request.url, request.key)
        }
      }
    })
  }

  test('in the query, whatever the case', () => {
    for (const name of credentialParameters) {
      for (const spell of cases) {
        const query = { q: 'x', [spell(name)]: secret }
        for (const asked of [{ path: '/', query }, { path: `/?q=x&${spell(name)}=${secret}` }]) {
          const request = requestOf(asked)
          hidesSecret(request.text, request.url, request.key)
          assert.match(request.url, /q=x/)
          assert.match(request.text, / identity:/)
        }
      }
    }
  })

  test('beside a key of the caller', () => {
    const request = requestOf({
      customKey: 'k',
      path: `/?api_key=${secret}`,
      headers: { cookie: secret },
    })
    hidesSecret(request.text, request.url, request.key)
  })
})

function token(value: string): Asked {
  return { headers: { authorization: `Bearer ${value}` } }
}

function hidesSecret(...texts: string[]): void {
  for (const text of texts) assert.ok(!decodeURIComponent(text).includes(secret), text)
}

function upper(name: string): string {
  return name.toUpperCase()
}

function capitalize(name: string): string {
  return name.replaceAll(/\b\w/g, (letter) => letter.toUpperCase())
}
