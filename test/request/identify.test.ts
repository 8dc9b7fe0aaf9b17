import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RequestDetails, TextOfRequest } from '../../lib/request/key-rules.ts'
import { requestOf, type Asked } from './request-of.ts'

const token = 'theBearerToken.of.mine'
const apiKey = 'aVerySecretKey-4711'
const asked: Asked = {
  method: 'POST',
  path: `/x?b=1&api_key=${apiKey}&a=é`,
  headers: { Authorization: `Bearer ${token}`, 'X-Session': 's', accept: ['a', 'b'] },
  body: 'hello',
}

/** What a function is told, and the request that comes of what it gives. */
function told(option: 'keyFn' | 'identity', given: Asked = asked): RequestDetails {
  let details: RequestDetails | undefined
  const note = (request: RequestDetails): undefined => {
    details = request
  }
  requestOf({ ...given, match: { [option]: note, ignoredParameters: ['x-session'] } })
  assert.ok(details !== undefined)
  return details
}

describe('keyFn', () => {
  const keyed = (keyFn: TextOfRequest, more: Asked = {}): string =>
    requestOf({ match: { keyFn }, ...more }).text

  test('gives the key', () => {
    assert.equal(
      keyed(({ method, url }) => `${method} ${url}`),
      'GET key:GET%20http%3A%2F%2Fa.example%2F',
    )
    assert.equal(
      keyed(() => 'k', { path: '/x', method: 'POST', body: 'y' }),
      'POST key:k',
    )
  })

  test('leaves to the usual one what it has no key for', () => {
    assert.equal(
      keyed(() => undefined),
      'GET http://a.example/',
    )
  })

  test('is not asked where the call has a key of its own', () => {
    const keyFn = (): string => assert.fail('asked')
    assert.equal(requestOf({ customKey: 'mine', match: { keyFn } }).text, 'GET key:mine')
  })

  test('does not put users together', () => {
    const [one, other] = ['1', '2'].map((authorization) =>
      keyed(() => 'k', { headers: { authorization } }),
    )
    assert.notEqual(one, other)
  })

  test('is told everything but secrets', () => {
    const { method, url, headers, body } = told('keyFn')
    assert.equal(method, 'POST')
    assert.equal(url, 'http://a.example/x?b=1&api_key=REDACTED&a={e9}')
    assert.deepEqual(headers, {
      authorization: 'REDACTED',
      'x-session': 'REDACTED',
      accept: 'a, b',
    })
    assert.deepEqual(body, Buffer.from('hello'))
  })

  test('is told of no body where there is none', () => {
    assert.equal(told('keyFn', {}).body, undefined)
  })
})

describe('identity', () => {
  const text = (identity: 'shared' | TextOfRequest, headers: Record<string, string>): string =>
    requestOf({ headers, match: { identity } }).text

  test('by a function: its text takes the place of credentials', () => {
    const user: TextOfRequest = ({ headers }) => headers['x-user']
    const anna = { 'x-user': 'anna-4711', authorization: 'old' }
    assert.equal(text(user, anna), text(user, { ...anna, authorization: 'new' }))
    assert.notEqual(text(user, anna), text(user, { ...anna, 'x-user': 'bert' }))
    assert.match(text(user, anna), /^GET http:\/\/a\.example\/ identity:by:[\w-]{43}$/)
    assert.ok(!text(user, anna).includes('anna'))
  })

  test('by a function: who it does not know is known by credentials', () => {
    const unknown = (): undefined => undefined
    const plain = requestOf({ headers: { authorization: 'a' } })
    assert.equal(text(unknown, { authorization: 'a' }), plain.text)
    assert.notEqual(text(unknown, { authorization: 'b' }), plain.text)
    const path = `/?api_key=${apiKey}`
    assert.notEqual(requestOf({ path, match: { identity: unknown } }).text, requestOf({}).text)
  })

  test('by a function: it is told everything', () => {
    const { url, headers, body } = told('identity')
    assert.equal(url, `http://a.example/x?b=1&api_key=${apiKey}&a=é`)
    assert.deepEqual(headers, {
      authorization: `Bearer ${token}`,
      'x-session': 's',
      accept: 'a, b',
    })
    assert.deepEqual(body, Buffer.from('hello'))
    const query = { a: 1, b: ['2', '3'] }
    assert.equal(told('identity', { query }).url, 'http://a.example/?a=1&b=2&b=3')
  })

  test('shared: credentials do not count', () => {
    const all = [{}, { authorization: 'a' }, { authorization: 'b', cookie: 'c' }]
    assert.equal(new Set(all.map((headers) => text('shared', headers))).size, 1)
    const paths = ['/', `/?api_key=${apiKey}`, `/?access_token=${token}`]
    const texts = paths.map((path) => requestOf({ path, match: { identity: 'shared' } }).text)
    assert.equal(new Set(texts).size, 1)
  })

  test('what is stored for all does not answer those who are told apart', () => {
    const texts = [
      text('shared', {}),
      requestOf({}).text,
      text(() => '', {}),
      text(() => 'shared', {}),
      requestOf({ match: { ignoredParameters: ['authorization'] } }).text,
      requestOf({ match: { ignoredParameters: ['cookie'] } }).text,
    ]
    assert.equal(new Set(texts).size, texts.length)
  })

  test('what does not count is kept for what comes back, and not written down', () => {
    for (const identity of ['shared', () => 'x'] as const) {
      const request = requestOf({ ...asked, match: { identity } })
      assert.deepEqual(request.credentials, [])
      assert.deepEqual(request.ignored, [
        `api_key=${apiKey}`,
        `authorization: Bearer ${token}`,
        'x-session: s',
      ])
      const { url, text: written, key } = request
      for (const each of [url, written, key])
        assert.ok(!each.includes(apiKey) && !each.includes(token))
    }
  })
})

describe('a function that fails', () => {
  const failures: [name: string, fn: () => unknown][] = [
    ['throws', () => assert.fail('on purpose')],
    ['gives a number', () => 5],
    ['gives null', () => null],
    ['gives a promise', () => Promise.resolve('k')],
  ]
  const ofKey: typeof failures = [
    ...failures,
    ['gives nothing of a text', () => ''],
    ['gives half of a character', () => '\ud800'],
  ]
  for (const [option, cases] of [
    ['keyFn', ofKey],
    ['identity', failures],
  ] as const) {
    for (const [name, fn] of cases) {
      test(`${option} ${name}`, () => {
        assert.throws(() => requestOf({ match: { [option]: fn } }), {
          name: 'CacheError',
          code: 'ERR_CACHE_CALLBACK_FAILED',
          message: `${option} failed; the request is not cached`,
        })
      })
    }
  }

  test('identity may give any text', () => {
    const texts = ['', '\ud800', '\udc00', '\ufffd'].map(
      (who) => requestOf({ match: { identity: () => who } }).text,
    )
    assert.equal(new Set(texts).size, texts.length)
  })
})
