/** What options have to look like, and the messages for those that do not. */
import { BaseCache } from '../cache/base-cache.ts'
import { checkStoredModes } from '../entries/checksum.ts'
import {
  isBoolean,
  isBytes,
  isFunction,
  isListOf,
  isMs,
  isOneOf,
  isText,
  type Rule,
  type Rules,
} from '../check-options.ts'
import type { CacheOptions, CallOptions, UrlLifetimes } from './options.ts'
import { durationOf, isLifetime, lifetimeForms } from '../policy/lifetime.ts'
import type { ExpireAfter } from '../policy/lifetime-rules.ts'
import { matchRules } from '../request/match-rules.ts'
import { isTags } from '../policy/tags.ts'
import { isUrlPattern, type UrlPattern } from '../policy/url-patterns.ts'
import { serializerRule } from '../serializers/serializer.ts'

const expireAfterRule: Rule = {
  expected: `${lifetimeForms}, or a function that returns one`,
  test: (value) => typeof value === 'function' || isLifetime(value),
}

const staleRule: Rule = {
  expected: "a boolean, seconds (0 or more) or a text like '90s', '1h30m' or '7d'",
  test: (value) => typeof value === 'boolean' || durationOf(value) !== undefined,
}

// A Map or a Set has no entries of its own, and would be taken for an empty one.
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value)
}

// 206 is a part and 304 no response of its own.
function isStorable(status: unknown): boolean {
  const inRange = Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599
  return inRange && status !== 206 && status !== 304
}

/** Checks of `CallOptions`. */
export const callRules: Rules<CallOptions> = {
  expireAfter: expireAfterRule,
  tags: {
    expected: 'a list of texts that are not empty, or a function that returns one',
    test: (value) => typeof value === 'function' || isTags(value),
  },
  staleIfError: staleRule,
  staleWhileRevalidate: staleRule,
  refresh: isBoolean,
  forceRefresh: isBoolean,
  onlyIfCached: isBoolean,
  disabled: isBoolean,
  readOnly: isBoolean,
  matchHeaders: matchRules.matchHeaders,
  ignoredParameters: matchRules.ignoredParameters,
  key: {
    expected: 'a text that is not empty',
    test: (value) => typeof value === 'string' && value !== '' && value.isWellFormed(),
  },
}

const { key: _, ...sharedRules } = callRules

/** Checks of `CacheOptions`. */
export const optionRules: Rules<CacheOptions> = {
  ...sharedRules,
  backend: {
    expected: 'an alias or an instance of BaseCache',
    test: (value) => typeof value === 'string' || value instanceof BaseCache,
  },
  cacheName: isText,
  serializer: serializerRule,
  backendOptions: {
    expected: 'an object',
    test: (value) => typeof value === 'object' && value !== null,
  },
  urlsExpireAfter: {
    expected: `patterns (globs; RegExps and URLPatterns in a list of pairs), each with ${lifetimeForms} or a function`,
    test: (value) => {
      if (!isObject(value) && !Array.isArray(value) && !(value instanceof Map)) return false
      return pairsOf(value as UrlLifetimes).every(
        (pair) =>
          Array.isArray(pair) &&
          pair.length === 2 &&
          isUrlPattern(pair[0]) &&
          expireAfterRule.test(pair[1]),
      )
    },
  },
  codesExpireAfter: {
    expected: `an object of statuses from 200 to 599, other than 206 and 304 (or '4xx', '5xx'), each with ${lifetimeForms} or a function`,
    test: (value) =>
      isObject(value) &&
      Object.entries(value).every(
        ([code, lifetime]) =>
          (/^[45]xx$/.test(code) || isStorable(Number(code))) && expireAfterRule.test(lifetime),
      ),
  },
  ...matchRules,
  cacheControl: isBoolean,
  alwaysRevalidate: isBoolean,
  filter: isFunction,
  tagHeaders: isListOf(
    'names of header fields',
    (item) => typeof item === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(item),
  ),
  allowableMethods: isListOf(
    'methods in capitals',
    (item) => typeof item === 'string' && /^[A-Z][A-Z-]*$/.test(item) && item !== 'CONNECT',
  ),
  allowableCodes: isListOf('statuses from 200 to 599, other than 206 and 304', isStorable),
  maxBodyBytes: isBytes,
  maxRequestBodyBytes: isBytes,
  origin: {
    expected: "an origin such as 'https://example.com'",
    test: (value) =>
      typeof value === 'string' && URL.parse(value)?.origin === value.replace(/\/$/, ''),
  },
  checkStored: isOneOf(...checkStoredModes),
  storageTimeout: isMs,
  collapseTimeout: {
    expected: 'milliseconds, from 0 to 2147483647',
    test: (value) => value === 0 || isMs.test(value),
  },
  shareBodies: isBoolean,
  statusHeaders: isBoolean,
  onError: isFunction,
}

/** Patterns and lifetimes, one by one. */
export function pairsOf(lifetimes: UrlLifetimes): (readonly [UrlPattern, ExpireAfter])[] {
  const ordered = Array.isArray(lifetimes) || lifetimes instanceof Map
  return ordered ? [...lifetimes] : Object.entries(lifetimes)
}
