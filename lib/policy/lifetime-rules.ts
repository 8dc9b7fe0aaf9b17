/** Which of the caller's lifetimes counts for a response. */
import { DO_NOT_CACHE, type Lifetime } from './lifetime.ts'
import type { HeaderFields } from '../http/header-lines.ts'

/** What callbacks are told of the request. */
export interface RequestSummary {
  readonly method: string
  /** Without credentials. */
  readonly url: string
}

/** What callbacks are told of the response. */
export interface ResponseSummary {
  readonly status: number
  /** By names in lower case. */
  readonly headers: HeaderFields
}

/** A lifetime, or what gives one for each response; undefined leaves it to the next rule. */
export type ExpireAfter =
  | Lifetime
  | ((request: RequestSummary, response: ResponseSummary) => Lifetime | undefined)

/** The lifetime of URLs that match. */
export interface UrlRule {
  readonly matches: (url: string) => boolean
  readonly lifetime: ExpireAfter
}

/** All that the caller has said about lifetimes, the strongest first. */
export interface LifetimeRules {
  /** Of one call. */
  readonly call: ExpireAfter | undefined
  /** The first that matches counts. */
  readonly urls: readonly UrlRule[]
  /** By status; `4` and `5` stand for all from 400 and from 500. */
  readonly codes: ReadonlyMap<number, ExpireAfter>
  /** Of all others; undefined where the caller has not said. */
  readonly otherwise: ExpireAfter | undefined
}

/** What the caller's lifetimes give a response. */
export interface GivenLifetime {
  /** Undefined where nobody has said. */
  readonly lifetime: Lifetime | undefined
  /** Whether there is one for this very status, which is stored then, whatever is stored else. */
  readonly ofStatus: boolean
}

/**
 * Whether a URL is neither looked up nor stored, which is known before there is a response. A
 * function, which has to see the response, refuses nothing.
 */
export function refusesUrl({ call, urls, otherwise }: LifetimeRules, url: string): boolean {
  // Matching costs more than looking whether there is anything to match for.
  const may = otherwise === DO_NOT_CACHE || urls.some(({ lifetime }) => lifetime === DO_NOT_CACHE)
  if (call !== undefined || !may) return call === DO_NOT_CACHE
  return (ruleOfUrl(urls, url)?.lifetime ?? otherwise) === DO_NOT_CACHE
}

/**
 * The lifetime of a response: of the call, of its status, of its URL, of all, in this order. A URL
 * that is refused is refused for every status; the call alone can say otherwise.
 * @throws what a callback throws
 */
export function lifetimeOf(
  rules: LifetimeRules,
  request: RequestSummary,
  response: ResponseSummary,
): GivenLifetime {
  const ask = (rule: ExpireAfter | undefined): Lifetime | undefined =>
    typeof rule === 'function'
      ? rule(request, { ...response, headers: { ...response.headers } })
      : rule
  const { codes, urls, otherwise } = rules
  const hundred = Math.floor(response.status / 100)
  const ofStatus = ask(codes.get(response.status)) ?? ask(codes.get(hundred))
  const refused = refusesUrl({ ...rules, call: undefined }, request.url)
  const lifetime =
    ask(rules.call) ??
    (refused ? DO_NOT_CACHE : undefined) ??
    ofStatus ??
    ask(ruleOfUrl(urls, request.url)?.lifetime) ??
    ask(otherwise)
  return { lifetime, ofStatus: ofStatus !== undefined }
}

function ruleOfUrl(urls: readonly UrlRule[], url: string): UrlRule | undefined {
  return urls.find((rule) => rule.matches(url))
}
