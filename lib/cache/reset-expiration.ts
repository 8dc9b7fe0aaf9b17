/** Gives stored responses another lifetime. */
import { invalidOption } from '../errors.ts'
import { DO_NOT_CACHE, expiryOf, isLifetime, lifetimeForms } from '../policy/lifetime.ts'
import { parseCacheControl } from '../policy/cache-control.ts'
import { dropAt } from '../policy/decide-on-response.ts'
import type { ExpireAfter } from '../policy/lifetime-rules.ts'
import { staleWindows } from '../policy/staleness.ts'
import { joinedField } from '../policy/validators.ts'
import type { EpochMs } from '../units.ts'
import type { CachedResponse } from './cached-response.ts'
import type { EntryHead } from './entry.ts'

/** What a response is to become; undefined: it stays as it is. */
export type Reset =
  | { readonly action: 'delete' }
  | { readonly action: 'refresh'; readonly head: EntryHead; readonly dropAt: EpochMs | undefined }

/** @throws TypeError ERR_CACHE_OPTION_INVALID */
export function checkLifetime(expireAfter: unknown): asserts expireAfter is ExpireAfter {
  if (typeof expireAfter === 'function' || isLifetime(expireAfter)) return
  const expected = `${lifetimeForms}, or a function that returns one`
  throw invalidOption('expireAfter', expected, expireAfter)
}

/**
 * @param expireAfter counted from now on
 * @throws TypeError ERR_CACHE_OPTION_INVALID where it is, or gives, no lifetime
 */
export function resetOf(
  response: CachedResponse,
  expireAfter: ExpireAfter,
  now: EpochMs,
): Reset | undefined {
  const { method, url, status, headers } = response
  const lifetime =
    typeof expireAfter === 'function'
      ? expireAfter({ method, url }, { status, headers })
      : expireAfter
  if (lifetime === undefined) return undefined
  checkLifetime(lifetime)
  const expiresAt = expiryOf(lifetime, now) ?? undefined
  if (expiresAt === DO_NOT_CACHE) return { action: 'delete' }
  const directives = parseCacheControl(joinedField(headers['cache-control']))
  // What the options of an interceptor say about stale responses is not known here.
  const windows = staleWindows(directives, {
    staleIfError: undefined,
    staleWhileRevalidate: undefined,
  })
  const head = { ...response.head, expiresAt }
  return { action: 'refresh', head, dropAt: dropAt(headers, expiresAt, windows, now) }
}
