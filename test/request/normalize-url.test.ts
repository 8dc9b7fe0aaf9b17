import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { normalizeUrl } from '../../lib/request/normalize-url.ts'
import type { UrlParts } from '../../lib/request/request.ts'
import { sortParameters } from '../../lib/http/parameters.ts'

const secret = 'abcdefghijklmnop'

describe('normalized', () => {
  const cases: [name: string, parts: UrlParts, normalized: string | undefined][] = [
    ['a plain path', { origin: 'http://a', path: '/x' }, 'http://a/x'],
    ['no path', { origin: 'http://a', path: '' }, 'http://a/'],
    [
      'scheme and host in lower case',
      { origin: 'HTTP://A.Example', path: '/X' },
      'http://a.example/X',
    ],
    ['the default port', { origin: 'https://a:443', path: '/' }, 'https://a/'],
    ['another port', { origin: 'http://a:443', path: '/' }, 'http://a:443/'],
    ['an origin with a slash', { origin: 'http://a/', path: '/x' }, 'http://a/x'],
    ['an origin that is a URL', { origin: new URL('http://a/ignored'), path: '/x' }, 'http://a/x'],
    [
      'a host in another script',
      { origin: 'http://ü.example', path: '/' },
      'http://xn--tda.example/',
    ],
    ['sorted by name', { origin: 'http://a', path: '/?b=1&a=2' }, 'http://a/?a=2&b=1'],
    [
      'equal names in order',
      { origin: 'http://a', path: '/?b=2&a=0&b=1' },
      'http://a/?a=0&b=2&b=1',
    ],
    [
      'a name that begins with another',
      { origin: 'http://a', path: '/?ab=1&a=2' },
      'http://a/?a=2&ab=1',
    ],
    ['a name without a value', { origin: 'http://a', path: '/?b&a=1' }, 'http://a/?a=1&b'],
    ['an empty value', { origin: 'http://a', path: '/?q=' }, 'http://a/?q='],
    ['a question mark and nothing', { origin: 'http://a', path: '/x?' }, 'http://a/x?'],
    ['an escape', { origin: 'http://a', path: '/%7e?a=%7E' }, 'http://a/%7e?a=%7E'],
    ['dots', { origin: 'http://a', path: '/a/../b//c' }, 'http://a/a/../b//c'],
    [
      'a query apart',
      { origin: 'http://a', path: '/x', query: { b: 1, a: ['2', '1'] } },
      'http://a/x?a=2&a=1&b=1',
    ],
    ['an empty query apart', { origin: 'http://a', path: '/x?a=1', query: {} }, 'http://a/x?a=1'],
    ['a query twice', { origin: 'http://a', path: '/x?a=1', query: { b: 1 } }, undefined],
    ['no origin', { path: '/' }, undefined],
    ['an origin that is null', { origin: null, path: '/' }, undefined],
    ['an origin that is no URL', { origin: 'nowhere', path: '/' }, undefined],
    ['another scheme', { origin: 'ftp://a', path: '/' }, undefined],
  ]
  for (const [name, parts, normalized] of cases) {
    test(name, () => assert.equal(normalizeUrl(parts)?.normalized, normalized))
  }

  test('an origin that was refused is refused again', () => {
    assert.equal(normalizeUrl({ origin: 'gopher://a', path: '/' }), undefined)
    assert.equal(normalizeUrl({ origin: 'gopher://a', path: '/' }), undefined)
  })
})

describe('what undici sends as different paths', () => {
  const pairs: [one: string, other: string][] = [
    ['/x', '/x?'],
    ['/x', '/x/'],
    ['/x', '//x'],
    ['/x?a', '/x?a='],
    ['/x?a=1', '/x?A=1'],
    ['/x?a=1', '/x?a=1&'],
    ['/x?a=1', '/x?a=1&a=1'],
    ['/x?a=1&a=2', '/x?a=2&a=1'],
    ['/x?a=1', '/x?a=%31'],
    ['/x?a=+', '/x?a=%20'],
    ['/x?a=1;b=2', '/x?a=1&b=2'],
    ['/ü?a=1?', '/ü?a=2?'],
    ['/ü?', '/ü'],
    [String.raw`/a\b`, '/a/b'],
    ['/a/../ü', '/ü'],
    ['http://b/x', '/http://b/x'],
  ]
  for (const [one, other] of pairs) {
    test(`${one} and ${other}`, () => {
      const [left, right] = [one, other].map((path) => normalizeUrl({ origin: 'http://a', path }))
      assert.notEqual(left?.normalized, right?.normalized)
    })
  }

  test('any two paths', () => {
    // Few letters, and those that mean something in a URL.
    const unit = fc.constantFrom('a', '/', '.', '%', '\\\\', '{', '}', '7', 'b', 'ü', '"', ' ')
    const path = fc.string({ unit, maxLength: 4 }).map((text) => `/${text}`)
    fc.assert(
      fc.property(path, path, (one, other) => {
        const [left, right] = [one, other].map((each) =>
          normalizeUrl({ origin: 'http://a', path: each }),
        )
        assert.equal(left?.normalized === right?.normalized, one === other)
      }),
      { numRuns: 5000 },
    )
  })

  test('nothing that a key could be split at is left', () => {
    const path = fc.string({ unit: 'binary' }).map((text) => `/${text}`)
    fc.assert(
      fc.property(path, (each) => {
        assert.doesNotMatch(
          normalizeUrl({ origin: 'http://a', path: each })?.normalized ?? '',
          /\s/,
        )
      }),
    )
  })
})

describe('shown', () => {
  test('has the order of the caller, and no credential', () => {
    const url = normalizeUrl({ origin: 'http://a', path: `/?b=1&api_key=${secret}&a=2` })
    assert.equal(url?.shown, 'http://a/?b=1&api_key=REDACTED&a=2')
    assert.equal(url?.normalized, 'http://a/?a=2&api_key=REDACTED&b=1')
    assert.deepEqual(url?.credentials, [`api_key=${secret}`])
  })

  test('what only looks like a credential stays', () => {
    const url = normalizeUrl({
      origin: 'http://a',
      path: '/?key=1&keyword=abcdefghijklmnopqrst&token',
    })
    assert.equal(url?.shown, 'http://a/?key=1&keyword=abcdefghijklmnopqrst&token')
    assert.deepEqual(url?.credentials, [])
  })

  test('a name with escapes is recognized', () => {
    for (const name of ['api%5Fkey', '%61pi_key', 'api_%6Bey', 'p%61sswor%64']) {
      const url = normalizeUrl({ origin: 'http://a', path: `/?${name}=zzzzzzzzzzzzzzzz` })
      assert.equal(url?.shown, `http://a/?${name}=REDACTED`)
    }
  })

  test('a name that cannot be decoded is left as it is', () => {
    const url = normalizeUrl({ origin: 'http://a', path: '/?%E0%A4%A=token' })
    assert.equal(url?.shown, 'http://a/?%E0%A4%A=token')
  })
})

describe('properties', () => {
  const name = fc.constantFrom('a', 'b', 'ab', 'token', 'api_key', 'A', '')
  const value = fc.constantFrom('1', '2', '', secret)
  const parameters = fc.array(fc.tuple(name, value), { maxLength: 6 })

  test('the order of names does not matter', () => {
    fc.assert(
      fc.property(parameters, fc.nat(), (list, turn) => {
        const shuffled = list.toSorted(([a], [b]) => turns(a, turn) - turns(b, turn))
        assert.equal(urlOf(shuffled)?.normalized, urlOf(list)?.normalized)
      }),
    )
  })

  test('what is sorted already and what is not go the same way', () => {
    fc.assert(
      fc.property(parameters, (list) => {
        const written = list.map((pair) => pair.join('='))
        const url = normalizeUrl({ origin: 'http://a', path: `/?${sortParameters(written)}` })
        assert.equal(url?.normalized, urlOf(list)?.normalized)
      }),
    )
  })

  test('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (origin, path) => {
        normalizeUrl({ origin, path })
        normalizeUrl({ origin: 'http://a', path })
      }),
    )
  })
})

// Another order of names for each turn; the sort is stable, so equal names keep theirs.
function turns(name: string, turn: number): number {
  const names = ['a', 'b', 'ab', 'token', 'api_key', 'A', '']
  return (names.indexOf(name) + turn) % names.length
}

function urlOf(list: [string, string][]): ReturnType<typeof normalizeUrl> {
  const query = list.map(([name, value]) => `${name}=${value}`).join('&')
  return normalizeUrl({ origin: 'http://a', path: `/?${query}` })
}
