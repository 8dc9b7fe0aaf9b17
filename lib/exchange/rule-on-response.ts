/** Whether a response is stored, by the policy and by the caller's own functions. */
import { CacheError } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { isPromise } from '../maybe-promise.ts'
import {
  decideOnResponse,
  type GivenExpiry,
  type ResponseDecision,
} from '../policy/decide-on-response.ts'
import { earlier, expiryOf, lifetimeForms, type Expiry } from '../policy/lifetime.ts'
import { lifetimeOf, type RequestSummary, type ResponseSummary } from '../policy/lifetime-rules.ts'
import { tagsOf } from '../policy/tags.ts'
import { normalizeUrl } from '../request/normalize-url.ts'
import type { CacheRequest } from '../request/request.ts'
import type { EpochMs } from '../units.ts'

/** A decision, and what the entry is tagged with. */
export type Ruling = ResponseDecision & { readonly tags?: readonly string[] | undefined }

/** @param history the URLs of a chain that was followed below the cache */
export function ruleOnResponse(
  { shared, settings, directives, request }: Exchange,
  response: ResponseSummary,
  history: readonly URL[] | undefined,
  now: EpochMs,
): Ruling {
  if (!shared.guard.available) return { action: 'pass', why: 'cache-unavailable' }
  try {
    const asked = summaries(request, history)
    const given = givenExpiry(settings.lifetimes, asked, response, now)
    const decision = decideOnResponse(directives, response, settings, given, now)
    if (decision.action === 'pass') return decision
    const { filter } = settings
    const wanted = (each: RequestSummary): boolean =>
      filter === undefined || isTrue(filter(each, copied(response)))
    if (!asked.every(wanted)) return { action: 'pass', why: 'filter' }
    return { ...decision, tags: tagsOf(settings, asked[0]!, copied(response)) }
  } catch (cause) {
    const message = 'expireAfter, filter or tags failed; the response is not stored'
    const error = new CacheError('ERR_CACHE_CALLBACK_FAILED', message, { cause })
    shared.guard.failed('write', '', error)
    return { action: 'pass', why: 'callback-failed' }
  }
}

// A chain that was followed below ends in a response that answers each of its URLs: what is said
// about one of them counts for all.
function summaries(request: CacheRequest, history: readonly URL[] = []): RequestSummary[] {
  const { method, url, rules } = request
  const followed = history.slice(1).map(({ origin, pathname, search }) => {
    return normalizeUrl({ origin, path: pathname + search }, rules)?.shown ?? url
  })
  return [...new Set([url, ...followed])].map((each) => ({ method, url: each }))
}

function givenExpiry(
  rules: Exchange['settings']['lifetimes'],
  asked: readonly RequestSummary[],
  response: ResponseSummary,
  now: EpochMs,
): GivenExpiry {
  let expiry: Expiry | null = null
  let ofStatus = false
  for (const request of asked) {
    const given = lifetimeOf(rules, request, response)
    ofStatus ||= given.ofStatus
    if (given.lifetime === undefined) continue
    const at = expiryOf(given.lifetime, now)
    if (at === null) throw new TypeError(`expireAfter must return ${lifetimeForms}`)
    expiry = earlier(expiry, at)
  }
  return { expiry, ofStatus }
}

// A promise would be true whatever it says later.
function isTrue(wanted: unknown): boolean {
  if (isPromise(wanted)) throw new TypeError('filter must return a boolean, got a promise')
  return Boolean(wanted)
}

function copied({ status, headers }: ResponseSummary): ResponseSummary {
  return { status, headers: { ...headers } }
}
