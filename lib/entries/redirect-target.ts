/**
 * What a stored redirect leads to, as far as that is stored.
 *
 * Requests for different URLs may share a key: of parameters in another order, or of those that the
 * rules ignore. Where one of them redirects to the other, what is stored for the first would be
 * replayed to the second, and so on for ever. Such a redirect is replayed only where it is known to
 * lead to a stored response.
 */
import { chain, type MaybePromise } from '../maybe-promise.ts'
import { eachHeader } from '../http/header-fields.ts'
import { completeRequest, readHead, sentUrl, shapeOfFetch } from '../request/read-request.ts'
import type { CacheRequest } from '../request/request.ts'
import { describeRequest, type DetailedTarget } from './describe-request.ts'
import { nextTarget } from './history.ts'
import { findStored, notFound, type Found, type Lookup } from './lookup.ts'
import type { EntryStores } from './entry-store.ts'

/** Where a stored redirect leads. */
export interface RedirectTarget {
  /** What is stored on the way, the redirect itself aside; the last one may be the response. */
  readonly steps: readonly Found[]
  /** Whether the last one is a response, and no redirect. */
  readonly complete: boolean
  /** The first request for which nothing is stored; undefined where nobody knows what it would be. */
  readonly missing?: CacheRequest | undefined
}

const nowhere: RedirectTarget = { steps: [], complete: false }

/** What was found for a request, but for a redirect that may lead back to it. */
export function withoutLoops(
  lookup: Lookup,
  request: CacheRequest,
  entryStores: EntryStores,
): MaybePromise<Lookup> {
  const { found } = lookup
  if (found?.entryStore !== entryStores.redirects || !mayShareKey(request)) return lookup
  return chain(targetOf(request, found, entryStores), ({ complete }) =>
    complete ? lookup : notFound,
  )
}

function mayShareKey({ rules, givenKey, url }: CacheRequest): boolean {
  if (givenKey !== undefined || rules?.matchesQuery === true || rules?.keyFn !== undefined)
    return true
  // The order of parameters.
  return url.includes('&')
}

/** Follows a stored redirect through what is stored. */
export function targetOf(
  request: CacheRequest,
  redirect: Found,
  entryStores: EntryStores,
): MaybePromise<RedirectTarget> {
  const seen = new Set([request.key])
  const steps: Found[] = []
  const follow = (
    asked: DetailedTarget,
    from: CacheRequest,
    hop: Found,
  ): MaybePromise<RedirectTarget> => {
    const target = nextTarget(asked, from, hop.entry)
    const next = target && requestFor(target, from)
    if (target === undefined || next === undefined) return nowhere
    return chain(findStored(entryStores, next, false), ({ found }) => {
      if (found === undefined) return { steps, complete: false, missing: next }
      steps.push(found)
      if (found.entryStore !== entryStores.redirects) return { steps, complete: true }
      if (seen.has(next.key)) return nowhere
      seen.add(next.key)
      return follow(target, next, found)
    })
  }
  return follow(described(request), request, redirect)
}

// Undefined where it is never cached, or nobody knows how: then the origin will tell.
function requestFor(target: DetailedTarget, from: CacheRequest): CacheRequest | undefined {
  const { rules, bodyDigest, isOperation } = from
  const sendsBody = target.method === from.method && bodyDigest !== undefined
  // The body itself is not there any more for functions of the caller's that want to see it.
  if (sendsBody && (rules?.keyFn !== undefined || typeof rules?.identity === 'function')) {
    return undefined
  }
  try {
    return sendsBody
      ? withDigest(target, from, { digest: bodyDigest, isOperation })
      : describeRequest(target, rules, from.fromFetch ? 'fetch' : 'anybody')
  } catch {
    return undefined
  }
}

function withDigest(
  { url, headers, key }: DetailedTarget,
  { method, rules, fromFetch }: CacheRequest,
  body: { readonly digest: string; readonly isOperation: true | undefined },
): CacheRequest | undefined {
  const { origin, pathname, search } = new URL(url)
  const shape = fromFetch ? shapeOfFetch : {}
  const options = { ...shape, origin, path: pathname + search, method, headers }
  const head = readHead(options, rules)
  if (typeof head === 'string') return undefined
  return completeRequest(options, head, body.digest, key, body)
}

function described({ method, url, via, headers, givenKey }: CacheRequest): DetailedTarget {
  const fields = new Map<string, string>()
  eachHeader(headers, (name, value) => {
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  })
  return { method, url: sentUrl({ url, via }), headers: Object.fromEntries(fields), key: givenKey }
}
