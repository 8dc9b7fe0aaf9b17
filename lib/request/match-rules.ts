/** What the options about keys have to look like. */
import { isBoolean, isFunction, type Rule, type Rules } from '../check-options.ts'
import type { MatchOptions } from './key-rules.ts'

const isListOfNames: Rule = {
  expected: 'a list of names',
  test: (value) => isNames(value, /^.+$/s),
}

// An asterisk alone would stand for every name there is.
const isListOfIdentities: Rule = {
  expected: "a list of names; one may end in an asterisk: 'x-acme-*'",
  test: (value) => isNames(value, /^[^*]+\*?$/s),
}

function isNames(value: unknown, name: RegExp): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && name.test(item))
}

/** Checks of `MatchOptions`. */
export const matchRules: Rules<MatchOptions> = {
  matchHeaders: {
    expected: 'a boolean, or a list of names of header fields',
    test: (value) => typeof value === 'boolean' || isNames(value, /^[\w!#$%&'*+\-.^`|~]+$/),
  },
  ignoredParameters: isListOfNames,
  keptParameters: isListOfNames,
  graphql: isBoolean,
  keyFn: isFunction,
  identity: {
    expected: "'isolated', 'shared' or a function",
    test: (value) => value === 'isolated' || value === 'shared' || typeof value === 'function',
  },
  isolate: isListOfIdentities,
  share: isListOfIdentities,
}
