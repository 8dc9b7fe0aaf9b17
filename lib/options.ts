/**
 * What users write becomes `Settings`: every default, check and message, once. Inside the library
 * nobody looks at an option again.
 */
import { inspect } from 'node:util'
import { BaseCache } from './cache/base-cache.ts'
import { openBackend, type BackendAlias, type BackendOptions } from './cache/registry.ts'
import {
  checkOptions,
  isBoolean,
  isBytes,
  isFunction,
  isListOf,
  isMs,
  isText,
  type Rule,
  type Rules,
} from './check-options.ts'
import { misuse, type CacheError } from './errors.ts'
import { durationOf, isLifetime, lifetimeForms } from './policy/lifetime.ts'
import type {
  ExpireAfter,
  LifetimeRules,
  RequestSummary,
  ResponseSummary,
  UrlRule,
} from './policy/lifetime-rules.ts'
import type { RequestRules } from './policy/decide-on-request.ts'
import type { ResponseRules } from './policy/decide-on-response.ts'
import type { TagRules, Tags } from './policy/tags.ts'
import { isUrlPattern, urlMatcher, type UrlPattern } from './policy/url-patterns.ts'
import {
  readKeyRules,
  type Identity,
  type KeyRules,
  type MatchOptions,
  type TextOfRequest,
} from './request/key-rules.ts'
import type { Ms } from './units.ts'

/** Options of one call; they win over those of the interceptor. */
export interface CallOptions {
  /** How long a response that this call stores is used; see `CacheOptions`. */
  readonly expireAfter?: ExpireAfter | undefined
  /**
   * Where the origin fails (no connection, 500, 502, 503, 504): use what has expired; a duration
   * says until how long after its expiry. Default: as the response's `stale-if-error` says.
   */
  readonly staleIfError?: boolean | number | string | undefined
  /**
   * Use what has expired at once, and ask the origin in the background; a duration says until how
   * long after its expiry. Default: as the response's `stale-while-revalidate` says.
   */
  readonly staleWhileRevalidate?: boolean | number | string | undefined
  /** Names under which what this call stores is found and deleted: `cache.delete({ tags })`. */
  readonly tags?: Tags | undefined
  /** Ask the origin whether what is stored has changed. Default false. */
  readonly refresh?: boolean | undefined
  /** Ask the origin for all of it, whatever is stored. Default false. */
  readonly forceRefresh?: boolean | undefined
  /** Answer from the cache, or with 504; the origin is not asked. Default false. */
  readonly onlyIfCached?: boolean | undefined
  /** As if there were no cache. Default false. */
  readonly disabled?: boolean | undefined
  /** Use what is stored, store nothing. Default false. */
  readonly readOnly?: boolean | undefined
  /** Header fields in which requests have to be the same to share a response; see `CacheOptions`. */
  readonly matchHeaders?: readonly string[] | boolean | undefined
  /** Names that do not count; see `CacheOptions`. */
  readonly ignoredParameters?: readonly string[] | undefined
  /** Takes the place of URL and body in the key; credentials still keep users apart. */
  readonly key?: string | undefined
}

/** Options of `cacheInterceptor()` and `installCache()`; README, "Options", has the defaults. */
export interface CacheOptions extends Omit<CallOptions, 'key'> {
  /** Where responses are kept: an alias, or a cache. Default `'sqlite'`. */
  readonly backend?: BackendAlias | BaseCache | undefined
  /** What it is called there: a path for files, a label in memory. Default `'http_cache'`. */
  readonly cacheName?: string | undefined
  /** Options of the backend's class, with an alias only. */
  readonly backendOptions?: BackendOptions | undefined
  /**
   * Lifetimes by URL: the first pattern that matches counts, before `expireAfter`. Patterns are
   * globs (`'example.com/static'`, `'*.example.com'`), or RegExps and URLPatterns in a list of pairs.
   * `'*': 'do-not-cache'` as the last one makes a list of what is cached.
   */
  readonly urlsExpireAfter?: UrlLifetimes | undefined
  /**
   * Lifetimes by status, before those by URL; `'4xx'` and `'5xx'` stand for all of them. Such
   * responses are stored besides those of `allowableCodes`.
   */
  readonly codesExpireAfter?: Readonly<Record<number | string, ExpireAfter>> | undefined
  /** Obey the lifetimes that responses state (RFC 9111), before all others. Default false. */
  readonly cacheControl?: boolean | undefined
  /** Ask the origin at each use whether what is stored has changed. Default false. */
  readonly alwaysRevalidate?: boolean | undefined
  /** Whether a response is stored, besides all else that decides about it. Default: yes. */
  readonly filter?: ((request: RequestSummary, response: ResponseSummary) => boolean) | undefined
  /** Header fields of responses that hold tags, as `['cache-tag']`. Default: none. */
  readonly tagHeaders?: readonly string[] | undefined
  /** Header fields that are part of the key; true: all that the caller wrote. Default false. */
  readonly matchHeaders?: readonly string[] | boolean | undefined
  /**
   * Names that are no part of the key and are not stored, whatever their case: of parameters of the
   * query, fields of a form, members of JSON (`'token'`, `'user.session.id'`, `'items[].id'`) and
   * header fields. A credential that is named does not keep users apart.
   */
  readonly ignoredParameters?: readonly string[] | undefined
  /** The only parameters of the query that count, credentials aside. Default: all. */
  readonly keptParameters?: readonly string[] | undefined
  /**
   * Knows GraphQL queries by operation and variables, however they are spelled, and caches those that
   * are sent with POST. Mutations and subscriptions never are cached. Default false.
   */
  readonly graphql?: boolean | undefined
  /**
   * Gives a request its key, in the place of URL and body; undefined leaves it as it is. The text
   * is stored as it is. Credentials, of which it is not told, still keep users apart.
   */
  readonly keyFn?: TextOfRequest | undefined
  /**
   * How users are told apart: by their credentials (`'isolated'`), not at all (`'shared'`), or by
   * the text that a function gives; undefined stands for their credentials. Default `'isolated'`.
   */
  readonly identity?: Identity | undefined
  /** Methods that are looked up and stored. Default `['GET', 'HEAD']`. */
  readonly allowableMethods?: readonly string[] | undefined
  /** Statuses that are stored, besides redirects. Default `[200]`. */
  readonly allowableCodes?: readonly number[] | undefined
  /** Longer responses pass through unstored. Default 1 GiB; 64 MiB where the cache is in memory. */
  readonly maxBodyBytes?: number | undefined
  /** A request whose body is longer is not cached. Default 10 MiB. */
  readonly maxRequestBodyBytes?: number | undefined
  /** Origin of requests that name none, as those of a `Client` of undici 7 do. */
  readonly origin?: string | undefined
  /** Milliseconds that a request waits for the cache's storage. Default 1000. */
  readonly storageTimeout?: Ms | undefined
  /** Hand out the very bytes that are kept, not a copy: callers must not change them. Default false. */
  readonly shareBodies?: boolean | undefined
  /** Whether responses tell of the cache by `Cache-Status` and `Age`. Default true. */
  readonly statusHeaders?: boolean | undefined
  /** Told of everything that goes wrong in the cache. Default: a process warning. */
  readonly onError?: ((error: CacheError) => void) | undefined
}

/** Patterns and lifetimes, in the order in which they are tried. */
export type UrlLifetimes =
  | Readonly<Record<string, ExpireAfter>>
  | readonly (readonly [pattern: UrlPattern, expireAfter: ExpireAfter])[]
  | ReadonlyMap<UrlPattern, ExpireAfter>

/** Everything that a request needs to know, complete. */
export interface Settings extends RequestRules, ResponseRules, TagRules {
  readonly cache: BaseCache
  readonly lifetimes: LifetimeRules
  readonly filter: CacheOptions['filter']
  readonly disabled: boolean
  readonly key: string | undefined
  /** Undefined where no option says anything about it. */
  readonly keyRules: KeyRules | undefined
  readonly allowableMethods: ReadonlySet<string>
  readonly maxRequestBodyBytes: number
  readonly origin: string | undefined
  readonly storageTimeout: Ms
  readonly shareBodies: boolean
  readonly statusHeaders: boolean
  readonly onError: (error: CacheError) => void
}

const expireAfterRule: Rule = {
  expected: `${lifetimeForms}, or a function that returns one`,
  test: (value) => typeof value === 'function' || isLifetime(value),
}

const staleRule: Rule = {
  expected: "a boolean, seconds (0 or more) or a text like '90s', '1h30m' or '7d'",
  test: (value) => typeof value === 'boolean' || durationOf(value) !== undefined,
}

const isListOfNames: Rule = {
  expected: 'a list of names',
  test: (value) => isNames(value, /^.+$/s),
}

function isNames(value: unknown, name: RegExp): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && name.test(item))
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
  matchHeaders: {
    expected: 'a boolean, or a list of names of header fields',
    test: (value) => typeof value === 'boolean' || isNames(value, /^[\w!#$%&'*+\-.^`|~]+$/),
  },
  ignoredParameters: isListOfNames,
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
  keptParameters: isListOfNames,
  graphql: isBoolean,
  keyFn: isFunction,
  identity: {
    expected: "'isolated', 'shared' or a function",
    test: (value) => value === 'isolated' || value === 'shared' || typeof value === 'function',
  },
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
  storageTimeout: isMs,
  shareBodies: isBoolean,
  statusHeaders: isBoolean,
  onError: isFunction,
}

const mebibyte = 2 ** 20

/** @throws TypeError ERR_CACHE_OPTION_…; CacheError where the backend cannot be opened */
export function readOptions(options: CacheOptions): Settings {
  checkOptions(options, optionRules)
  const keyRules = readKeyRules(options)
  const cache = openCache(options)
  const keeps = cache.responses.traits.persistent
  return Object.freeze({
    cache,
    lifetimes: {
      call: undefined,
      urls: urlRules(options.urlsExpireAfter),
      codes: codeRules(options.codesExpireAfter),
      otherwise: options.expireAfter,
    },
    staleIfError: staleWindow(options.staleIfError),
    staleWhileRevalidate: staleWindow(options.staleWhileRevalidate),
    cacheControl: options.cacheControl ?? false,
    filter: options.filter,
    tags: options.tags,
    tagHeaders: (options.tagHeaders ?? []).map((name) => name.toLowerCase()),
    refresh: options.refresh ?? options.alwaysRevalidate ?? false,
    forceRefresh: options.forceRefresh ?? false,
    onlyIfCached: options.onlyIfCached ?? false,
    disabled: options.disabled ?? false,
    readOnly: options.readOnly ?? false,
    key: undefined,
    keyRules,
    allowableMethods: new Set(options.allowableMethods ?? ['GET', 'HEAD']),
    allowableCodes: new Set(options.allowableCodes ?? [200]),
    maxBodyBytes: options.maxBodyBytes ?? (keeps ? 1024 * mebibyte : 64 * mebibyte),
    maxRequestBodyBytes: options.maxRequestBodyBytes ?? 10 * mebibyte,
    origin: options.origin?.replace(/\/$/, ''),
    storageTimeout: options.storageTimeout ?? 1_000,
    shareBodies: options.shareBodies ?? false,
    statusHeaders: options.statusHeaders ?? true,
    onError: options.onError ?? warn,
  })
}

/** The settings of one call. @throws TypeError ERR_CACHE_OPTION_… */
export function withCallOptions(settings: Settings, call: CallOptions): Settings {
  checkOptions(call, callRules, ' of the call')
  const {
    expireAfter,
    staleIfError,
    staleWhileRevalidate,
    matchHeaders,
    ignoredParameters,
    ...rest
  } = call
  const given = Object.entries(rest).filter(([, value]) => value !== undefined)
  const { lifetimes } = settings
  return {
    ...settings,
    ...Object.fromEntries(given),
    keyRules: keyRulesOf(settings.keyRules, { matchHeaders, ignoredParameters }),
    lifetimes: expireAfter === undefined ? lifetimes : { ...lifetimes, call: expireAfter },
    staleIfError: staleWindow(staleIfError) ?? settings.staleIfError,
    staleWhileRevalidate: staleWindow(staleWhileRevalidate) ?? settings.staleWhileRevalidate,
  }
}

function isTags(value: unknown): boolean {
  return Array.isArray(value) && value.every((tag) => typeof tag === 'string' && tag !== '')
}

function keyRulesOf(
  rules: KeyRules | undefined,
  { matchHeaders, ignoredParameters }: MatchOptions,
): KeyRules | undefined {
  if (matchHeaders === undefined && ignoredParameters === undefined) return rules
  const { options } = rules ?? {}
  return readKeyRules({
    ...options,
    matchHeaders: matchHeaders ?? options?.matchHeaders,
    ignoredParameters: ignoredParameters ?? options?.ignoredParameters,
  })
}

function pairsOf(lifetimes: UrlLifetimes): (readonly [UrlPattern, ExpireAfter])[] {
  const ordered = Array.isArray(lifetimes) || lifetimes instanceof Map
  return ordered ? [...lifetimes] : Object.entries(lifetimes)
}

function urlRules(lifetimes: UrlLifetimes = {}): UrlRule[] {
  return pairsOf(lifetimes).map(([pattern, lifetime]) => ({
    matches: urlMatcher(pattern),
    lifetime,
  }))
}

function codeRules(lifetimes: CacheOptions['codesExpireAfter'] = {}): Map<number, ExpireAfter> {
  return new Map(
    Object.entries(lifetimes).map(([code, lifetime]) => [Number(code.replace('xx', '')), lifetime]),
  )
}

function staleWindow(given: CallOptions['staleIfError']): Ms | undefined {
  if (typeof given === 'boolean') return given ? Infinity : 0
  return durationOf(given)
}

function openCache({ backend, cacheName, backendOptions }: CacheOptions): BaseCache {
  if (!(backend instanceof BaseCache)) return openBackend(backend, cacheName, backendOptions)
  // Both say what only one can decide.
  for (const [name, value] of Object.entries({ cacheName, backendOptions })) {
    if (value === undefined) continue
    const message = `option '${name}' goes with an alias; give it to the cache itself, got ${inspect(value)}`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  return backend
}

function warn(error: CacheError): void {
  process.emitWarning(error)
}
