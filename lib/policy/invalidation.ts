/** Which answers of the origin put what is stored out of date (RFC 9111 §4.3.3, §4.4). */
import type { HeaderFields } from '../http/header-lines.ts'

// RFC 9110 §9.2.1. A QUERY is one too (draft-ietf-httpbis-safe-method-w-body).
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'])

// They tell of the one request, of a proxy or of the load, not of the resource.
const aboutTheRequest: ReadonlySet<number> = new Set([407, 408, 421, 425, 429, 431])

/**
 * Whether an answer to a GET says what the resource is now, so that what was stored before is over,
 * whether the answer itself is stored or not. A failure of the origin (5xx) says nothing about it.
 */
export function endsStored(status: number): boolean {
  return status !== 304 && status < 500 && !aboutTheRequest.has(status)
}

/** Whether the method changes nothing. */
export function isSafe(method: string): boolean {
  return safeMethods.has(method)
}

/**
 * The URLs whose stored responses are out of date: that of the request, and where the response says
 * the result is, as far as that is with the same origin.
 */
export function invalidatedUrls(
  method: string,
  url: string,
  status: number,
  headers: HeaderFields,
): string[] {
  if (isSafe(method) || status < 200 || status >= 400) return []
  const urls = new Set([url])
  const { origin } = new URL(url)
  for (const name of ['location', 'content-location']) {
    const value = headers[name]
    const target = typeof value === 'string' ? URL.parse(value, url) : null
    if (target?.origin === origin) urls.add(target.href)
  }
  return [...urls]
}
