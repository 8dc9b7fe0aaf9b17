/** Checks of what users write: one line an option, and a message that says what would be right. */
import { invalidOption, unknownOption } from './errors.ts'

/** What one option must be. */
export interface Rule {
  readonly expected: string
  readonly test: (value: unknown) => boolean
}

/** A rule for each option of a bag. */
export type Rules<T> = { readonly [Name in keyof Required<T>]: Rule }

/**
 * @param where whose options they are, for messages
 * @param hintFor what to write in the place of a name that is none of them
 * @throws TypeError ERR_CACHE_OPTION_INVALID, ERR_CACHE_OPTION_UNKNOWN
 */
export function checkOptions<T extends object>(
  options: T,
  rules: Rules<T>,
  where = '',
  hintFor?: (name: string) => string | undefined,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidOption(`options${where}`, 'an object', options)
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = (rules as Record<string, Rule>)[name]
    if (rule === undefined || !Object.hasOwn(rules, name)) {
      throw unknownOption(name, Object.keys(rules), where, hintFor?.(name))
    }
    // An option that is undefined is one that was not given.
    if (value !== undefined && !rule.test(value)) throw invalidOption(name, rule.expected, value)
  }
}

/** True or false. */
export const isBoolean: Rule = {
  expected: 'a boolean',
  test: (value) => typeof value === 'boolean',
}

/** Anything that can be called. */
export const isFunction: Rule = {
  expected: 'a function',
  test: (value) => typeof value === 'function',
}

/** What ends long work. */
export const isAbortSignal: Rule = {
  expected: 'an AbortSignal',
  test: (value) => value instanceof AbortSignal,
}

/** A text that is not empty. */
export const isText: Rule = {
  expected: 'a text that is not empty',
  test: (value) => typeof value === 'string' && value !== '',
}

/** A duration that a timer can wait for. */
export const isMs: Rule = {
  expected: 'milliseconds, more than 0 and at most 2147483647',
  // A longer timer would fire at once.
  test: (value) => typeof value === 'number' && value > 0 && value < 2 ** 31,
}

/** A size, Infinity included. */
export const isBytes: Rule = {
  expected: 'a number of bytes, 0 or more',
  test: (value) => typeof value === 'number' && value >= 0,
}

/** One of these texts. */
export function isOneOf(...values: readonly string[]): Rule {
  return {
    expected: values.map((value) => `'${value}'`).join(' or '),
    test: (value) => values.includes(value as string),
  }
}

/** A list that is not empty, each of whose items passes. */
export function isListOf(what: string, test: (item: unknown) => boolean): Rule {
  return {
    expected: `a list of ${what}, at least one`,
    test: (value) => Array.isArray(value) && value.length > 0 && value.every(test),
  }
}
