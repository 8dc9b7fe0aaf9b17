import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { invalidatedUrls } from '../../lib/policy/invalidation.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'

const url = 'https://example.com/items?a=1'

describe('invalidatedUrls', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']) {
    test(`${method} changes nothing`, () => {
      assert.deepEqual(invalidatedUrls(method, url, 200, { location: '/other' }), [])
    })
  }

  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'FROBNICATE']) {
    test(`${method} changes its URL`, () => {
      assert.deepEqual(invalidatedUrls(method, url, 204, {}), [url])
    })
  }

  for (const status of [400, 404, 412, 500, 503]) {
    test(`what failed with ${status} changes nothing`, () => {
      assert.deepEqual(invalidatedUrls('PUT', url, status, {}), [])
    })
  }

  const cases: [name: string, headers: HeaderFields, others: string[]][] = [
    ['Location', { location: '/items/7' }, ['https://example.com/items/7']],
    ['a relative Location', { location: '7' }, ['https://example.com/7']],
    [
      'both',
      { location: '/a', 'content-location': '/b' },
      ['https://example.com/a', 'https://example.com/b'],
    ],
    ['another origin', { location: 'https://example.org/a' }, []],
    ['another scheme', { location: 'http://example.com/a' }, []],
    ['nonsense', { location: 'http://' }, []],
    ['several', { location: ['/a', '/b'] }, []],
    ['itself', { location: url }, []],
  ]
  for (const [name, headers, others] of cases) {
    test(`${name}: ${others.length} more`, () => {
      assert.deepEqual(invalidatedUrls('POST', url, 201, headers), [url, ...others])
    })
  }
})
