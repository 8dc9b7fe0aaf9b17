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
import { isLifetime, lifetimeForms, type Lifetime } from './policy/lifetime.ts'
import type { RequestRules } from './policy/decide-on-request.ts'
import type { ResponseRules } from './policy/decide-on-response.ts'
import type { HeaderFields } from './policy/validators.ts'
import type { Ms } from './units.ts'

/** What `expireAfter` is told of the request. */
export interface RequestSummary {
  readonly method: string
  /** Without credentials. */
  readonly url: string
}

/** What `expireAfter` is told of the response. */
export interface ResponseSummary {
  readonly status: number
  /** By names in lower case. */
  readonly headers: HeaderFields
}

/** A lifetime, or what gives one for each response; undefined leaves the default, `'never'`. */
export type ExpireAfter =
  | Lifetime
  | ((request: RequestSummary, response: ResponseSummary) => Lifetime | undefined)

/** Options of one call; they win over those of the interceptor. */
export interface CallOptions {
  /** How long a response that this call stores is used; see `CacheOptions`. */
  readonly expireAfter?: ExpireAfter | undefined
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

/** Everything that a request needs to know, complete. */
export interface Settings extends RequestRules, ResponseRules {
  readonly cache: BaseCache
  readonly expireAfter: ExpireAfter
  readonly disabled: boolean
  readonly key: string | undefined
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

/** Checks of `CallOptions`. */
export const callRules: Rules<CallOptions> = {
  expireAfter: expireAfterRule,
  refresh: isBoolean,
  forceRefresh: isBoolean,
  onlyIfCached: isBoolean,
  disabled: isBoolean,
  readOnly: isBoolean,
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
  allowableMethods: isListOf(
    'methods in capitals',
    (item) => typeof item === 'string' && /^[A-Z][A-Z-]*$/.test(item) && item !== 'CONNECT',
  ),
  allowableCodes: isListOf(
    'statuses from 200 to 599, other than 206 and 304',
    (item) =>
      Number.isInteger(item) &&
      (item as number) >= 200 &&
      (item as number) <= 599 &&
      item !== 206 &&
      item !== 304,
  ),
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
  const cache = openCache(options)
  const keeps = cache.responses.traits.persistent
  return Object.freeze({
    cache,
    expireAfter: options.expireAfter ?? 'never',
    refresh: options.refresh ?? false,
    forceRefresh: options.forceRefresh ?? false,
    onlyIfCached: options.onlyIfCached ?? false,
    disabled: options.disabled ?? false,
    readOnly: options.readOnly ?? false,
    key: undefined,
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
  const given = Object.entries(call).filter(([, value]) => value !== undefined)
  return { ...settings, ...Object.fromEntries(given) }
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
