import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import {
  asCacheError,
  CacheError,
  invalidOption,
  misuse,
  nearestName,
  unknownOption,
} from '../lib/errors.ts'

describe('CacheError', () => {
  const cause = new Error('disk on fire')
  const error = new CacheError('ERR_CACHE_STORAGE_FAILED', 'the storage failed', { cause })

  test('has a code, a cause and a name', () => {
    assert.ok(error instanceof Error)
    assert.deepEqual(
      [error.code, error.cause, error.name],
      ['ERR_CACHE_STORAGE_FAILED', cause, 'CacheError'],
    )
    assert.equal(String(error), 'CacheError: the storage failed')
  })

  test('is printed with its name once', () => {
    assert.doesNotMatch(inspect(error), /name: 'CacheError'/)
    assert.match(inspect(error), /^CacheError: the storage failed/)
  })

  test('asCacheError leaves ours as they are, and wraps others', () => {
    assert.equal(asCacheError('ERR_CACHE_STORAGE_BUSY', 'other', error), error)
    const wrapped = asCacheError('ERR_CACHE_STORAGE_BUSY', 'busy', cause)
    assert.deepEqual(
      [wrapped.code, wrapped.message, wrapped.cause],
      ['ERR_CACHE_STORAGE_BUSY', 'busy: disk on fire', cause],
    )
  })
})

describe('messages', () => {
  const cases: [name: string, error: TypeError, code: string, message: string | RegExp][] = [
    ['misuse', misuse('ERR_CACHE_KEY_INVALID', 'no key'), 'ERR_CACHE_KEY_INVALID', 'no key'],
    [
      'what came',
      invalidOption('a', 'a boolean', 'x'),
      'ERR_CACHE_OPTION_INVALID',
      "option 'a' must be a boolean, got 'x'",
    ],
    [
      'a number',
      invalidOption('a', 'a boolean', -1),
      'ERR_CACHE_OPTION_INVALID',
      "option 'a' must be a boolean, got -1",
    ],
    [
      'an unknown option',
      unknownOption('expireAftr', ['expireAfter', 'refresh']),
      'ERR_CACHE_OPTION_UNKNOWN',
      "unknown option 'expireAftr'; did you mean 'expireAfter'?",
    ],
    [
      'one like none',
      unknownOption('xyz', ['expireAfter'], ' of the call'),
      'ERR_CACHE_OPTION_UNKNOWN',
      "unknown option 'xyz' of the call",
    ],
    [
      'a long text is cut',
      invalidOption('a', 'x', 's'.repeat(1000)),
      'ERR_CACHE_OPTION_INVALID',
      /^.{0,140}$/,
    ],
    // What is inside of an object may be a secret.
    [
      'an object is not printed',
      invalidOption('a', 'x', { deep: { password: 'secret' } }),
      'ERR_CACHE_OPTION_INVALID',
      /^((?!secret).)*$/,
    ],
  ]
  for (const [name, error, code, message] of cases) {
    test(name, () => {
      assert.ok(error instanceof TypeError)
      assert.throws(
        () => {
          throw error
        },
        { code, message },
      )
    })
  }
})

describe('nearestName', () => {
  const known = ['backend', 'cacheName', 'expireAfter', 'allowableCodes', 'allowableMethods']
  const cases: [name: string, nearest: string | undefined][] = [
    ['expire_after', 'expireAfter'],
    ['expireAfter', 'expireAfter'],
    ['EXPIREAFTER', 'expireAfter'],
    ['backEnd', 'backend'],
    ['cachename', 'cacheName'],
    ['allowedCodes', 'allowableCodes'],
    ['allowableMethod', 'allowableMethods'],
    ['allowable_methods', 'allowableMethods'],
    ['something', undefined],
    ['', undefined],
    ['x', undefined],
  ]
  for (const [name, nearest] of cases) {
    test(`${name}: ${nearest}`, () => assert.equal(nearestName(name, known), nearest))
  }

  test('of two that are as near the first', () => {
    assert.equal(nearestName('ab', ['ac', 'ad']), 'ac')
  })

  test('among none', () => assert.equal(nearestName('a', []), undefined))
})
