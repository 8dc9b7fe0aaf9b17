import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  checkOptions,
  isBoolean,
  isBytes,
  isFunction,
  isListOf,
  isMs,
  isOneOf,
  isText,
  type Rule,
} from '../lib/check-options.ts'

describe('rules', () => {
  const cases: [name: string, rule: Rule, good: unknown[], bad: unknown[]][] = [
    ['isBoolean', isBoolean, [true, false], [0, 'true', null, undefined]],
    ['isFunction', isFunction, [(): void => {}, Map], [{}, 'f', null]],
    ['isText', isText, ['a', ' '], ['', 5, null, ['a']]],
    ['isMs', isMs, [1, 0.5, 2 ** 31 - 1], [0, -1, 2 ** 31, NaN, Infinity, '1', 1n]],
    ['isBytes', isBytes, [0, 1, 2 ** 40, Infinity], [-1, NaN, '1', null]],
    ['isOneOf', isOneOf('a', 'b'), ['a', 'b'], ['c', '', undefined, ['a']]],
    [
      'isListOf',
      isListOf('numbers', Number.isInteger),
      [[1], [1, 2]],
      [[], [1, 'a'], 1, '12', new Set([1])],
    ],
  ]
  for (const [name, rule, good, bad] of cases) {
    test(name, () => {
      for (const value of good) assert.equal(rule.test(value), true, String(value))
      for (const value of bad) assert.equal(rule.test(value), false, String(value))
    })
  }

  test('say what they expect', () => {
    assert.equal(isOneOf('a', 'b').expected, "'a' or 'b'")
    assert.equal(isListOf('numbers', Number.isInteger).expected, 'a list of numbers, at least one')
  })
})

describe('checkOptions', () => {
  const rules = { flag: isBoolean, size: isBytes }

  test('lets pass what is right, absent or undefined', () => {
    checkOptions({ flag: true, size: 5 }, rules)
    checkOptions({}, rules)
    checkOptions({ flag: undefined, size: undefined }, rules)
  })

  const refused: [name: string, options: unknown, code: string, message: string][] = [
    [
      'a wrong value',
      { flag: 1 },
      'ERR_CACHE_OPTION_INVALID',
      "option 'flag' must be a boolean, got 1",
    ],
    [
      'null',
      { flag: null },
      'ERR_CACHE_OPTION_INVALID',
      "option 'flag' must be a boolean, got null",
    ],
    [
      'an unknown name',
      { flg: true },
      'ERR_CACHE_OPTION_UNKNOWN',
      "unknown option 'flg' of X; did you mean 'flag'?",
    ],
    [
      'an unknown name without a value',
      { other: undefined },
      'ERR_CACHE_OPTION_UNKNOWN',
      "unknown option 'other' of X",
    ],
    [
      'a name that every object has',
      { toString: true },
      'ERR_CACHE_OPTION_UNKNOWN',
      "unknown option 'toString' of X",
    ],
    ['no object', 5, 'ERR_CACHE_OPTION_INVALID', "option 'options of X' must be an object, got 5"],
    [
      'nothing',
      null,
      'ERR_CACHE_OPTION_INVALID',
      "option 'options of X' must be an object, got null",
    ],
    ['a list', [], 'ERR_CACHE_OPTION_INVALID', "option 'options of X' must be an object, got []"],
  ]
  for (const [name, options, code, message] of refused) {
    test(`refuses ${name}`, () => {
      assert.throws(() => checkOptions(options as object, rules as object, ' of X'), {
        name: 'TypeError',
        code,
        message,
      })
    })
  }
})
