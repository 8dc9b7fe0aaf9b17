/**
 * The admission of a request: what can be cached becomes an exchange, once its body is known; all
 * else passes by, and is told why.
 */
import type { Dispatcher } from 'undici'
import { CacheError } from './errors.ts'
import type { Route, Shared } from './exchange.ts'
import { invalidationBy } from './invalidate.ts'
import { chain, isPromise } from './maybe-promise.ts'
import { parseCacheControl } from './policy/cache-control.ts'
import { isSafe } from './policy/invalidation.ts'
import { refusesUrl } from './policy/lifetime-rules.ts'
import { flatHeaders, isOneShot } from './request/headers.ts'
import { readBody, type ReadBody } from './request/read-body.ts'
import { completeRequest, readHead } from './request/read-request.ts'
import type { CacheRequest, RequestHead } from './request/request.ts'
import { Downstream } from './response/downstream.ts'
import type { Handler } from './response/handler.ts'
import { passThrough } from './response/pass-through.ts'
import { runExchange } from './run-exchange.ts'
import type { Settings } from './settings.ts'
import { tellBypass } from './tell.ts'

/** A request that has come in, with all that is around it. */
export interface Admission {
  readonly shared: Shared
  readonly settings: Settings
  readonly route: Route
  readonly options: Dispatcher.DispatchOptions
}

/** Takes a request in. @returns what `dispatch()` returns */
export function admitRequest(asked: Admission, handler: Handler): boolean {
  const admission = withReadableHeaders(asked)
  const { settings, options } = admission
  const head = readHead(withOrigin(options, originOf(admission)), settings.keyRules)
  if (typeof head === 'string') {
    // What is no plain exchange of a request and a response is left alone entirely.
    tellBypass(settings.cache, options.method, undefined, head)
    const streams = head === 'event-stream' && isSafe(options.method)
    const plain = head !== 'upgrade' && head !== 'no-origin' && !streams
    return forward(admission, plain ? noted(admission, new Downstream(handler), head) : handler)
  }
  const allowed = settings.allowableMethods.has(options.method)
  if (!allowed && !mayBeGraphql(options, head)) {
    return passBy(admission, new Downstream(handler), head, 'method')
  }
  const refusal = refusalOf(admission, head.url)
  if (refusal !== undefined) return passBy(admission, new Downstream(handler), head, refusal)
  if (options.body === undefined || options.body === null) {
    exchange(admission, new Downstream(handler), head)
  } else {
    withBody(admission, handler, head)
  }
  return true
}

function refusalOf(
  { shared, settings: { lifetimes } }: Admission,
  url: string,
): 'do-not-cache' | 'callback-failed' | undefined {
  try {
    return refusesUrl(lifetimes, url) ? 'do-not-cache' : undefined
  } catch (cause) {
    const message = 'a pattern of urlsExpireAfter failed; the request is not cached'
    const error = new CacheError('ERR_CACHE_CALLBACK_FAILED', message, { cause })
    shared.guard.failed('read', '', error)
    return 'callback-failed'
  }
}

function exchange(
  admission: Admission,
  down: Downstream,
  head: RequestHead,
  body?: ReadBody,
): void {
  const { shared, settings, route, options } = admission
  let request: CacheRequest
  try {
    // A GET with nothing in its body is a GET.
    const digest = body?.isEmpty && isSafe(options.method) ? undefined : body?.digest
    request = completeRequest(options, head, digest, settings.key, body)
  } catch (error) {
    // A function of the caller's; the request goes on as if there were no cache.
    shared.guard.failed('read', 'know a request', error)
    passBy(admission, down, head, 'callback-failed')
    return
  }
  // RFC 9111 §5.4: Pragma counts where there is no Cache-Control.
  const directives = parseCacheControl(request.cacheControl ?? request.pragma)
  try {
    runExchange({ shared, settings, route, options, down, request, directives })
  } catch (error) {
    down.error(error as Error)
  }
}

// The body is part of the key: it has to be known before anything can be looked up.
function withBody(admission: Admission, handler: Handler, head: RequestHead): void {
  const { options, settings } = admission
  const { maxRequestBodyBytes, keyRules, allowableMethods } = settings
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
    const outgoing = body === options.body ? options : replaceBody(options, body)
    const why = whyNot(known, allowableMethods.has(options.method))
    const sent = { ...admission, options: outgoing }
    if (why === undefined) exchange(sent, down, head, known)
    else passBy(sent, down, head, why)
  })
  if (isPromise(done)) done.catch((error: unknown) => down.error(error as Error))
}

function passBy(
  admission: Admission,
  down: Downstream,
  head: RequestHead,
  reason: string,
): boolean {
  const { settings, options } = admission
  tellBypass(settings.cache, options.method, head.url, reason)
  return forward(admission, noted(admission, down, reason))
}

function noted(admission: Admission, down: Downstream, reason: string): Handler {
  const { shared, settings, options } = admission
  const invalidation = invalidationBy(shared, settings, options, originOf(admission))
  return passThrough(down, reason, settings.statusHeaders, invalidation)
}

/** Sends a request on to what is below the cache. */
export function forward(
  { route, options }: Pick<Admission, 'route' | 'options'>,
  handler: Handler,
): boolean {
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

function originOf({ route, settings }: Admission): string | undefined {
  return route.origin ?? settings.origin
}

function withOrigin<T extends { origin?: string | URL | null | undefined }>(
  options: T,
  origin: string | undefined,
): T {
  return options.origin || origin === undefined ? options : { ...options, origin }
}

// Reading a header iterator consumes it.
function withReadableHeaders(admission: Admission): Admission {
  const { options } = admission
  if (!isOneShot(options.headers)) return admission
  return { ...admission, options: { ...options, headers: flatHeaders(options.headers) } }
}

// `fetch` of undici 8 hands the body to a MockAgent a second time.
function replaceBody(
  options: Dispatcher.DispatchOptions,
  body: unknown,
): Dispatcher.DispatchOptions {
  const replaced = { ...options, body } as Dispatcher.DispatchOptions
  if ('__mockAgentBodyForDispatch' in replaced) replaced['__mockAgentBodyForDispatch'] = body
  return replaced
}
