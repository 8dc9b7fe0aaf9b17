/**
 * The interceptor: opens the cache, and knows with which options each request is made. What becomes
 * of a request is decided in `admit-request.ts`.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Dispatcher } from 'undici'
import { admitRequest, forward, leaveAlone } from './exchange/admit-request.ts'
import { Guard } from './exchange/storage-guard.ts'
import type { BaseCache } from './cache/base-cache.ts'
import { closeRules, closeTimeout, inTime, type CloseOptions } from './cache/close.ts'
import { checkOptions } from './check-options.ts'
import type { BackendAlias } from './backends/open-backend.ts'
import { describeRequest, detailed, type RequestTarget } from './entries/describe-request.ts'
import { flightsOf } from './cache/single-flight.ts'
import { CacheError, invalidOption } from './errors.ts'
import { reportError } from './events.ts'
import type { Route, Shared } from './exchange/exchange.ts'
import { loopTurn } from './loop-turn.ts'
import type { CacheOptions, CallOptions } from './options/options.ts'
import { Refreshes } from './exchange/refreshes.ts'
import { asHandler, isHandler } from './response/handler.ts'
import { monotonicNow } from './timers.ts'
import { readOptions, withCallOptions, type Settings } from './options/settings.ts'
import type { Ms } from './units.ts'

/** What `cacheInterceptor()` returns: for `compose()`, with the cache at hand. */
export interface CacheInterceptor {
  (dispatch: Dispatcher.Dispatch): Dispatcher.Dispatch
  /** What is stored. */
  readonly cache: BaseCache
  /** The key under which a request is stored, with the options that are in force here. */
  createKey(target: RequestTarget): string
  /** Runs `fn`; its requests, `fetch` and all others, get these options. Calls may be nested. */
  with<T>(options: CallOptions, fn: () => T): T
  /** Deletes everything that is stored. */
  clear(): Promise<void>
  /**
   * Waits for what is being written and closes the cache, if it was opened by its alias; one that
   * was handed in stays open. Requests go to the origin from then on. Idempotent.
   * @throws TypeError ERR_CACHE_OPTION_…
   */
  close(options?: CloseOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes a cache for undici: `new Agent().compose(cacheInterceptor())`.
 * @throws TypeError ERR_CACHE_OPTION_…; CacheError ERR_CACHE_DRIVER_MISSING, ERR_CACHE_FILE_FOREIGN
 */
export function cacheInterceptor<Alias extends BackendAlias = 'sqlite'>(
  options: CacheOptions<Alias> = {},
): CacheInterceptor {
  const shell = new Shell(options)
  const interceptor = (
    dispatch: Dispatcher.Dispatch,
    origin?: string | null,
  ): Dispatcher.Dispatch => {
    // `compose()` hands the first interceptor the dispatcher's own method, bound: then there is
    // none below that could follow redirects.
    const followsBelow = dispatch.name === 'bound dispatch' ? false : undefined
    const route: Route = { dispatch, followsBelow, origin: origin ?? undefined }
    return (opts, handler) => shell.dispatch(route, opts, handler)
  }
  return Object.assign(interceptor, {
    cache: shell.cache,
    createKey: (target: RequestTarget) => shell.createKey(target),
    with: <T>(call: CallOptions, fn: () => T): T => shell.with(call, fn),
    clear: () => shell.cache.clear(),
    close: (closing?: CloseOptions) => shell.close(closing),
    [Symbol.asyncDispose]: () => shell.close(),
  })
}

// How long a program that ends waits for the origin.
const refreshPatience: Ms = 3_000

class Shell {
  readonly #settings: Settings
  readonly #shared: Shared
  readonly #calls = new AsyncLocalStorage<Settings>()
  readonly #ownsCache: boolean
  #closed: Promise<void> | undefined

  constructor(options: CacheOptions) {
    this.#settings = readOptions(options)
    this.#ownsCache = options.backend !== this.#settings.cache
    this.cache.useKeyRules(this.#settings.keyRules)
    this.cache.useChecks(this.#settings.checkStored)
    const { onError, storageTimeout, unavailable } = this.#settings
    const report = (error: CacheError): void => {
      this.cache.counters.errors++
      reportError(error, onError)
    }
    this.#shared = {
      guard: new Guard({ budget: storageTimeout, report }),
      flights: flightsOf(this.cache),
      turn: loopTurn,
      refreshes: new Refreshes(),
      report,
      told: new Set(),
    }
    if (unavailable !== undefined) this.#shared.guard.giveUp(unavailable)
  }

  get cache(): BaseCache {
    return this.#settings.cache
  }

  createKey(target: RequestTarget): string {
    const { key, keyRules } = this.#calls.getStore() ?? this.#settings
    return describeRequest(key === undefined ? target : { ...detailed(target), key }, keyRules).key
  }

  with<T>(call: CallOptions, fn: () => T): T {
    return this.#calls.run(withCallOptions(this.#calls.getStore() ?? this.#settings, call), fn)
  }

  close(options: CloseOptions = {}): Promise<void> {
    checkOptions(options, closeRules, ' of close()')
    return (this.#closed ??= this.#close(options.timeout ?? closeTimeout))
  }

  async #close(timeout: Ms): Promise<void> {
    const until = monotonicNow() + timeout
    const left = (): Ms => Math.max(0, until - monotonicNow())
    await this.#shared.refreshes.end(Math.min(refreshPatience, timeout))
    if (this.#ownsCache) await this.cache.close({ timeout: left() })
    else await inTime(left(), () => this.cache.flush())
  }

  dispatch(
    route: Route,
    options: Dispatcher.DispatchOptions,
    givenHandler: Dispatcher.DispatchHandler,
  ): boolean {
    const settings = this.#settingsOf(options)
    if (!isHandler(givenHandler) || typeof options !== 'object' || options === null) {
      if (settings.onlyIfCached && !settings.disabled) {
        const message = 'a request without options or handler cannot be refused, and goes nowhere'
        throw new CacheError('ERR_CACHE_ONLY_IF_CACHED', message)
      }
      // undici says what is wrong with it.
      return route.dispatch(options, givenHandler)
    }
    const handler = asHandler(givenHandler)
    if (settings.disabled) return forward({ route, options }, handler)
    const admission = { shared: this.#shared, settings, route, options }
    if (this.#closed === undefined) return admitRequest(admission, handler)
    return leaveAlone(admission, handler, 'closed')
  }

  #settingsOf(options: Dispatcher.DispatchOptions): Settings {
    const inherited = this.#calls.getStore() ?? this.#settings
    const { cache } = (options ?? {}) as { cache?: unknown }
    if (cache === undefined) return inherited
    if (typeof cache !== 'object' || cache === null) {
      throw invalidOption('cache', 'an object with the options of this call', cache)
    }
    return withCallOptions(inherited, cache)
  }
}
