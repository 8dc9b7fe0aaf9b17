/**
 * What users write becomes `Settings`: every default and check, once. Inside the library nobody looks
 * at an option again.
 */
import type { BaseCache } from '../cache/base-cache.ts'
import type { CheckStored } from '../entries/checksum.ts'
import { checkOptions } from '../check-options.ts'
import type { CacheError } from '../errors.ts'
import { openCache } from './open-cache.ts'
import { hintFor } from './option-hints.ts'
import { callRules, optionRules, pairsOf } from './option-rules.ts'
import type { CacheOptions, CallOptions, UrlLifetimes } from './options.ts'
import type { RequestRules } from '../policy/decide-on-request.ts'
import type { ResponseRules } from '../policy/decide-on-response.ts'
import { durationOf } from '../policy/lifetime.ts'
import type { ExpireAfter, LifetimeRules, UrlRule } from '../policy/lifetime-rules.ts'
import type { TagRules } from '../policy/tags.ts'
import { urlMatcher } from '../policy/url-patterns.ts'
import { readKeyRules, type KeyRules, type MatchOptions } from '../request/key-rules.ts'
import type { Ms } from '../units.ts'

/** Everything that a request needs to know, complete. */
export interface Settings extends RequestRules, ResponseRules, TagRules {
  readonly cache: BaseCache
  /** Why there is no cache, though one was asked for; `cache` is empty then, and is not used. */
  readonly unavailable: CacheError | undefined
  readonly lifetimes: LifetimeRules
  readonly filter: CacheOptions['filter']
  readonly disabled: boolean
  readonly key: string | undefined
  /** Undefined where no option says anything about it. */
  readonly keyRules: KeyRules | undefined
  readonly allowableMethods: ReadonlySet<string>
  readonly maxRequestBodyBytes: number
  readonly origin: string | undefined
  readonly checkStored: CheckStored
  readonly storageTimeout: Ms
  readonly collapseTimeout: Ms
  readonly shareBodies: boolean
  readonly statusHeaders: boolean
  readonly onError: (error: CacheError) => void
}

const mebibyte = 2 ** 20

/** @throws TypeError ERR_CACHE_OPTION_…; CacheError ERR_CACHE_DRIVER_MISSING, ERR_CACHE_FILE_FOREIGN */
export function readOptions(options: CacheOptions): Settings {
  checkOptions(options, optionRules, '', hintFor)
  const keyRules = readKeyRules(options)
  const { cache, unavailable } = openCache(options)
  const keeps = cache.responses.traits.persistent
  return Object.freeze({
    cache,
    unavailable,
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
    maxBodyBytes: Math.min(
      options.maxBodyBytes ?? (keeps ? 1024 * mebibyte : 64 * mebibyte),
      cache.maxCacheBytes,
    ),
    maxRequestBodyBytes: options.maxRequestBodyBytes ?? 10 * mebibyte,
    origin: options.origin?.replace(/\/$/, ''),
    checkStored: options.checkStored ?? 'all',
    storageTimeout: options.storageTimeout ?? 1_000,
    collapseTimeout: options.collapseTimeout ?? 5_000,
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

function warn(error: CacheError): void {
  process.emitWarning(error)
}
