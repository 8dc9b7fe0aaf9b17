import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeRequest, type RequestTarget } from '../../lib/entries/describe-request.ts'
import type { MatchOptions } from '../../lib/request/key-rules.ts'
import { shapeOfFetch } from '../../lib/request/read-request.ts'
import { requestOf, rulesOf, type Asked } from '../request/request-of.ts'

describe('describeRequest', () => {
  const same: [name: string, target: RequestTarget, asked: Asked][] = [
    ['a URL', 'http://a.example/x?b=1', { path: '/x?b=1' }],
    ['a URL object', new URL('http://a.example/x'), { path: '/x' }],
    ['a URL without a path', 'http://a.example', { path: '/' }],
    ['a fragment', 'http://a.example/x#y', { path: '/x' }],
    ['another method', { url: 'http://a.example/', method: 'HEAD' }, { method: 'HEAD' }],
    ['a URL object, detailed', { url: new URL('http://a.example/x') }, { path: '/x' }],
    [
      'credentials',
      { url: 'http://a.example/', headers: { authorization: 'x' } },
      { headers: { Authorization: 'x' } },
    ],
    ['credentials in the URL', 'http://a.example/?api_key=abcd', { path: '/?api_key=abcd' }],
    ['a key of the caller', { url: 'http://a.example/', key: 'k' }, { customKey: 'k' }],
    [
      'a text',
      { url: 'http://a.example/', method: 'PUT', body: 'hello' },
      { method: 'PUT', body: 'hello' },
    ],
    [
      'bytes, posted where nothing else is said',
      { url: 'http://a.example/', body: Buffer.from('xhello').subarray(1) },
      { method: 'POST', body: 'hello' },
    ],
    ['an empty text', { url: 'http://a.example/', body: '' }, { method: 'POST', body: '' }],
    [
      'an object, which is JSON',
      { url: 'http://a.example/', body: { b: [1], a: 2 } },
      { method: 'POST', body: '{"a":2,"b":[1]}', headers: { 'content-type': 'application/json' } },
    ],
    [
      'an object of another kind of JSON',
      {
        url: 'http://a.example/',
        body: [1],
        headers: { 'Content-Type': 'application/ld+json' },
      },
      { method: 'POST', body: '[1]', headers: { 'content-type': 'application/ld+json' } },
    ],
    [
      'a form',
      { url: 'http://a.example/', body: new URLSearchParams({ b: '1', a: 'x y' }) },
      {
        method: 'POST',
        body: 'a=x+y&b=1',
        headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
      },
    ],
  ]
  for (const [name, target, asked] of same) {
    test(`${name} is the request that undici would make`, () => {
      assert.equal(describeRequest(target).key, requestOf(asked).key)
    })
  }

  const refused: [name: string, target: unknown, message: RegExp][] = [
    ['a path', '/x', /absolute URL, got \/x/],
    ['nothing', undefined, /absolute URL/],
    ['null', null, /absolute URL/],
    ['an object without a URL', {}, /absolute URL/],
    ['another scheme', 'file:///x', /never cached: /],
    ['a range', { url: 'http://a/', headers: { range: 'bytes=0-' } }, /never cached: range/],
    ['a tunnel', { url: 'http://a/', method: 'CONNECT' }, /never cached: upgrade/],
    [
      'a form with files',
      { url: 'http://a/', body: new FormData() },
      /option 'body' must be a text/,
    ],
    ['a stream', { url: 'http://a/', body: new ReadableStream() }, /option 'body' must be/],
    ['a Blob', { url: 'http://a/', body: new Blob([]) }, /option 'body' must be/],
    ['a number', { url: 'http://a/', body: 5 }, /option 'body' must be a text, bytes.* got 5/],
    [
      'a mutation',
      { url: 'http://a/', body: { query: 'mutation { a }' } },
      /never cached: graphql-mutation/,
    ],
  ]
  for (const [name, target, message] of refused) {
    test(`${name} is refused`, () => {
      assert.throws(() => describeRequest(target as RequestTarget), {
        name: 'TypeError',
        code: 'ERR_CACHE_OPTION_INVALID',
        message,
      })
    })
  }
})

describe('describeRequest under rules', () => {
  const json = { 'content-type': 'application/json' }
  const cases: [name: string, match: MatchOptions, target: RequestTarget, asked: Asked][] = [
    [
      'ignored parameters',
      { ignoredParameters: ['token'] },
      'http://a.example/?token=1&a=2',
      { path: '/?a=2&token=3' },
    ],
    [
      'ignored members',
      { ignoredParameters: ['user.id'] },
      { url: 'http://a.example/', body: { user: { id: 1, n: 2 } } },
      { method: 'POST', body: '{"user":{"n":2}}', headers: json },
    ],
    [
      'header fields',
      { matchHeaders: ['accept'] },
      { url: 'http://a.example/', headers: { Accept: 'text/html' } },
      { headers: { accept: 'text/html' } },
    ],
    [
      'all header fields, of a request by fetch',
      { matchHeaders: true },
      { url: 'http://a.example/', body: { a: 1 }, headers: { 'x-a': '1' } },
      {
        ...shapeOfFetch,
        method: 'POST',
        body: '{"a":1}',
        headers: {
          ...json,
          'x-a': '1',
          'content-length': '7',
          accept: '*/*',
          'accept-language': '*',
          'accept-encoding': 'gzip, deflate',
          'user-agent': 'undici',
        },
      },
    ],
    [
      'GraphQL',
      { graphql: true },
      { url: 'http://a.example/', body: { query: '{ a }', variables: {} } },
      { method: 'POST', body: '{"query":"{a}"}', headers: json },
    ],
    [
      'a function that gives the key',
      { keyFn: ({ body }) => `b${(body as Buffer).toString()}` },
      { url: 'http://a.example/x', method: 'GET', body: 'c' },
      { customKey: 'bc' },
    ],
    [
      'a function that knows users',
      { identity: ({ headers }) => headers['x-user'] },
      { url: 'http://a.example/', headers: { 'X-User': 'anna', cookie: 'a' } },
      { headers: { 'x-user': 'anna', cookie: 'b' } },
    ],
  ]
  for (const [name, match, target, asked] of cases) {
    test(`${name}: the request that undici would make`, () => {
      assert.equal(describeRequest(target, rulesOf(match)).key, requestOf({ ...asked, match }).key)
    })
  }
})
