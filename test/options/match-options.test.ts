/** The options that say which requests share a response. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readOptions, withCallOptions } from '../../lib/options/settings.ts'

const memory = { backend: 'memory' } as const

describe('rules', () => {
  test('there are none where nothing is said', () => {
    assert.equal(readOptions(memory).keyRules, undefined)
    assert.equal(withCallOptions(readOptions(memory), {}).keyRules, undefined)
  })

  test('are made of the options', () => {
    const keyFn = (): string => 'k'
    const identity = (): string => 'i'
    const { keyRules } = readOptions({
      ...memory,
      matchHeaders: ['Accept'],
      ignoredParameters: ['Token'],
      keptParameters: [],
      graphql: true,
      keyFn,
      identity,
    })
    assert.deepEqual(keyRules?.matchHeaders, ['accept'])
    assert.deepEqual(keyRules.ignored, new Set(['token']))
    assert.deepEqual(keyRules.kept, new Set())
    assert.equal(keyRules.graphql, true)
    assert.equal(keyRules.keyFn, keyFn)
    assert.equal(keyRules.identity, identity)
  })

  test('that contradict each other are refused before anything is opened', () => {
    const backendOptions = { noSuchOption: 'not looked at' }
    const options = { ...memory, keptParameters: ['a'], ignoredParameters: ['A'], backendOptions }
    assert.throws(() => readOptions(options), {
      name: 'TypeError',
      code: 'ERR_CACHE_OPTION_INVALID',
      message: /'keptParameters' names 'a'/,
    })
  })
})

describe('each option', () => {
  const bad: [name: string, value: unknown, expected: string][] = [
    ['matchHeaders', 'accept', 'a boolean, or a list of names of header fields'],
    ['matchHeaders', ['accept', ''], 'a boolean, or a list'],
    ['matchHeaders', ['no name'], 'a boolean, or a list'],
    ['matchHeaders', [5], 'a boolean, or a list'],
    ['ignoredParameters', 'token', 'a list of names'],
    ['ignoredParameters', [''], 'a list of names'],
    ['ignoredParameters', [/token/], 'a list of names'],
    ['ignoredParameters', true, 'a list of names'],
    ['keptParameters', 'q', 'a list of names'],
    ['keptParameters', [null], 'a list of names'],
    ['graphql', 'yes', 'a boolean'],
    ['keyFn', 'key', 'a function'],
    ['identity', 'isolate', "'isolated', 'shared' or a function"],
    ['identity', true, "'isolated', 'shared' or a function"],
    ['isolate', 'x-seat', 'a list of names'],
    ['isolate', [''], 'a list of names'],
    ['isolate', ['*'], 'a list of names'],
    ['isolate', ['x-*-id'], 'a list of names'],
    ['share', true, 'a list of names'],
    ['share', [/x/], 'a list of names'],
  ]
  for (const [name, value, expected] of bad) {
    test(`bad: ${name}, ${String(value)}`, () => {
      assert.throws(
        () => readOptions({ ...memory, [name]: value }),
        (error: TypeError & { code?: string }) => {
          assert.equal(error.code, 'ERR_CACHE_OPTION_INVALID')
          assert.ok(error.message.startsWith(`option '${name}' must be ${expected}`), error.message)
          return true
        },
      )
    })
  }

  test('theirs are known by ours', () => {
    for (const [theirs, ours] of [
      ['match_headers', 'matchHeaders'],
      ['ignored_parameters', 'ignoredParameters'],
      ['key_fn', 'keyFn'],
      ['isolates', 'isolate'],
      ['Share', 'share'],
      ['credentialHeaders', 'isolate'],
    ]) {
      assert.throws(() => readOptions({ ...memory, [theirs!]: true }), {
        code: 'ERR_CACHE_OPTION_UNKNOWN',
        message: new RegExp(`did you mean '${ours}'`),
      })
    }
  })
})

describe('options of a call', () => {
  const settings = readOptions({
    ...memory,
    matchHeaders: ['accept'],
    ignoredParameters: ['token'],
    identity: 'shared',
  })

  test('take the place of those of the interceptor, and leave the others', () => {
    const { keyRules } = withCallOptions(settings, { ignoredParameters: ['b'] })
    assert.deepEqual(keyRules?.ignored, new Set(['b']))
    assert.deepEqual(keyRules.matchHeaders, ['accept'])
    assert.equal(keyRules.identity, 'shared')
    assert.equal(withCallOptions(settings, { matchHeaders: true }).keyRules?.matchHeaders, true)
  })

  test('may say nothing again', () => {
    const call = { matchHeaders: false, ignoredParameters: [] }
    const { keyRules } = withCallOptions(settings, call)
    assert.equal(keyRules?.matchHeaders, undefined)
    assert.deepEqual(keyRules?.ignored, new Set())
  })

  test('speak of nothing else', () => {
    assert.equal(withCallOptions(settings, { refresh: true }).keyRules, settings.keyRules)
    for (const name of ['keptParameters', 'graphql', 'keyFn', 'identity']) {
      assert.throws(() => withCallOptions(settings, { [name]: [] }), {
        code: 'ERR_CACHE_OPTION_UNKNOWN',
      })
    }
  })
})
