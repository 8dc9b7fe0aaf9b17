import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { isUrlPattern, urlMatcher } from '../../lib/policy/url-patterns.ts'

describe('a glob', () => {
  const cases: [glob: string, matching: string[], others: string[]][] = [
    // requests-cache's own examples.
    [
      'httpbin.org/delay',
      ['https://httpbin.org/delay/1', 'https://httpbin.org/delay'],
      ['https://httpbin.org/'],
    ],
    ['httpbin.org/*/1', ['https://httpbin.org/stream/1'], ['https://httpbin.org/stream/2']],
    ['*.site_1.com', ['https://a.site_1.com/x', 'http://a.b.site_1.com/'], ['https://site_1.com/']],
    [
      'site_2.com/resource_1',
      ['https://site_2.com/resource_1?x=1'],
      ['https://site_2.com/resource_2'],
    ],
    ['*', ['https://a.example/', 'http://b.example/c?d'], []],
    ['**', ['https://a.example/'], []],
    // The scheme does not count, also where it is named.
    [
      'https://a.example/x',
      ['http://a.example/x', 'https://a.example/x/y'],
      ['https://b.example/x'],
    ],
    ['*://a.example', ['http://a.example/', 'https://a.example/'], ['https://b.example/']],
    // A host has no case, a path has.
    ['A.Example/X', ['https://a.example/X'], ['https://a.example/x']],
    // From the beginning, to no particular end.
    ['example/x', ['https://example/xyz'], ['https://a.example/x']],
    [
      'a.example/*.json',
      ['https://a.example/b/c.json?d', 'https://a.example/.json'],
      ['https://a.example/json'],
    ],
    ['a.example/?', ['https://a.example/b', 'https://a.example/?'], ['https://a.example/']],
    ['a.example/search[?]q=', ['https://a.example/search?q=1'], ['https://a.example/search/q=1']],
    ['a.example/[*]', ['https://a.example/*'], ['https://a.example/b']],
    [
      'a.example/v[12]/',
      ['https://a.example/v1/', 'https://a.example/v2/x'],
      ['https://a.example/v3/'],
    ],
    [
      'a.example/v[0-9]',
      ['https://a.example/v0', 'https://a.example/v9'],
      ['https://a.example/vx'],
    ],
    [
      'a.example/v[!0-9]',
      ['https://a.example/vx'],
      ['https://a.example/v5', 'https://a.example/v'],
    ],
    ['a.example/[]x]', ['https://a.example/]', 'https://a.example/x'], ['https://a.example/y']],
    ['a.example/[!]x]', ['https://a.example/y'], ['https://a.example/]', 'https://a.example/x']],
    ['a.example/[^x]', ['https://a.example/^', 'https://a.example/x'], ['https://a.example/y']],
    [
      String.raw`a.example/[\d]`,
      ['https://a.example/d', 'https://a.example/\\'],
      ['https://a.example/5'],
    ],
    ['a.example/[x', ['https://a.example/[x'], ['https://a.example/x']],
    ['a.example/[]', ['https://a.example/[]'], ['https://a.example/']],
    ['a.example/[a-]', ['https://a.example/-', 'https://a.example/a'], ['https://a.example/b']],
    // Nothing else means anything.
    [
      'a.example/(x|y)+$',
      ['https://a.example/(x|y)+$'],
      ['https://a.example/x', 'https://aXexample/(x|y)+$'],
    ],
    ['a.example/{x,y}', ['https://a.example/{x,y}'], ['https://a.example/x']],
  ]
  for (const [glob, matching, others] of cases) {
    test(glob, () => {
      assert.ok(isUrlPattern(glob))
      const matches = urlMatcher(glob)
      for (const url of matching) assert.ok(matches(url), url)
      for (const url of others) assert.ok(!matches(url), url)
      // It remembers nothing of what it was asked before.
      for (const url of matching) assert.ok(matches(url), url)
    })
  }

  test('is matched as by trying all divisions of the URL', () => {
    const glob = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 7 })
    const rest = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 9 })
    fc.assert(
      fc.property(glob, rest, (pattern, url) => {
        const source = pattern.replaceAll('?', '.').replaceAll('*', '.*')
        assert.equal(urlMatcher(pattern)(url), new RegExp(`^${source}`).test(url))
      }),
      { numRuns: 500 },
    )
  })

  test('never takes more than linear time', () => {
    const url = `https://a.example/${'a'.repeat(100_000)}`
    const begin = performance.now()
    for (const glob of ['*a'.repeat(50), '*a*b'.repeat(50), '*?'.repeat(50), '*[a-b]'.repeat(50)]) {
      urlMatcher(`a.example/${glob}!`)(url)
    }
    for (const unit of ['[', '[!', '[]', '*', '[a]']) urlMatcher(unit.repeat(2_000))(url)
    // One expression for the whole would not end in this life.
    assert.ok(performance.now() - begin < 5_000)
  })
})

describe('other patterns', () => {
  test('a RegExp is searched for in the whole URL', () => {
    const matches = urlMatcher(/^https:.*\.json$/)
    assert.ok(matches('https://a.example/b.json'))
    assert.ok(!matches('http://a.example/b.json'))
    assert.ok(urlMatcher(/EXAMPLE/i)('https://a.example/'))
  })

  for (const flags of ['g', 'y', 'gy']) {
    test(`a RegExp with /${flags} begins at the beginning each time, and is left as it is`, () => {
      const pattern = new RegExp('https://a', flags)
      const matches = urlMatcher(pattern)
      pattern.lastIndex = 5
      for (let round = 0; round < 3; round++) assert.ok(matches('https://a.example/'))
      assert.equal(pattern.lastIndex, 5)
    })
  }

  test('a sticky RegExp matches at the beginning only', () => {
    assert.ok(!urlMatcher(/example/y)('https://a.example/'))
  })

  test('anything that tests a URL, as URLPattern does', () => {
    const pattern = { test: (url: string) => new URL(url).pathname === '/x' }
    const matches = urlMatcher(pattern)
    assert.ok(matches('https://a.example/x?y'))
    assert.ok(!matches('https://a.example/'))
  })

  const none = ['', 5, null, undefined, {}, [], true, { test: true }, '[b-a]', 'a.example/[!z-y]']
  for (const value of none) {
    test(`none: ${JSON.stringify(value)}`, () => assert.ok(!isUrlPattern(value)))
  }
})
