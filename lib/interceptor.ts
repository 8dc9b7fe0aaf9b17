/**
 * The interceptor: opens the cache, takes each request in, and hands those that can be cached to an
 * `Exchange`. All others go through as if it were not there.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Dispatcher } from 'undici'
import { Guard } from './backends/guard.ts'
import type { BaseCache } from './cache/base-cache.ts'
import type { BackendAlias } from './cache/registry.ts'
import { describeRequest, detailed, type RequestTarget } from './cache/describe-request.ts'
import { Flights } from './cache/single-flight.ts'
import { CacheError, invalidOption } from './errors.ts'
import { reportError } from './events.ts'
import type { Route, Shared } from './exchange.ts'
import { invalidationBy } from './invalidate.ts'
import { loopTurn } from './loop-turn.ts'
import { chain, isPromise } from './maybe-promise.ts'
import type { CacheOptions, CallOptions } from './options.ts'
import { parseCacheControl } from './policy/cache-control.ts'
import { isSafe } from './policy/invalidation.ts'
import { refusesUrl } from './policy/lifetime-rules.ts'
import { Refreshes } from './refreshes.ts'
import { flatHeaders, isOneShot } from './request/headers.ts'
import { readBody, type ReadBody } from './request/read-body.ts'
import { completeRequest, readHead } from './request/read-request.ts'
import type { CacheRequest, RequestHead } from './request/request.ts'
import { Downstream } from './response/downstream.ts'
import { asHandler, type Handler } from './response/handler.ts'
import { passThrough } from './response/pass-through.ts'
import { runExchange } from './run-exchange.ts'
import { readOptions, withCallOptions, type Settings } from './settings.ts'
import { tellBypass } from './tell.ts'
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
   */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Makes a cache for undici: `new Agent().compose(cacheInterceptor())`.
 * @throws TypeError ERR_CACHE_OPTION_…; CacheError where the backend cannot be opened
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
    const route: ComposedRoute = { dispatch, followsBelow, origin: origin ?? undefined }
    return (opts, handler) => shell.dispatch(route, opts, handler)
  }
  return Object.assign(interceptor, {
    cache: shell.cache,
    createKey: (target: RequestTarget) => shell.createKey(target),
    with: <T>(call: CallOptions, fn: () => T): T => shell.with(call, fn),
    clear: () => shell.cache.clear(),
    close: () => shell.close(),
    [Symbol.asyncDispose]: () => shell.close(),
  })
}

interface ComposedRoute extends Route {
  /** Of undici 8: what the composed dispatcher connects to, where that is one origin. */
  readonly origin: string | undefined
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
    const { onError, storageTimeout } = this.#settings
    const report = (error: CacheError): void => {
      this.cache.counters.errors++
      reportError(error, onError)
    }
    this.#shared = {
      guard: new Guard({ budget: storageTimeout, report }),
      flights: new Flights(),
      turn: loopTurn,
      refreshes: new Refreshes(),
    }
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

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    await this.#shared.refreshes.end(refreshPatience)
    await (this.#ownsCache ? this.cache.close() : this.cache.flush())
  }

  dispatch(
    route: ComposedRoute,
    given: Dispatcher.DispatchOptions,
    givenHandler: Dispatcher.DispatchHandler,
  ): boolean {
    const handler = asHandler(givenHandler)
    const settings = this.#settingsOf(given)
    if (settings.disabled || this.#closed !== undefined) return forward(route, given, handler)
    // Reading a header iterator consumes it.
    const options = isOneShot(given.headers)
      ? { ...given, headers: flatHeaders(given.headers) }
      : given

    const { keyRules } = settings
    const head = readHead(withOrigin(options, route.origin ?? settings.origin), keyRules)
    if (typeof head === 'string') {
      // What is no plain exchange of a request and a response is left alone entirely.
      tellBypass(settings.cache, options.method, undefined, head)
      const streams = head === 'event-stream' && isSafe(options.method)
      const plain = head !== 'upgrade' && head !== 'no-origin' && !streams
      return forward(
        route,
        options,
        plain ? this.#noted(route, settings, options, new Downstream(handler), head) : handler,
      )
    }
    const allowed = settings.allowableMethods.has(options.method)
    if (!allowed && !mayBeGraphql(options, head)) {
      return this.#passBy(route, settings, options, new Downstream(handler), head, 'method')
    }
    const refusal = this.#refusal(settings, head.url)
    if (refusal !== undefined) {
      return this.#passBy(route, settings, options, new Downstream(handler), head, refusal)
    }
    if (options.body === undefined || options.body === null) {
      this.#exchange(route, settings, options, new Downstream(handler), head)
    } else {
      this.#withBody(route, settings, options, handler, head)
    }
    return true
  }

  #refusal({ lifetimes }: Settings, url: string): 'do-not-cache' | 'callback-failed' | undefined {
    try {
      return refusesUrl(lifetimes, url) ? 'do-not-cache' : undefined
    } catch (cause) {
      const message = 'a pattern of urlsExpireAfter failed; the request is not cached'
      const error = new CacheError('ERR_CACHE_CALLBACK_FAILED', message, { cause })
      this.#shared.guard.failed('read', '', error)
      return 'callback-failed'
    }
  }

  #exchange(
    route: ComposedRoute,
    settings: Settings,
    options: Dispatcher.DispatchOptions,
    down: Downstream,
    head: RequestHead,
    body?: ReadBody,
  ): void {
    let request: CacheRequest
    try {
      // A GET with nothing in its body is a GET.
      const digest = body?.isEmpty && isSafe(options.method) ? undefined : body?.digest
      request = completeRequest(options, head, digest, settings.key, body)
    } catch (error) {
      // A function of the caller's; the request goes on as if there were no cache.
      this.#shared.guard.failed('read', 'know a request', error)
      this.#passBy(route, settings, options, down, head, 'callback-failed')
      return
    }
    // RFC 9111 §5.4: Pragma counts where there is no Cache-Control.
    const directives = parseCacheControl(request.cacheControl ?? request.pragma)
    try {
      runExchange({ shared: this.#shared, settings, route, options, down, request, directives })
    } catch (error) {
      down.error(error as Error)
    }
  }

  // The body is part of the key: it has to be known before anything can be looked up.
  #withBody(
    route: ComposedRoute,
    settings: Settings,
    options: Dispatcher.DispatchOptions,
    handler: Handler,
    head: RequestHead,
  ): void {
    const { maxRequestBodyBytes, keyRules } = settings
    const read = readBody(options.body, head.contentType, maxRequestBodyBytes, keyRules)
    const down = new Downstream(handler)
    // fetch ends a body that fails as if it were complete, and aborts when it is told that the
    // request has begun: it is told now, before a short body is taken for the whole.
    if (isPromise(read))
      read.then(
        () => down.start(),
        () => {},
      )
    const done = chain(read, (known) => {
      if (down.ended) return
      const { body } = known
      const outgoing = body === options.body ? options : withBody(options, body)
      const why = whyNot(known, settings.allowableMethods.has(options.method))
      if (why === undefined) this.#exchange(route, settings, outgoing, down, head, known)
      else this.#passBy(route, settings, outgoing, down, head, why)
    })
    if (isPromise(done)) done.catch((error: unknown) => down.error(error as Error))
  }

  #passBy(
    route: ComposedRoute,
    settings: Settings,
    options: Dispatcher.DispatchOptions,
    down: Downstream,
    head: RequestHead,
    reason: string,
  ): boolean {
    tellBypass(settings.cache, options.method, head.url, reason)
    return forward(route, options, this.#noted(route, settings, options, down, reason))
  }

  #noted(
    route: ComposedRoute,
    settings: Settings,
    options: Dispatcher.DispatchOptions,
    down: Downstream,
    reason: string,
  ): Handler {
    const origin = route.origin ?? settings.origin
    const invalidation = invalidationBy(this.#shared, settings, options, origin)
    return passThrough(down, reason, settings.statusHeaders, invalidation)
  }

  #settingsOf(options: Dispatcher.DispatchOptions): Settings {
    const inherited = this.#calls.getStore() ?? this.#settings
    const { cache } = options as { cache?: unknown }
    if (cache === undefined) return inherited
    if (typeof cache !== 'object' || cache === null) {
      throw invalidOption('cache', 'an object with the options of this call', cache)
    }
    return withCallOptions(inherited, cache)
  }
}

function forward(route: Route, options: Dispatcher.DispatchOptions, handler: Handler): boolean {
  return route.dispatch(options, handler)
}

// Whether it is a query can be told only when its body has been read.
function mayBeGraphql({ method, body }: Dispatcher.DispatchOptions, head: RequestHead): boolean {
  if (head.ruled?.rules.graphql !== true || method !== 'POST') return false
  return body !== undefined && body !== null && /json|graphql/i.test(head.contentType ?? '')
}

function whyNot({ digest, operation }: ReadBody, allowed: boolean): string | undefined {
  if (operation === 'mutation' || operation === 'subscription') return `graphql-${operation}`
  if (!allowed && operation === undefined) return 'method'
  return digest === undefined ? 'body' : undefined
}

function withOrigin<T extends { origin?: string | URL | null | undefined }>(
  options: T,
  origin: string | undefined,
): T {
  return options.origin || origin === undefined ? options : { ...options, origin }
}

// `fetch` of undici 8 hands the body to a MockAgent a second time.
function withBody(options: Dispatcher.DispatchOptions, body: unknown): Dispatcher.DispatchOptions {
  const replaced = { ...options, body } as Dispatcher.DispatchOptions
  if ('__mockAgentBodyForDispatch' in replaced) replaced['__mockAgentBodyForDispatch'] = body
  return replaced
}
