import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { MatchOptions } from '../../lib/request/key-rules.ts'
import { normalizeUrl } from '../../lib/request/normalize-url.ts'
import type { NormalizedUrl } from '../../lib/request/request.ts'
import { rulesOf } from './request-of.ts'

const long = 'abcdefghijklmnop'

function urlOf(query: string, match: MatchOptions): NormalizedUrl {
  return normalizeUrl({ origin: 'http://a', path: `/x${query}` }, rulesOf(match))!
}

describe('ignored', () => {
  const token = { ignoredParameters: ['token', 'user id', 'Größe'] }
  const cases: [name: string, query: string, normalized: string, shown: string, left: string[]][] =
    [
      ['one', '?a=1&token=s', '?a=1', '?a=1&token=REDACTED', ['token=s']],
      ['whatever its case', '?TOKEN=s&a=1', '?a=1', '?TOKEN=REDACTED&a=1', ['TOKEN=s']],
      ['the only one', '?token=s', '', '?token=REDACTED', ['token=s']],
      [
        'several of one name',
        '?token=1&token=2',
        '',
        '?token=REDACTED&token=REDACTED',
        ['token=1', 'token=2'],
      ],
      ['one without a value', '?token&a', '?a', '?token&a', []],
      ['one that is empty', '?token=', '', '?token=REDACTED', ['token=']],
      ['encoded', '?t%6Fken=s', '', '?t%6Fken=REDACTED', ['t%6Fken=s']],
      [
        'a space',
        '?user+id=1&user%20id=2',
        '',
        '?user+id=REDACTED&user%20id=REDACTED',
        ['user+id=1', 'user%20id=2'],
      ],
      [
        'another script',
        '?gr%C3%B6%C3%9Fe=1',
        '',
        '?gr%C3%B6%C3%9Fe=REDACTED',
        ['gr%C3%B6%C3%9Fe=1'],
      ],
      ['not what it begins with', '?tokens=1&tok=2', '?tok=2&tokens=1', '?tokens=1&tok=2', []],
      ['none of them there', '?b=1&a=2', '?a=2&b=1', '?b=1&a=2', []],
      ['a question mark and nothing', '?', '?', '?', []],
      ['what follows', '?token=s&', '?', '?token=REDACTED&', ['token=s']],
    ]
  for (const [name, query, normalized, shown, left] of cases) {
    test(name, () => {
      assert.deepEqual(urlOf(query, token), {
        normalized: `http://a/x${normalized}`,
        shown: `http://a/x${shown}`,
        credentials: [],
        ignored: left,
        operation: undefined,
      })
    })
  }

  test('a credential is ignored as any other', () => {
    const url = urlOf(`?api_key=${long}&a=1`, { ignoredParameters: ['API_KEY'] })
    assert.equal(url.normalized, 'http://a/x?a=1')
    assert.deepEqual([url.credentials, url.ignored], [[], [`api_key=${long}`]])
  })

  test('what a URL cannot hold is read as it was written', () => {
    const url = normalizeUrl({ origin: 'http://a', path: '/?größe=é' }, rulesOf(token))!
    assert.deepEqual([url.normalized, url.ignored], ['http://a/', ['größe=é']])
  })

  test('a query apart', () => {
    const parts = { origin: 'http://a', path: '/x', query: { token: 's', b: 1 } }
    assert.equal(normalizeUrl(parts, rulesOf(token))?.normalized, 'http://a/x?b=1')
  })
})

describe('kept', () => {
  const kept = { keptParameters: ['Q', 'page'] }

  test('are all that counts', () => {
    const url = urlOf('?utm_source=x&q=1&_=17&PAGE=2', kept)
    assert.equal(url.normalized, 'http://a/x?PAGE=2&q=1')
    assert.equal(url.shown, 'http://a/x?utm_source=REDACTED&q=1&_=REDACTED&PAGE=2')
    assert.deepEqual(url.ignored, ['utm_source=x', '_=17'])
  })

  test('none: the query does not count', () => {
    assert.equal(urlOf('?a=1', { keptParameters: [] }).normalized, 'http://a/x')
    assert.equal(urlOf('?', { keptParameters: [] }).normalized, 'http://a/x')
  })

  test('credentials keep users apart all the same', () => {
    const url = urlOf(`?q=1&api_key=${long}`, kept)
    assert.equal(url.normalized, 'http://a/x?api_key=REDACTED&q=1')
    assert.deepEqual(url.credentials, [`api_key=${long}`])
  })
})

describe('credentials', () => {
  test('are as they are without rules where those speak of others', () => {
    const query = `?b=1&api_key=${long}&a=${long}&token=${long}&token=short`
    const { normalized, shown, credentials } = urlOf(query, { ignoredParameters: ['other'] })
    const plain = normalizeUrl({ origin: 'http://a', path: `/x${query}` })!
    assert.deepEqual({ normalized, shown, credentials }, { ...plain })
  })

  test('leave no trace where users are told apart in another way', () => {
    for (const identity of ['shared', () => 'x'] as const) {
      const url = urlOf(`?api_key=${long}`, { identity })
      assert.equal(url.normalized, 'http://a/x')
      assert.equal(url.shown, 'http://a/x?api_key=REDACTED')
      assert.deepEqual(url.credentials, [`api_key=${long}`])
    }
  })
})

describe('properties', () => {
  const word: fc.Arbitrary<string> = fc.constantFrom(
    'a',
    'b',
    'token',
    'TOKEN',
    '%74oken',
    'key',
    '',
    '+',
    '%',
    'é',
    '{',
  )
  const value = fc.option(fc.oneof(word, fc.constant(long)), { nil: undefined })
  const parameters = fc.array(fc.tuple(word, value), { maxLength: 5 })
  const written = (list: [string, string | undefined][]): string =>
    list.map(([name, text]) => (text === undefined ? name : `${name}=${text}`)).join('&')

  test('rules that speak of nothing that is there change nothing', () => {
    fc.assert(
      fc.property(parameters, (list) => {
        const path = `/x?${written(list)}`
        const plain = normalizeUrl({ origin: 'http://a', path })!
        const { normalized, shown, credentials } = normalizeUrl(
          { origin: 'http://a', path },
          rulesOf({ ignoredParameters: ['not there'] }),
        )!
        assert.deepEqual({ normalized, shown, credentials }, { ...plain })
      }),
      { numRuns: 1000 },
    )
  })

  test('what is ignored makes no difference, and all else does', () => {
    const rules = rulesOf({ ignoredParameters: ['token'] })
    const isToken = ([name]: [string, unknown]): boolean => /^(?:t|%74)oken$/i.test(name)
    const normal = (list: [string, string | undefined][], match = rules): string =>
      normalizeUrl({ origin: 'http://a', path: `/x?${written(list)}` }, match)!.normalized
    fc.assert(
      fc.property(parameters, parameters, (one, other) => {
        const [left, right] = [one, other].map((list) => list.filter((each) => !isToken(each)))
        fc.pre(left!.length > 0 && right!.length > 0)
        const none = rulesOf({ ignoredParameters: ['not there'] })
        assert.equal(normal(one), normal(left!, none))
        assert.equal(normal(one) === normal(other), normal(left!, none) === normal(right!, none))
      }),
      { numRuns: 2000 },
    )
  })

  test('no value of an ignored parameter is shown', () => {
    fc.assert(
      fc.property(parameters, fc.nat({ max: 5 }), (list, at) => {
        const query = written(list.toSpliced(at, 0, ['Token', 'zzzz9876']))
        const { normalized, shown } = urlOf(`?${query}`, { ignoredParameters: ['token'] })
        assert.ok(!normalized.includes('zzzz9876') && !shown.includes('zzzz9876'))
      }),
    )
  })
})
