/** A request that a person names, by its URL or with method and headers, as the cache sees it. */
import { misuse } from '../errors.ts'
import { completeRequest, readHead, type CacheRequest } from '../request/read-request.ts'

/** A request with its method and headers. */
export interface DetailedTarget {
  readonly url: string | URL
  /** Default GET. */
  readonly method?: string | undefined
  /** What the request says of credentials and Vary fields. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A URL is a GET request without headers. */
export type RequestTarget = string | URL | DetailedTarget

/** @throws TypeError ERR_CACHE_OPTION_INVALID where it is no URL */
export function describeRequest(target: RequestTarget): CacheRequest {
  const { url, method = 'GET', headers } = detailed(target)
  if (!URL.canParse(String(url))) {
    const message = `a request is named by its absolute URL, got ${String(url)}`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  const { origin, pathname, search } = new URL(url)
  const options = { origin, path: pathname + search, method, headers }
  const head = readHead(options)
  if (typeof head === 'string') {
    throw misuse('ERR_CACHE_OPTION_INVALID', `such a request is never cached: ${head}`)
  }
  return completeRequest(options, head, undefined, undefined)
}

/** The target with its parts by name. */
export function detailed(target: RequestTarget): DetailedTarget {
  const whole = typeof target === 'object' && target !== null && !(target instanceof URL)
  return whole ? target : { url: target }
}
