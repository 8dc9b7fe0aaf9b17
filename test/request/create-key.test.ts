import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { createKey, type KeyParts } from '../../lib/request/create-key.ts'

const plain: KeyParts = { method: 'GET', normalizedUrl: 'http://a/', credentials: [] }

describe('text', () => {
  const cases: [name: string, parts: Partial<KeyParts>, text: string | RegExp][] = [
    ['method and URL', {}, 'GET http://a/'],
    ['a body', { bodyDigest: 'D' }, 'GET http://a/ body:D'],
    ['a key of the caller for URL and body', { customKey: 'k', bodyDigest: 'D' }, 'GET key:k'],
    ['a key with spaces', { customKey: 'a b identity:' }, 'GET key:a%20b%20identity%3A'],
    ['a GraphQL operation', { bodyDigest: 'D', isOperation: true }, 'GET http://a/ graphql:D'],
    ['header fields', { headersDigest: 'D' }, 'GET http://a/ headers:D'],
    ['credentials that are ignored', { ignoredCredentials: 'D' }, 'GET http://a/ ignoring:D'],
    ['names that tell users apart', { isolating: 'D' }, 'GET http://a/ isolating:D'],
    ['users told apart in another way', { identity: 'shared' }, 'GET http://a/ identity:shared'],
    [
      'all of it in order',
      { bodyDigest: 'B', headersDigest: 'H', ignoredCredentials: 'I', identity: 'by:W' },
      'GET http://a/ body:B headers:H ignoring:I identity:by:W',
    ],
    [
      'an identity in the place of credentials',
      { identity: 'shared', credentials: ['a: secret'] },
      'GET http://a/ identity:shared',
    ],
    [
      'header fields beside a key of the caller',
      { customKey: 'k', headersDigest: 'H', bodyDigest: 'B', isOperation: true },
      'GET key:k headers:H',
    ],
    [
      'credentials as a digest',
      { credentials: ['a: secret'] },
      /^GET http:\/\/a\/ identity:[\w-]{43}$/,
    ],
    [
      'credentials beside a key of the caller',
      { customKey: 'k', credentials: ['a: b'] },
      /^GET key:k identity:[\w-]{43}$/,
    ],
  ]
  for (const [name, parts, text] of cases) {
    test(name, () => {
      const created = createKey({ ...plain, ...parts }).text
      if (typeof text === 'string') assert.equal(created, text)
      else assert.match(created, text)
    })
  }
})

describe('key', () => {
  // Changing what goes in must change the version, for stores outlive a release.
  test('is the SHA-256 of version and text', () => {
    assert.equal(createKey(plain).key, 'if_aTxPAeBaZL0tGsdyN3XBvMXu9BWPy5lH6K8QYkvU')
  })

  test('is tame: a file name, a document id', () => {
    fc.assert(
      fc.property(fc.webUrl(), (normalizedUrl) => {
        assert.match(createKey({ ...plain, normalizedUrl }).key, /^[\w-]{43}$/)
      }),
    )
  })
})

describe('credentials', () => {
  test('the order of different names does not matter', () => {
    const [one, other] = [
      ['a: 1', 'b=2'],
      ['b=2', 'a: 1'],
    ].map((credentials) => createKey({ ...plain, credentials }))
    assert.deepEqual(one, other)
  })

  const different: [name: string, one: string[], other: string[]][] = [
    ['values', ['a: 1'], ['a: 2']],
    ['names', ['a: 1'], ['b: 1']],
    ['a field and a parameter', ['a: 1'], ['a=1']],
    ['one and two', ['a: 1'], ['a: 1', 'a: 1']],
    ['where one ends and the next begins', ['a: 1', 'b: 2'], ['a: 1b: 2']],
    ['a text that looks like a list', ['a: ","b'], ['a: ', 'b']],
    ['the order of one name', ['a=1', 'a=2'], ['a=2', 'a=1']],
    ['none and an empty one', [], ['a: ']],
  ]
  for (const [name, one, other] of different) {
    test(`differ by ${name}`, () => {
      const texts = [one, other].map((credentials) => createKey({ ...plain, credentials }).text)
      assert.notEqual(texts[0], texts[1])
    })
  }
})

describe('injective', () => {
  // Small alphabets of what the text itself is made of, so that collisions would be met.
  const names = ['key:', 'body:', 'graphql:', 'headers:', 'ignoring:', 'isolating:', 'identity:']
  const word = fc.constantFrom('GET', 'POST', 'http://a/', 'x', ...names)
  const url = fc.array(word, { maxLength: 3 }).map((words) => `http://a/${words.join('')}`)
  const parts = fc.record({
    method: fc.constantFrom('GET', 'POST', 'KEY:'),
    normalizedUrl: url,
    credentials: fc.uniqueArray(word, { maxLength: 2 }).map((list) => list.toSorted()),
    bodyDigest: fc.option(word, { nil: undefined }),
    isOperation: fc.boolean(),
    headersDigest: fc.option(word, { nil: undefined }),
    ignoredCredentials: fc.option(word, { nil: undefined }),
    // As `identify` makes them.
    identity: fc.option(fc.constantFrom('shared', 'by:x', 'by:y'), { nil: undefined }),
    customKey: fc.option(
      fc.array(word, { minLength: 1, maxLength: 2 }).map((words) => words.join(' ')),
      { nil: undefined },
    ),
  })

  test('equal texts come of equal parts', () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        const same = createKey(one).text === createKey(other).text
        assert.equal(same, JSON.stringify(relevant(one)) === JSON.stringify(relevant(other)))
        assert.equal(createKey(one).key === createKey(other).key, same)
      }),
      { numRuns: 5000 },
    )
  })
})

// A key of the caller takes the place of URL and body, an identity that of credentials.
function relevant(parts: KeyParts): unknown {
  const { method, customKey, normalizedUrl, bodyDigest, isOperation } = parts
  const body = bodyDigest === undefined ? null : [bodyDigest, isOperation]
  const what = customKey === undefined ? [normalizedUrl, body] : [customKey]
  const { headersDigest = null, ignoredCredentials = null, identity, credentials } = parts
  return [method, what, headersDigest, ignoredCredentials, identity ?? credentials]
}
