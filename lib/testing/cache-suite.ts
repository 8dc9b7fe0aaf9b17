/**
 * What every cache promises, whatever its storages: driven through the interceptor, with undici's
 * `request` and `fetch`, against an origin on loopback that the suite starts itself.
 */
import { describe } from 'node:test'
import type { BaseCache } from '../cache/base-cache.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { cacheCheckWith, sharedCacheCheckWith, type CacheSource } from './cache-check.ts'
import { checkContents } from './cache-contents.ts'
import { checkCredentials } from './cache-credentials.ts'
import { checkLifetimes } from './cache-lifetimes.ts'
import { checkRedirects } from './cache-redirects.ts'
import { checkRequests } from './cache-requests.ts'

/** What else the suite is told about a cache. */
export interface CacheSuiteOptions<C extends BaseCache> {
  /**
   * A second cache over the contents of the given one, which may be open or closed. Without it,
   * what persistent caches promise each other is skipped.
   */
  readonly reopen?: ((cache: C) => MaybePromise<BaseCache>) | undefined
}

/**
 * Registers the tests of a cache with `node:test`.
 * @param open gives an empty cache, at each call another
 */
export function testCache<C extends BaseCache>(
  name: string,
  open: () => MaybePromise<C>,
  options: CacheSuiteOptions<C> = {},
): void {
  // It is only ever given what `open` returned.
  const source: CacheSource = { open, reopen: options.reopen as CacheSource['reopen'] }
  describe(`${name} keeps what a cache promises`, () => {
    const check = cacheCheckWith(source)
    checkRequests(check)
    checkRedirects(check)
    checkLifetimes(check)
    checkCredentials(check)
    checkContents(check, sharedCacheCheckWith(source))
  })
}
