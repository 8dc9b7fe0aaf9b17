import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeRequest, type RequestTarget } from '../../lib/cache/describe-request.ts'
import { requestOf, type Asked } from '../request/request-of.ts'

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
    ['another scheme', 'file:///x', /never cached: no-origin/],
    ['a range', { url: 'http://a/', headers: { range: 'bytes=0-' } }, /never cached: range/],
    ['a tunnel', { url: 'http://a/', method: 'CONNECT' }, /never cached: upgrade/],
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
