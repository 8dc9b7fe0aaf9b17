import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { CacheError } from '../../lib/errors.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { readOptions, withCallOptions } from '../../lib/options/settings.ts'
import { refusesOption } from './refuses-option.ts'

const memory = { backend: 'memory' } as const

describe('defaults', () => {
  test('are complete', () => {
    const { cache, onError, ...rest } = readOptions(memory)
    assert.ok(cache instanceof BaseCache)
    assert.equal(typeof onError, 'function')
    assert.deepEqual(rest, {
      unavailable: undefined,
      lifetimes: { call: undefined, urls: [], codes: new Map(), otherwise: undefined },
      staleIfError: undefined,
      staleWhileRevalidate: undefined,
      cacheControl: false,
      filter: undefined,
      tags: undefined,
      tagHeaders: [],
      refresh: false,
      forceRefresh: false,
      onlyIfCached: false,
      disabled: false,
      readOnly: false,
      key: undefined,
      keyRules: undefined,
      allowableMethods: new Set(['GET', 'HEAD']),
      allowableCodes: new Set([200]),
      maxBodyBytes: 64 * 2 ** 20,
      maxRequestBodyBytes: 10 * 2 ** 20,
      origin: undefined,
      checkStored: 'all',
      storageTimeout: 1_000,
      collapseTimeout: 5_000,
      shareBodies: false,
      statusHeaders: true,
    })
  })

  test('hold longer bodies where the cache outlives the process', () => {
    assert.equal(readOptions({ backend: new PersistentCache() }).maxBodyBytes, 2 ** 30)
  })

  test('are those of what is undefined', () => {
    const { refresh, maxBodyBytes } = readOptions({
      ...memory,
      refresh: undefined,
      maxBodyBytes: undefined,
    })
    assert.deepEqual([refresh, maxBodyBytes], [false, 64 * 2 ** 20])
  })

  test('an error nobody listens to is a process warning', async () => {
    const error = new CacheError('ERR_CACHE_STORAGE_FAILED', 'for this test')
    const warned = new Promise((resolve) => process.once('warning', resolve))
    readOptions(memory).onError(error)
    assert.equal(await warned, error)
  })

  test('cannot be changed by whoever holds them', () => {
    assert.ok(Object.isFrozen(readOptions(memory)))
  })
})

describe('each option', () => {
  const onError = (): void => {}
  const good: [given: CacheOptions, setting: Record<string, unknown>][] = [
    [{ refresh: true }, { refresh: true }],
    [{ forceRefresh: true }, { forceRefresh: true }],
    [{ onlyIfCached: true }, { onlyIfCached: true }],
    [{ disabled: true }, { disabled: true }],
    [{ readOnly: true }, { readOnly: true }],
    [
      { allowableMethods: ['POST', 'M-SEARCH'] },
      { allowableMethods: new Set(['POST', 'M-SEARCH']) },
    ],
    [{ allowableCodes: [200, 404] }, { allowableCodes: new Set([200, 404]) }],
    [{ maxBodyBytes: 0 }, { maxBodyBytes: 0 }],
    [{ maxBodyBytes: Infinity }, { maxBodyBytes: Infinity }],
    [{ maxRequestBodyBytes: 5 }, { maxRequestBodyBytes: 5 }],
    [{ origin: 'https://a.example' }, { origin: 'https://a.example' }],
    [{ origin: 'https://a.example/' }, { origin: 'https://a.example' }],
    [{ origin: 'http://a:8080' }, { origin: 'http://a:8080' }],
    [{ checkStored: 'heads' }, { checkStored: 'heads' }],
    [{ storageTimeout: 5 }, { storageTimeout: 5 }],
    [{ statusHeaders: false }, { statusHeaders: false }],
    [{ onError }, { onError }],
    [{ cacheName: 'label' }, {}],
    [{ backendOptions: { hotTierBytes: 5 } }, {}],
  ]
  for (const [given, setting] of good) {
    test(`good: ${JSON.stringify(given)}`, () => {
      const settings = readOptions({ ...memory, ...given }) as unknown as Record<string, unknown>
      for (const [name, value] of Object.entries(setting)) assert.deepEqual(settings[name], value)
    })
  }

  const bad: [name: string, value: unknown, expected: string, got: string][] = [
    ['refresh', 'yes', 'a boolean', "'yes'"],
    ['forceRefresh', 1, 'a boolean', '1'],
    ['onlyIfCached', null, 'a boolean', 'null'],
    ['disabled', 0, 'a boolean', '0'],
    ['readOnly', 'no', 'a boolean', "'no'"],
    ['backend', 5, 'an alias or an instance of BaseCache', '5'],
    ['backend', {}, 'an alias or an instance of BaseCache', '{}'],
    ['backend', null, 'an alias or an instance of BaseCache', 'null'],
    ['cacheName', '', 'a text that is not empty', "''"],
    ['cacheName', 5, 'a text that is not empty', '5'],
    ['backendOptions', 'x', 'an object', "'x'"],
    ['backendOptions', null, 'an object', 'null'],
    ['allowableMethods', 'GET', 'a list of methods in capitals, at least one', "'GET'"],
    ['allowableMethods', [], 'a list of methods in capitals, at least one', '[]'],
    ['allowableMethods', ['get'], 'a list of methods in capitals', "'get'"],
    ['allowableMethods', ['CONNECT'], 'a list of methods in capitals', "'CONNECT'"],
    ['allowableCodes', 200, 'a list of statuses from 200 to 599', '200'],
    ['allowableCodes', ['200'], 'a list of statuses from 200 to 599', "'200'"],
    ['allowableCodes', [199], 'a list of statuses from 200 to 599', '199'],
    ['allowableCodes', [600], 'a list of statuses from 200 to 599', '600'],
    ['allowableCodes', [200, 206], 'other than 206 and 304', '206'],
    ['allowableCodes', [304], 'other than 206 and 304', '304'],
    ['maxBodyBytes', -1, 'a number of bytes, 0 or more', '-1'],
    ['maxBodyBytes', '1 MB', 'a number of bytes, 0 or more', "'1 MB'"],
    ['maxRequestBodyBytes', NaN, 'a number of bytes, 0 or more', 'NaN'],
    ['origin', 'a.example', 'an origin such as', "'a.example'"],
    ['origin', 'https://a.example/path', 'an origin such as', "'https://a.example/path'"],
    ['origin', 'null', 'an origin such as', "'null'"],
    ['origin', new URL('https://a.example'), 'an origin such as', 'URL'],
    ['checkStored', true, "'all' or 'heads' or 'none'", 'true'],
    ['storageTimeout', 0, 'milliseconds, more than 0', '0'],
    // A longer timer would fire at once.
    ['storageTimeout', 2 ** 31, 'at most 2147483647', '2147483648'],
    ['storageTimeout', Infinity, 'at most 2147483647', 'Infinity'],
    ['statusHeaders', 'yes', 'a boolean', "'yes'"],
    ['onError', 'log', 'a function', "'log'"],
  ]
  for (const [name, value, expected, got] of bad) {
    test(`bad: ${name}, ${got}`, () => {
      refusesOption(name, value, expected, got)
    })
  }
})

describe('what is unknown', () => {
  const cases: [options: object, code: string, message: RegExp][] = [
    [
      { expire_after: 5 },
      'ERR_CACHE_OPTION_UNKNOWN',
      /^unknown option 'expire_after'; did you mean 'expireAfter'\?$/,
    ],
    [{ allowedMethods: [] }, 'ERR_CACHE_OPTION_UNKNOWN', /did you mean 'allowableMethods'/],
    // Of a call only.
    [{ key: 'x' }, 'ERR_CACHE_OPTION_UNKNOWN', /unknown option 'key'/],
    [
      { db_path: 'x' },
      'ERR_CACHE_OPTION_UNKNOWN',
      /^unknown option 'db_path'; did you mean 'cacheName'\?$/,
    ],
    [
      { use_temp: true },
      'ERR_CACHE_OPTION_UNKNOWN',
      /^unknown option 'use_temp'; it is one of the backend: backendOptions: { useTemp: … }$/,
    ],
    [{ backend: 'sqllite' }, 'ERR_CACHE_BACKEND_UNKNOWN', /did you mean 'sqlite'/],
    [
      { backendOptions: { useTemp: true } },
      'ERR_CACHE_OPTION_UNKNOWN',
      /unknown option 'useTemp' of BaseCache/,
    ],
  ]
  for (const [options, code, message] of cases) {
    test(JSON.stringify(options), () => {
      assert.throws(() => readOptions({ ...memory, ...options }), {
        name: 'TypeError',
        code,
        message,
      })
    })
  }
})

describe('a cache of one’s own', () => {
  const backend = new BaseCache()

  test('is used as it is', () => assert.equal(readOptions({ backend }).cache, backend))

  for (const given of [{ cacheName: 'x' }, { backendOptions: {} }]) {
    const [name] = Object.keys(given)
    test(`goes with no ${name}`, () => {
      assert.throws(() => readOptions({ backend, ...given }), {
        name: 'TypeError',
        code: 'ERR_CACHE_OPTION_INVALID',
        message: new RegExp(`option '${name}' goes with an alias`),
      })
    })
  }
})

describe('options of a call', () => {
  const settings = readOptions({ ...memory, expireAfter: '1h', refresh: true })

  test('win over the others, and leave them as they are', () => {
    const call = withCallOptions(settings, { expireAfter: '1d', key: 'k', onlyIfCached: true })
    const lifetimes = { ...settings.lifetimes, call: '1d' }
    assert.deepEqual({ ...call }, { ...settings, lifetimes, key: 'k', onlyIfCached: true })
    assert.deepEqual([settings.lifetimes.call, settings.lifetimes.otherwise], [undefined, '1h'])
  })

  test('that are undefined change nothing', () => {
    assert.deepEqual({ ...withCallOptions(settings, { refresh: undefined }) }, { ...settings })
  })

  test('may be false again', () => {
    assert.equal(withCallOptions(settings, { refresh: false }).refresh, false)
  })

  const bad: [call: object, code: string, message: RegExp][] = [
    [{ refresh: 1 }, 'ERR_CACHE_OPTION_INVALID', /option 'refresh' must be a boolean, got 1/],
    [{ expireAfter: 'soon' }, 'ERR_CACHE_OPTION_INVALID', /option 'expireAfter'/],
    [{ staleIfError: 'soon' }, 'ERR_CACHE_OPTION_INVALID', /option 'staleIfError'/],
    [
      { cacheControl: true },
      'ERR_CACHE_OPTION_UNKNOWN',
      /unknown option 'cacheControl' of the call/,
    ],
    [
      { key: '' },
      'ERR_CACHE_OPTION_INVALID',
      /option 'key' must be a text that is not empty, got ''/,
    ],
    [{ key: 5 }, 'ERR_CACHE_OPTION_INVALID', /option 'key'/],
    // Half of a pair cannot be part of a key.
    [{ key: '\ud800' }, 'ERR_CACHE_OPTION_INVALID', /option 'key'/],
    [{ backend: 'memory' }, 'ERR_CACHE_OPTION_UNKNOWN', /unknown option 'backend' of the call/],
    [{ maxBodyBytes: 5 }, 'ERR_CACHE_OPTION_UNKNOWN', /unknown option 'maxBodyBytes' of the call/],
  ]
  for (const [call, code, message] of bad) {
    test(JSON.stringify(call), () => {
      assert.throws(() => withCallOptions(settings, call), {
        name: 'TypeError',
        code,
        message,
      })
    })
  }
})

class PersistentCache extends BaseCache {
  override readonly responses: MemoryStorage = new PersistentStorage()
}

class PersistentStorage extends MemoryStorage {
  override readonly traits = { persistent: true, expires: false, maxBodyBytes: 5 }
}
