/**
 * The admission of a request: what can be cached becomes an exchange, once its body is known; all
 * else passes by, and is told why.
 */
import type { Dispatcher } from 'undici'
import { CacheError } from '../errors.ts'
import type { Route, Shared } from './exchange.ts'
import { invalidationBy } from './invalidate.ts'
import { isPromise } from '../maybe-promise.ts'
import { parseCacheControl } from '../policy/cache-control.ts'
import { isSafe } from '../policy/invalidation.ts'
import { refusesUrl } from '../policy/lifetime-rules.ts'
import { discardBody } from '../request/discard-body.ts'
import { headerValue, isOneShot, readOnce } from '../http/header-fields.ts'
import { readBody, type ReadBody } from '../request/read-body.ts'
import { completeRequest, readHead } from '../request/read-request.ts'
import type { CacheRequest, RequestHead } from '../request/request.ts'
import { Downstream } from '../response/downstream.ts'
import type { Handler } from '../response/handler.ts'
import { passThrough } from '../response/pass-through.ts'
import { playRefusal, refusalInfo } from '../response/refusal.ts'
import { runExchange } from './run-exchange.ts'
import { StorageWait } from './storage-wait.ts'
import type { Settings } from '../options/settings.ts'
import { tellBypass, tellRefusal } from './report.ts'

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
  const head = understand(admission)
  if (typeof head === 'string') {
    if (head === 'no-origin') tellOriginless(admission)
    const streams = head === 'event-stream' && isSafe(options.method)
    return streams || unread.has(head)
      ? leaveAlone(admission, handler, head)
      : passBy(admission, new Downstream(handler), undefined, head)
  }
  const allowed = settings.allowableMethods.has(options.method)
  if (!allowed && !mayBeGraphql(options, head)) {
    return passBy(admission, new Downstream(handler), head.url, 'method')
  }
  const refusal = refusalOf(admission, head.url)
  if (refusal !== undefined) return passBy(admission, new Downstream(handler), head.url, refusal)
  const down = new Downstream(handler)
  if (options.body === undefined || options.body === null) exchange(admission, down, head)
  else withBody(admission, down, head)
  return down.takesMore
}

/** What is no plain exchange of a request and a response is left alone entirely. */
const unread: ReadonlySet<string> = new Set(['upgrade', 'no-origin', 'malformed'])

// What cannot be read at all, header fields that are none, is for undici to refuse.
function understand(admission: Admission): ReturnType<typeof readHead> {
  try {
    const options = withOrigin(admission.options, originOf(admission))
    return readHead(options, admission.settings.keyRules)
  } catch {
    return 'malformed'
  }
}

// A cache that does nothing, and nobody knows why.
function tellOriginless({ shared, options, route, settings }: Admission): void {
  if (options.origin || originOf({ route, settings }) !== undefined) return
  if (shared.told.has('no-origin')) return
  shared.told.add('no-origin')
  const message =
    'requests that name no origin are not cached, as those of a BalancedPool, or of a Client or Pool ' +
    "of undici 7: set the option 'origin', or compose the cache with an Agent"
  shared.report(new CacheError('ERR_CACHE_ORIGIN_UNKNOWN', message))
}

/**
 * Takes a request in of which the cache does not want to know anything: the handler gets the
 * response as if there were no cache, or a refusal where nobody may be asked.
 */
export function leaveAlone(asked: Admission, handler: Handler, reason: string): boolean {
  const admission = withReadableHeaders(asked)
  const { settings, options } = admission
  if (mayAsk(admission)) {
    tellBypass(settings.cache, options.method, undefined, reason)
    return forward(admission, handler)
  }
  return refuse(admission, new Downstream(handler), undefined, reason)
}

/** Whether the origin may be asked at all (RFC 9111 §5.2.1.7, and the option of that name). */
function mayAsk({ settings, options }: Admission): boolean {
  if (settings.onlyIfCached) return false
  try {
    const field = headerValue(options.headers, 'cache-control')
    return !parseCacheControl(field).has('only-if-cached')
  } catch {
    // Header fields that cannot be read say nothing; undici sends no such request.
    return true
  }
}

// Nobody may be asked, and the cache has no answer to such a request.
function refuse(
  { settings, options }: Admission,
  down: Downstream,
  url: string | undefined,
  why: string,
): true {
  const info = refusalInfo(`only-if-cached:${why}`, undefined)
  tellRefusal(settings.cache, { method: options.method, url }, info)
  discardBody(options.body)
  if (options.upgrade || options.method === 'CONNECT') {
    const message = 'a connection cannot be opened where the origin must not be asked'
    down.error(new CacheError('ERR_CACHE_ONLY_IF_CACHED', message))
  } else {
    down.context['cache'] = info
    playRefusal(down, info, why, settings.statusHeaders)
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
    passBy(admission, down, head.url, 'callback-failed')
    return
  }
  // RFC 9111 §5.4: Pragma counts where there is no Cache-Control.
  const directives = parseCacheControl(request.cacheControl ?? request.pragma)
  try {
    const wait = new StorageWait(settings.storageTimeout)
    runExchange({ shared, settings, route, options, down, request, directives, wait })
  } catch (error) {
    down.error(error as Error)
  }
}

// The body is part of the key: it has to be known before anything can be looked up.
function withBody(admission: Admission, down: Downstream, head: RequestHead): void {
  const { options, settings } = admission
  const source = new AbortController()
  const read = readBody(
    options.body,
    head.contentType,
    settings.maxRequestBodyBytes,
    settings.keyRules,
    {
      patience: settings.storageTimeout,
      signal: source.signal,
      contentLength: headerValue(options.headers, 'content-length'),
    },
  )
  if (!isPromise(read)) return goOn(admission, down, head, read)
  // An abort gets through while the body is being read. And fetch ends a body that fails as if it
  // were complete, after it has aborted what has begun: nobody takes a short body for the whole.
  down.attach({
    abort(reason) {
      down.detach()
      source.abort(reason)
      down.error(reason)
    },
    pause() {},
    resume() {},
  })
  down.start()
  read
    .then((known) => {
      if (down.ended) return
      down.detach()
      goOn(admission, down, head, known)
      // What was refused, or could not be sent, is not read any further.
      if (down.ended) source.abort()
    })
    .catch((error: unknown) => {
      source.abort()
      down.error(error as Error)
    })
}

function goOn(admission: Admission, down: Downstream, head: RequestHead, read: ReadBody): void {
  const { options, settings } = admission
  const { body } = read
  const outgoing = body === options.body ? options : replaceBody(options, body)
  const sent = { ...admission, options: outgoing }
  const why = whyNot(read, settings.allowableMethods.has(options.method))
  if (why === undefined) exchange(sent, down, head, read)
  else passBy(sent, down, head.url, why)
}

function passBy(
  admission: Admission,
  down: Downstream,
  url: string | undefined,
  reason: string,
): boolean {
  const { settings, options } = admission
  if (!mayAsk(admission)) return refuse(admission, down, url, reason)
  tellBypass(settings.cache, options.method, url, reason)
  down.sent(forward(admission, noted(admission, down, reason)))
  return down.takesMore
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

function whyNot({ digest, operation, isSlow }: ReadBody, allowed: boolean): string | undefined {
  if (operation === 'mutation' || operation === 'subscription') return `graphql-${operation}`
  if (!allowed && operation === undefined) return 'method'
  if (digest !== undefined) return undefined
  return isSlow ? 'body-slow' : 'body'
}

function originOf({ route, settings }: Pick<Admission, 'route' | 'settings'>): string | undefined {
  return route.origin ?? settings.origin
}

function withOrigin<T extends { origin?: string | URL | null | undefined }>(
  options: T,
  origin: string | undefined,
): T {
  return options.origin || origin === undefined ? options : { ...options, origin }
}

// Reading a header iterator consumes it: undici gets what was read, or fails as it would have.
function withReadableHeaders(admission: Admission): Admission {
  const { options } = admission
  if (!isOneShot(options.headers)) return admission
  return { ...admission, options: { ...options, headers: readOnce(options.headers) } }
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
