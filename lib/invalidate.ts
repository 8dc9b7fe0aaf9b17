/** Requests that change something make what is stored out of date (RFC 9111 §4.4). */
import type { Dispatcher } from 'undici'
import type { Shared } from './exchange.ts'
import type { Settings } from './settings.ts'
import { invalidatedUrls, isSafe } from './policy/invalidation.ts'
import type { HeaderFields } from './policy/validators.ts'
import { eachHeader } from './request/headers.ts'
import { writtenUrl } from './request/normalize-url.ts'
import { completeRequest, readHead } from './request/read-request.ts'

/** What a response does to what is stored, as soon as its head is there. */
export type Invalidation = (status: number, headers: HeaderFields) => void

/**
 * Deletes what is stored for the URL of a request, and where its response says that the result is,
 * for the same user. What another user has stored for the same URL is another response.
 * @returns undefined for a request that changes nothing
 */
export function invalidationBy(
  { guard }: Shared,
  settings: Settings,
  options: Dispatcher.DispatchOptions,
): Invalidation | undefined {
  const { cache, keyRules, key, readOnly, allowableMethods } = settings
  const { method } = options
  // Who has it cached says that it changes nothing.
  if (isSafe(method) || readOnly || allowableMethods.has(method)) return undefined
  return (status, headers) => {
    for (const url of invalidatedUrls(method, writtenUrl(options), status, headers)) {
      const { origin, pathname, search } = new URL(url)
      for (const safe of ['GET', 'HEAD']) {
        const path = pathname + search
        const asked = { origin, path, method: safe, headers: fieldsOfUser(options.headers) }
        const head = readHead(asked, keyRules)
        if (typeof head === 'string') continue
        guard.write('delete what is out of date', () =>
          cache.invalidate(completeRequest(asked, head, undefined, key)),
        )
      }
    }
  }
}

// What says how this one request is to be carried out is no part of the next one.
function fieldsOfUser(headers: unknown): string[] {
  const fields: string[] = []
  eachHeader(headers, (name, value) => {
    if (!/^(?:if-.*|range|accept|content-.*)$/i.test(name)) fields.push(name, value)
  })
  return fields
}
