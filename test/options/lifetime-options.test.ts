/** The options that say how long responses are used, and which are stored. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CacheOptions } from '../../lib/options/options.ts'
import { readOptions, withCallOptions } from '../../lib/options/settings.ts'
import { refusesOption } from './refuses-option.ts'

const memory = { backend: 'memory' } as const

describe('each option', () => {
  const expireAfter = (): string => '1h'
  const filter = (): boolean => true
  const none = { call: undefined, urls: [], codes: new Map(), otherwise: undefined }
  const good: [given: CacheOptions, setting: Record<string, unknown>][] = [
    [{ expireAfter: 60 }, { lifetimes: { ...none, otherwise: 60 } }],
    [{ expireAfter: '1h30m' }, { lifetimes: { ...none, otherwise: '1h30m' } }],
    [{ expireAfter: 'immediately' }, { lifetimes: { ...none, otherwise: 'immediately' } }],
    [{ expireAfter: new Date(5) }, { lifetimes: { ...none, otherwise: new Date(5) } }],
    [{ expireAfter }, { lifetimes: { ...none, otherwise: expireAfter } }],
    [
      { expireAfter: 'Sun, 06 Nov 1994 08:49:37 GMT' },
      { lifetimes: { ...none, otherwise: 'Sun, 06 Nov 1994 08:49:37 GMT' } },
    ],
    [
      { codesExpireAfter: { 404: '5m', '5xx': expireAfter } },
      {
        lifetimes: {
          ...none,
          codes: new Map<number, unknown>([
            [404, '5m'],
            [5, expireAfter],
          ]),
        },
      },
    ],
    [{ codesExpireAfter: {} }, { lifetimes: none }],
    [{ urlsExpireAfter: {} }, { lifetimes: none }],
    [{ urlsExpireAfter: new Map() }, { lifetimes: none }],
    [{ staleIfError: true }, { staleIfError: Infinity }],
    [{ staleIfError: false }, { staleIfError: 0 }],
    [{ staleIfError: 60 }, { staleIfError: 60_000 }],
    [{ staleWhileRevalidate: '1h' }, { staleWhileRevalidate: 3_600_000 }],
    [{ staleWhileRevalidate: true }, { staleWhileRevalidate: Infinity }],
    [{ cacheControl: true }, { cacheControl: true }],
    [{ alwaysRevalidate: true }, { refresh: true }],
    [{ alwaysRevalidate: true, refresh: false }, { refresh: false }],
    [{ filter }, { filter }],
  ]
  for (const [given, setting] of good) {
    test(`good: ${JSON.stringify(given)}`, () => {
      const settings = readOptions({ ...memory, ...given }) as unknown as Record<string, unknown>
      for (const [name, value] of Object.entries(setting)) assert.deepEqual(settings[name], value)
    })
  }

  test('good: patterns of all kinds, in their order', () => {
    const lifetimes = [
      { 'a.example/x': 1, 'a.example': 2 },
      [
        [/a\.example\/x/g, 1],
        ['a.example', 2],
      ],
      new Map<string | { test(url: string): boolean }, number>([
        [{ test: (url) => url.endsWith('/x') }, 1],
        ['*', 2],
      ]),
    ] as const
    for (const urlsExpireAfter of lifetimes) {
      const { urls } = readOptions({ ...memory, urlsExpireAfter }).lifetimes
      const found = ['x', 'x', 'y'].map(
        (path) => urls.find((rule) => rule.matches(`https://a.example/${path}`))?.lifetime,
      )
      assert.deepEqual(found, [1, 1, 2])
    }
  })

  const bad: [name: string, value: unknown, expected: string, got: string][] = [
    ['expireAfter', -1, 'seconds', '-1'],
    ['expireAfter', 'soon', 'seconds', "'soon'"],
    ['expireAfter', new Date(NaN), 'seconds', 'Invalid Date'],
    ['expireAfter', true, 'seconds', 'true'],
    ['expireAfter', 'Sun, 31 Feb 2027 00:00:00 GMT', 'seconds', "'Sun, 31 Feb 2027 00:00:00 GMT'"],
    ['urlsExpireAfter', '*', 'patterns (globs;', "'*'"],
    ['urlsExpireAfter', null, 'patterns (globs;', 'null'],
    ['urlsExpireAfter', { 'a.example': 'soon' }, 'each with seconds', "{ 'a.example': 'soon' }"],
    ['urlsExpireAfter', { '': '1h' }, 'patterns (globs;', "{ '': '1h' }"],
    ['urlsExpireAfter', { 'a.example/[z-a]': '1h' }, 'patterns (globs;', "'a.example/[z-a]'"],
    ['urlsExpireAfter', ['a.example'], 'a list of pairs', "'a.example'"],
    ['urlsExpireAfter', [[/a/]], 'a list of pairs', '[Array]'],
    ['urlsExpireAfter', [[5, '1h']], 'a list of pairs', '[Array]'],
    ['urlsExpireAfter', new Map([[{}, '1h']]), 'a list of pairs', 'Map(1)'],
    // It would have no entries.
    ['urlsExpireAfter', new Set(['a.example']), 'a list of pairs', 'Set(1)'],
    ['codesExpireAfter', 404, 'an object of statuses', '404'],
    ['codesExpireAfter', { 199: 1 }, 'statuses from 200 to 599', "{ '199': 1 }"],
    ['codesExpireAfter', { 600: 1 }, 'statuses from 200 to 599', "{ '600': 1 }"],
    ['codesExpireAfter', { 206: 1 }, 'other than 206 and 304', "{ '206': 1 }"],
    ['codesExpireAfter', { 304: 1 }, 'other than 206 and 304', "{ '304': 1 }"],
    ['codesExpireAfter', { '2xx': 1 }, "(or '4xx', '5xx')", "{ '2xx': 1 }"],
    ['codesExpireAfter', { 404: 'soon' }, 'each with seconds', "{ '404': 'soon' }"],
    ['codesExpireAfter', new Map([[404, 1]]), 'an object of statuses', 'Map(1)'],
    ['staleIfError', 'soon', 'a boolean, seconds (0 or more)', "'soon'"],
    ['staleIfError', -1, 'a boolean, seconds (0 or more)', '-1'],
    ['staleWhileRevalidate', NaN, 'a boolean, seconds (0 or more)', 'NaN'],
    ['staleWhileRevalidate', new Date(5), 'a boolean, seconds', '1970'],
    ['cacheControl', 1, 'a boolean', '1'],
    ['alwaysRevalidate', 'yes', 'a boolean', "'yes'"],
    ['filter', true, 'a function', 'true'],
  ]
  for (const [name, value, expected, got] of bad) {
    test(`bad: ${name}, ${got}`, () => refusesOption(name, value, expected, got))
  }
})

describe('options of a call', () => {
  test('of stale responses win as well, and leave the other alone', () => {
    const some = readOptions({ ...memory, staleIfError: true, staleWhileRevalidate: 5 })
    const { staleIfError, staleWhileRevalidate } = withCallOptions(some, { staleIfError: false })
    assert.deepEqual([staleIfError, staleWhileRevalidate], [0, 5_000])
  })
})
