/** Requests that change something make what is stored out of date (RFC 9111 §4.4). */
import type { Dispatcher } from 'undici'
import type { Shared } from './exchange.ts'
import { invalidatedUrls, isSafe } from '../policy/invalidation.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { asksForStream, eachHeader } from '../http/header-fields.ts'
import { normalizeOrigin, writtenUrl } from '../request/normalize-url.ts'
import { completeRequest, readHead } from '../request/read-request.ts'
import type { KeyRules } from '../request/key-rules.ts'
import type { CacheRequest, RequestOptions, UrlParts } from '../request/request.ts'
import { targetOf } from '../request/target-origin.ts'
import type { Settings } from '../options/settings.ts'

/** What a response does to what is stored, as soon as its head is there. */
export type Invalidation = (status: number, headers: HeaderFields) => void

/**
 * Deletes what is stored for the URL of a request, and where its response says that the result is,
 * for the same user. What another user has stored for the same URL is another response.
 * @param origin of a request that names none
 * @returns undefined for a request that changes nothing
 */
export function invalidationBy(
  { guard }: Shared,
  settings: Settings,
  options: Dispatcher.DispatchOptions,
  origin: string | undefined,
): Invalidation | undefined {
  const { cache, keyRules, key, readOnly, allowableMethods } = settings
  const { method } = options
  // Who has it cached says that it changes nothing.
  if (isSafe(method) || readOnly || allowableMethods.has(method)) return undefined
  const asked = { ...options, origin: options.origin || origin }
  // Nobody asks for a request whose origin nobody knows, whatever it changes.
  if (!asked.origin) return undefined
  return (status, headers) => {
    // Whatever fails here, the response goes on to its caller.
    guard.write('delete what is out of date', () => {
      // What the response says is of the host that was meant, and was asked where this one was.
      const sentTo = normalizeOrigin(asked.origin)
      const target = sentTo === undefined ? undefined : targetOf(sentTo, asked.headers)
      const written = writtenUrl({ ...asked, origin: target ?? asked.origin })
      const [own, ...others] = invalidatedUrls(method, written, status, headers)
      if (own === undefined) return undefined
      const { origin: sent } = asked
      const targets: UrlParts[] = [asked, ...others.map((other) => partsOf(other, sent))]
      const requests = targets.flatMap((parts) => requestsFor(parts, asked, keyRules, key))
      return Promise.all(requests.map(async (request) => cache.invalidate(request)))
    })
  }
}

function partsOf(url: string, origin: UrlParts['origin']): UrlParts {
  const { pathname, search } = new URL(url)
  return { origin, path: pathname + search }
}

// What is stored under the URL for the same user.
function requestsFor(
  { origin, path, query }: UrlParts,
  asked: RequestOptions,
  rules: KeyRules | undefined,
  key: string | undefined,
): CacheRequest[] {
  return ['GET', 'HEAD'].flatMap((method) => {
    const headers = fieldsOfUser(asked.headers)
    const options = { ...asked, origin, path, query, method, headers, body: undefined }
    const head = readHead(options, rules)
    return typeof head === 'string' ? [] : [completeRequest(options, head, undefined, key)]
  })
}

// What says how this one request is to be carried out is no part of the next one.
function fieldsOfUser(headers: unknown): string[] {
  const fields: string[] = []
  eachHeader(headers, (name, value) => {
    const streams = /^accept$/i.test(name) && asksForStream(value)
    if (!streams && !/^(?:if-.*|range|content-.*)$/i.test(name)) fields.push(name, value)
  })
  return fields
}
