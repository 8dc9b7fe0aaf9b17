/**
 * Requests for different URLs may share a key: of parameters in another order, or of those that the
 * rules ignore. Where one of them redirects to the other, what is stored for the first would be
 * replayed to the second, and so on for ever. Such a redirect is replayed only where it is known to
 * lead to a stored response.
 */
import { chain, type MaybePromise } from '../maybe-promise.ts'
import { eachHeader } from '../request/headers.ts'
import { sentUrl } from '../request/read-request.ts'
import type { CacheRequest } from '../request/request.ts'
import { describeRequest, type DetailedTarget } from './describe-request.ts'
import { nextTarget } from './history.ts'
import { findStored, notFound, type Found, type Lookup } from './lookup.ts'
import type { Shelves } from './shelf.ts'

/** What was found for a request, but for a redirect that may lead back to it. */
export function withoutLoops(
  lookup: Lookup,
  request: CacheRequest,
  shelves: Shelves,
): MaybePromise<Lookup> {
  const { found } = lookup
  if (found?.shelf !== shelves.redirects || !mayShareKey(request)) return lookup
  return chain(leadsToResponse(request, found, shelves), (known) => (known ? lookup : notFound))
}

function mayShareKey({ rules, givenKey, url }: CacheRequest): boolean {
  if (givenKey !== undefined || rules?.matchesQuery === true || rules?.keyFn !== undefined)
    return true
  // The order of parameters.
  return url.includes('&')
}

async function leadsToResponse(
  request: CacheRequest,
  found: Found,
  shelves: Shelves,
): Promise<boolean> {
  const seen = new Set<string>()
  let hop: Found | undefined = found
  let target: DetailedTarget | undefined = targetOf(request)
  for (let next = request; hop !== undefined && !seen.has(next.key);) {
    if (hop.shelf !== shelves.redirects) return true
    seen.add(next.key)
    target = nextTarget(target, next, hop.entry)
    // What it would send is not known any more.
    if (target === undefined || (target.method !== 'GET' && target.method !== 'HEAD')) return false
    try {
      next = describeRequest(target, request.rules)
    } catch {
      // It is never cached, or a function of the caller's fails: the origin will tell.
      return false
    }
    hop = (await findStored(shelves, next, false)).found
  }
  return false
}

function targetOf({ method, url, via, headers, givenKey }: CacheRequest): DetailedTarget {
  const fields = new Map<string, string>()
  eachHeader(headers, (name, value) => {
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  })
  return { method, url: sentUrl({ url, via }), headers: Object.fromEntries(fields), key: givenKey }
}
