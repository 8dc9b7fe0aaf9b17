/** What users write, to begin with or for one call. */
import type { BaseCache } from '../cache/base-cache.ts'
import type { CheckStored } from '../entries/checksum.ts'
import type { BackendAlias, BackendOptionsByAlias } from '../backends/open-backend.ts'
import type { CacheError } from '../errors.ts'
import type { ExpireAfter, RequestSummary, ResponseSummary } from '../policy/lifetime-rules.ts'
import type { Tags } from '../policy/tags.ts'
import type { UrlPattern } from '../policy/url-patterns.ts'
import type { MatchOptions } from '../request/key-rules.ts'
import type { Serializer } from '../serializers/serializer.ts'
import type { Ms } from '../units.ts'

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

/**
 * Options of `cacheInterceptor()` and `installCache()`; README, "Options", has the defaults. The
 * alias, where it is known, says which `backendOptions` there are.
 */
export interface CacheOptions<Alias extends BackendAlias = BackendAlias>
  extends Omit<CallOptions, 'key' | keyof MatchOptions>, MatchOptions {
  /** Where responses are kept: an alias, or a cache. Default `'sqlite'`. */
  readonly backend?: Alias | BaseCache | undefined
  /** What it is called there: a path for files, a label in memory. Default `'http_cache'`. */
  readonly cacheName?: string | undefined
  /** Options of the backend's class, with an alias only. */
  readonly backendOptions?: BackendOptionsByAlias[Alias] | undefined
  /** How the backend writes records: `'json'`, `compress()`, …; as in `backendOptions`. */
  readonly serializer?: Serializer | undefined
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
  /**
   * Obey the lifetimes that responses state (RFC 9111), before all others. What states none is then not
   * kept for ever, unless `expireAfter` says so. Default false.
   */
  readonly cacheControl?: boolean | undefined
  /** Ask the origin at each use whether what is stored has changed. Default false. */
  readonly alwaysRevalidate?: boolean | undefined
  /** Whether a response is stored, besides all else that decides about it. Default: yes. */
  readonly filter?: ((request: RequestSummary, response: ResponseSummary) => boolean) | undefined
  /** Header fields of responses that hold tags, as `['cache-tag']`. Default: none. */
  readonly tagHeaders?: readonly string[] | undefined
  /** Methods that are looked up and stored. Default `['GET', 'HEAD']`. */
  readonly allowableMethods?: readonly string[] | undefined
  /** Statuses that are stored, besides redirects. Default `[200]`. */
  readonly allowableCodes?: readonly number[] | undefined
  /** Longer responses pass through unstored. Default 1 GiB; 64 MiB where the cache is in memory. */
  readonly maxBodyBytes?: number | undefined
  /** A request whose body is longer is not cached. Default 10 MiB. */
  readonly maxRequestBodyBytes?: number | undefined
  /** Origin of requests that name none, as those of a `BalancedPool` or a `Client` of undici 7. */
  readonly origin?: string | undefined
  /**
   * How much of what comes out of a persistent storage is compared with its checksum before it is
   * used: head and body, the head only, or nothing. Default `'all'`.
   */
  readonly checkStored?: CheckStored | undefined
  /** Milliseconds that a request waits for the cache's storage, or for its own body. Default 1000. */
  readonly storageTimeout?: Ms | undefined
  /**
   * Milliseconds that a request waits for an identical one that is under way, before it asks the
   * origin itself; 0 for never. Default 5000.
   */
  readonly collapseTimeout?: Ms | undefined
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
