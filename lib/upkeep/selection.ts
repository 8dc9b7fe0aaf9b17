/** Which of a cache's responses are meant: conditions, all of which a response has to meet. */
import {
  checkOptions,
  isBoolean,
  isFunction,
  isListOf,
  isText,
  type Rule,
  type Rules,
} from '../check-options.ts'
import { isEntryError, misuse } from '../errors.ts'
import { reportError } from '../events.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { durationOf } from '../policy/lifetime.ts'
import { isUrlPattern, urlMatcher, type UrlPattern } from '../policy/url-patterns.ts'
import type { KeyRules } from '../request/key-rules.ts'
import { normalizeUrl } from '../request/normalize-url.ts'
import type { EpochMs } from '../units.ts'
import { CachedResponse } from '../entries/cached-response.ts'
import type { BaseStorage, StoredHead } from '../storage/base-storage.ts'
import { responseHeads } from '../entries/listing.ts'

/** Conditions on stored responses; what is left out does not matter. */
export interface Selection {
  /** Whether its time is over. */
  readonly expired?: boolean | undefined
  /** Stored longer ago than this: seconds, a text like `'7d'`, or before a Date. */
  readonly olderThan?: number | string | Date | undefined
  /** These URLs, as requests are told apart, whatever method, header fields and body. */
  readonly urls?: readonly (string | URL)[] | undefined
  /** The beginning of the URL, scheme included. */
  readonly urlPrefix?: string | undefined
  /** A glob, RegExp or URLPattern, as in `urlsExpireAfter`. */
  readonly urlPattern?: UrlPattern | undefined
  /** Scheme, host and port, as in `'https://example.com'`. */
  readonly origin?: string | undefined
  /** One of these tags at least. */
  readonly tags?: readonly string[] | undefined
  /** Exactly these keys. */
  readonly keys?: readonly string[] | undefined
  /** Statuses. */
  readonly codes?: readonly number[] | undefined
  /** Anything else; bodies can be read, at a price. */
  readonly filter?: ((response: CachedResponse) => MaybePromise<boolean>) | undefined
}

const isTextItem = (item: unknown): boolean => typeof item === 'string' && item !== ''

const olderThanRule: Rule = {
  expected: "seconds (0 or more), a text like '90s', '1h30m' or '7d', or a Date",
  test: (value) =>
    value instanceof Date ? !Number.isNaN(value.getTime()) : durationOf(value) !== undefined,
}

/** Checks of `Selection`. */
export const selectionRules: Rules<Selection> = {
  expired: isBoolean,
  olderThan: olderThanRule,
  urls: isListOf('absolute URLs', (item) => URL.canParse(String(item))),
  urlPrefix: isText,
  urlPattern: { expected: 'a glob, a RegExp or a URLPattern', test: isUrlPattern },
  origin: {
    expected: "an origin such as 'https://example.com'",
    test: (value) => typeof value === 'string' && URL.canParse(value),
  },
  tags: isListOf('tags', isTextItem),
  keys: isListOf('keys', isTextItem),
  codes: isListOf('statuses', Number.isInteger),
  filter: isFunction,
}

/**
 * For what cannot be undone: a selection that says nothing is a mistake.
 * @throws TypeError ERR_CACHE_OPTION_…
 */
export function checkSelection(selection: Selection): void {
  checkOptions(selection, selectionRules, ' of a selection')
  if (Object.values(selection).some((condition) => condition !== undefined)) return
  const message = 'a selection without a condition selects everything; clear() deletes everything'
  throw misuse('ERR_CACHE_OPTION_INVALID', message)
}

/** Whether a response is meant. */
export type Selects = (response: CachedResponse) => MaybePromise<boolean>

/**
 * Makes the test of a selection; what is cheap comes first.
 * @param rules by which requests of the cache are told apart
 */
export function selector(selection: Selection, now: EpochMs, rules?: KeyRules): Selects {
  const tests: ((response: CachedResponse) => boolean)[] = []
  const { expired, olderThan, tags, keys, codes, filter } = selection
  if (expired !== undefined) tests.push((response) => response.expiredAt(now) === expired)
  if (olderThan !== undefined) {
    const before = olderThan instanceof Date ? olderThan.getTime() : now - durationOf(olderThan)!
    tests.push((response) => response.storedAt < before)
  }
  if (codes !== undefined) tests.push((response) => codes.includes(response.status))
  if (keys !== undefined) {
    const wanted = new Set(keys)
    tests.push((response) => wanted.has(response.key))
  }
  if (tags !== undefined) tests.push((response) => response.tags.some((tag) => tags.includes(tag)))
  const selectsUrl = urlSelector(selection, rules)
  if (selectsUrl !== undefined) tests.push((response) => selectsUrl(response.url))
  return (response) =>
    tests.every((test) => test(response)) && (filter === undefined || filter(response))
}

/** The part of a selection that is about URLs; undefined where there is none. */
export function urlSelector(
  selection: Selection,
  rules?: KeyRules,
): ((url: string) => boolean) | undefined {
  const tests: ((url: string) => boolean)[] = []
  const { urls, urlPrefix, urlPattern, origin } = selection
  if (urls !== undefined) {
    const wanted = new Set(urls.map((url) => normalized(String(url), rules)))
    tests.push((url) => wanted.has(normalized(url, rules)))
  }
  if (urlPrefix !== undefined) tests.push((url) => url.startsWith(urlPrefix))
  if (urlPattern !== undefined) tests.push(urlMatcher(urlPattern))
  if (origin !== undefined) {
    const wanted = new URL(origin).origin
    tests.push((url) => URL.parse(url)?.origin === wanted)
  }
  return tests.length === 0 ? undefined : (url) => tests.every((test) => test(url))
}

// What is stored may be anything.
function normalized(text: string, rules: KeyRules | undefined): string {
  const url = URL.parse(text)
  if (url === null) return text
  const { origin, pathname, search } = url
  return normalizeUrl({ origin, path: pathname + search }, rules)?.normalized ?? text
}

/**
 * The selected entries of one namespace, without their bodies. One that cannot be read is reported,
 * and passed over.
 */
export async function* selectEntries(
  storage: BaseStorage,
  selects: Selects,
): AsyncGenerator<CachedResponse> {
  for await (const stored of responseHeads(storage)) {
    try {
      const response = readableResponse(storage, stored)
      if (!(await selects(response))) continue
      yield response
    } catch (error) {
      if (!isEntryError(error)) throw error
      reportError(error, () => {})
    }
  }
}

/**
 * A stored response, of which everything but the body is known to be readable.
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT, …
 */
export function readableResponse(storage: BaseStorage, stored: StoredHead): CachedResponse {
  const response = new CachedResponse(storage, stored)
  // It is decoded when it is looked at first, and whoever does that later expects no error.
  void response.request
  return response
}
