/** A request that a person names, by its URL or with method, headers and body, as the cache sees it. */
import { invalidOption, misuse } from '../errors.ts'
import type { KeyRules } from '../request/key-rules.ts'
import { keyBody } from '../request/normalize-body.ts'
import { completeRequest, readHead, shapeOfFetch } from '../request/read-request.ts'
import type { CacheRequest } from '../request/request.ts'

/** A request with its method and headers. */
export interface DetailedTarget {
  readonly url: string | URL
  /** Default GET; POST where there is a body. */
  readonly method?: string | undefined
  /** What the request says of credentials, Vary fields and fields in the key. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * What it sends, with the Content-Type that `headers` name; any other object than bytes and
   * `URLSearchParams` is sent as JSON.
   */
  readonly body?: string | Uint8Array | object | undefined
  /** The key of the caller, where it was sent with one. */
  readonly key?: string | undefined
}

/** A URL is a GET request without headers. */
export type RequestTarget = string | URL | DetailedTarget

/** Whether it names one request, rather than conditions that many may meet. */
export function isTarget(what: object | string): what is RequestTarget {
  return typeof what === 'string' || what instanceof URL || 'url' in what
}

/**
 * @param rules under which it is sent
 * @param by whom, where that is known: what fetch writes by itself does not count
 * @throws TypeError ERR_CACHE_OPTION_INVALID where it is no URL; CacheError where a function of the rules fails
 */
export function describeRequest(
  target: RequestTarget,
  rules?: KeyRules,
  by: 'fetch' | 'anybody' = 'anybody',
): CacheRequest {
  const { url, body: given, key, ...rest } = detailed(target)
  if (!URL.canParse(String(url))) {
    const message = `a request is named by its absolute URL, got ${String(url)}`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  const { origin, pathname, search } = new URL(url)
  const sent = given === undefined ? undefined : sentBody(given)
  const { method = sent === undefined ? 'GET' : 'POST' } = rest
  const headers = withType(rest.headers, sent?.type)
  const shape = by === 'fetch' ? shapeOfFetch : {}
  const options = { ...shape, origin, path: pathname + search, method, headers, body: sent?.bytes }
  const head = readHead(options, rules)
  if (typeof head === 'string') throw neverCached(head)
  if (sent === undefined) return completeRequest(options, head, undefined, key)
  const body = keyBody(head.contentType, sent.bytes, rules)
  if (body.operation !== undefined && body.operation !== 'query') {
    throw neverCached(`graphql-${body.operation}`)
  }
  return completeRequest(options, head, body.digest, key, { ...body, content: sent.bytes })
}

/** The target with its parts by name. */
export function detailed(target: RequestTarget): DetailedTarget {
  const whole = typeof target === 'object' && target !== null && !(target instanceof URL)
  return whole ? target : { url: target }
}

interface SentBody {
  readonly bytes: Buffer
  /** As undici and fetch name it, where the caller names none. */
  readonly type: string | undefined
}

function sentBody(body: unknown): SentBody {
  if (typeof body === 'string') return { bytes: Buffer.from(body), type: undefined }
  if (body instanceof Uint8Array) {
    return { bytes: Buffer.from(body.buffer, body.byteOffset, body.byteLength), type: undefined }
  }
  if (body instanceof URLSearchParams) {
    const type = 'application/x-www-form-urlencoded;charset=UTF-8'
    return { bytes: Buffer.from(body.toString()), type }
  }
  const expected = 'a text, bytes, URLSearchParams or an object that is sent as JSON'
  // Streams and forms become bytes only when they are sent.
  if (typeof body !== 'object' || body === null || Symbol.asyncIterator in body || isForm(body)) {
    throw invalidOption('body', expected, body)
  }
  return { bytes: Buffer.from(JSON.stringify(body)), type: 'application/json' }
}

function isForm(body: object): boolean {
  return body instanceof FormData || body instanceof Blob
}

function withType(
  headers: DetailedTarget['headers'] = {},
  type: string | undefined,
): Readonly<Record<string, string>> {
  const named = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  return type === undefined || named ? headers : { ...headers, 'content-type': type }
}

function neverCached(why: string): TypeError {
  return misuse('ERR_CACHE_OPTION_INVALID', `such a request is never cached: ${why}`)
}
