import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readKeyRules, type MatchOptions } from '../../lib/request/key-rules.ts'
import { rulesOf } from './request-of.ts'

describe('readKeyRules', () => {
  const silent: MatchOptions[] = [
    {},
    { matchHeaders: false },
    { matchHeaders: [] },
    { ignoredParameters: [] },
    { graphql: false },
    { identity: 'isolated' },
    { isolate: [], share: [] },
    { keyFn: undefined, keptParameters: undefined },
  ]
  for (const options of silent) {
    test(`${JSON.stringify(options)} says nothing`, () => {
      assert.equal(readKeyRules(options), undefined)
    })
  }

  const telling: MatchOptions[] = [
    { matchHeaders: true },
    { matchHeaders: ['accept'] },
    { ignoredParameters: ['a'] },
    // No parameter counts at all.
    { keptParameters: [] },
    { graphql: true },
    { identity: 'shared' },
    { identity: () => 'x' },
    { keyFn: () => 'x' },
    { isolate: ['x-a'] },
    { share: ['cookie'] },
  ]
  for (const options of telling) {
    test(`${JSON.stringify(options)} (${Object.keys(options).join()}) says something`, () => {
      assert.notEqual(readKeyRules(options), undefined)
    })
  }

  test('names are compared in lower case, and each counts once', () => {
    const rules = rulesOf({
      matchHeaders: ['X-B', 'x-a', 'X-A'],
      ignoredParameters: ['Token', 'TOKEN'],
      keptParameters: ['Q'],
    })
    assert.deepEqual(rules.matchHeaders, ['x-a', 'x-b'])
    assert.deepEqual([...rules.ignored], ['token'])
    assert.deepEqual([...rules.kept!], ['q'])
  })

  test('options that are changed later change nothing', () => {
    const ignoredParameters = ['a']
    const rules = rulesOf({ ignoredParameters })
    ignoredParameters.push('b')
    assert.deepEqual([...rules.ignored], ['a'])
  })
})

describe('credentials that are ignored', () => {
  const digests = (...ignoredParameters: string[]): string | undefined =>
    rulesOf({ ignoredParameters }).ignoredCredentials

  test('are known by a digest of their names', () => {
    assert.match(digests('api_key')!, /^[\w-]{43}$/)
    assert.equal(digests('API_KEY', 'lang'), digests('api_key'))
    assert.equal(digests('cookie', 'api_key'), digests('api_key', 'cookie'))
    assert.notEqual(digests('cookie'), digests('api_key'))
    // With a long value it is one.
    assert.notEqual(digests('token'), undefined)
  })

  test('are none where the names are harmless', () => {
    assert.equal(digests('utm_source', 'lang', 'accept'), undefined)
  })
})

describe('contradictions', () => {
  const cases: [options: MatchOptions, message: RegExp][] = [
    [
      { keptParameters: ['q', 'Token'], ignoredParameters: ['token'] },
      /^option 'keptParameters' names 'token', which option 'ignoredParameters' names too$/,
    ],
    [
      { matchHeaders: ['X-Lang'], ignoredParameters: ['x-lang'] },
      /^option 'matchHeaders' names 'x-lang', which option 'ignoredParameters' names too$/,
    ],
    [
      { isolate: ['X-Seat'], ignoredParameters: ['x-seat'] },
      /^option 'isolate' names 'x-seat', which option 'ignoredParameters' names too$/,
    ],
    [
      { isolate: ['X-Acme-*'], share: ['x-acme-*'] },
      /^option 'isolate' names 'x-acme-\*', which option 'share' names too$/,
    ],
    [
      { matchHeaders: ['Cookie'], share: ['cookie'] },
      /^option 'matchHeaders' names 'cookie', which option 'share' names too$/,
    ],
    [
      { keptParameters: ['token'], share: ['TOKEN'] },
      /^option 'keptParameters' names 'token', which option 'share' names too$/,
    ],
  ]
  for (const [options, message] of cases) {
    test(Object.keys(options).join(' and '), () => {
      assert.throws(() => readKeyRules(options), {
        name: 'TypeError',
        code: 'ERR_CACHE_OPTION_INVALID',
        message,
      })
    })
  }

  test('all fields but one are none', () => {
    rulesOf({ matchHeaders: true, ignoredParameters: ['x-lang'] })
  })
})
