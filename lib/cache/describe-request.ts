/** A request that a person names, by its URL or with method and headers, as the cache sees it. */
import { misuse } from '../errors.ts'
import { completeRequest, readHead, type CacheRequest } from '../request/read-request.ts'

/** A URL is a GET request without headers. */
export type RequestTarget =
  | string
  | URL
  | {
      readonly url: string | URL
      /** Default GET. */
      readonly method?: string | undefined
      /** What the request says of credentials and Vary fields. */
      readonly headers?: Readonly<Record<string, string>> | undefined
    }

/** @throws TypeError ERR_CACHE_OPTION_INVALID where it is no URL */
export function describeRequest(target: RequestTarget): CacheRequest {
  const { url, method = 'GET', headers } = isDetailed(target) ? target : { url: target }
  if (!URL.canParse(String(url))) {
    throw misuse(
      'ERR_CACHE_OPTION_INVALID',
      `a request is named by its absolute URL, got ${String(url)}`,
    )
  }
  const { origin, pathname, search } = new URL(url)
  const options = { origin, path: pathname + search, method, headers }
  const head = readHead(options)
  if (typeof head === 'string') {
    throw misuse('ERR_CACHE_OPTION_INVALID', `such a request is never cached: ${head}`)
  }
  return completeRequest(options, head, undefined, undefined)
}

function isDetailed(target: RequestTarget): target is Exclude<RequestTarget, string | URL> {
  return typeof target === 'object' && target !== null && !(target instanceof URL)
}
