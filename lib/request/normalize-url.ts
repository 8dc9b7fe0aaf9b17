/**
 * The URL of a request as it enters the key: parameters sorted by name, credentials taken out.
 * Nothing else is touched, for what looks the same need not be the same to the origin.
 *
 * undici has parsed the URL already and sends the path as it is, so origin and path are put together
 * by hand: that is 31 times as fast as parsing them again.
 */
import { stringify } from 'node:querystring'
import { redacted, shortestCredentialOf } from '../secrets/credentials.ts'
import type { KeyRules } from './key-rules.ts'
import { matchQuery } from './match-query.ts'
import type { NormalizedUrl, UrlParts } from './request.ts'
import { escapePath, sortParameters } from '../http/parameters.ts'

const plainPath = /^\/[\w\-.~!$'()*+,;:@/%?=&[\]]*$/
const noCredentials: readonly string[] = []

/** @returns undefined where there is no origin, or none that can be understood. */
export function normalizeUrl(parts: UrlParts, rules?: KeyRules): NormalizedUrl | undefined {
  const origin = normalizeOrigin(parts.origin)
  if (origin === undefined) return undefined
  const path = plainPath.test(parts.path) ? parts.path : sentPath(parts.path)
  if (path === undefined) return undefined
  const question = path.indexOf('?')
  const query = parts.query === undefined || parts.query === null ? '' : stringify(parts.query)
  // undici refuses a query beside a path that has one; that error is the origin's side to give.
  if (query !== '' && question !== -1) return undefined
  if (query === '' && question === -1) {
    const url = origin + path
    return { normalized: url, shown: url, credentials: noCredentials }
  }
  const pathname = question === -1 ? path : path.slice(0, question)
  const before = `${origin}${pathname}?`
  const written = query === '' ? path.slice(question + 1) : query
  return rules?.matchesQuery === true
    ? matchQuery(before, written, rules)
    : normalizeQuery(before, written)
}

/** As it goes to the origin, credentials included; for the eyes of the caller only. */
export function writtenUrl({ origin, path, query }: UrlParts): string {
  const search = query === undefined || query === null ? '' : stringify(query)
  return `${normalizeOrigin(origin) ?? String(origin)}${path}${search === '' ? '' : `?${search}`}`
}

// One pass over the names: most queries are sorted already and hold no credential, and finding that
// out costs a tenth of splitting and sorting.
function normalizeQuery(before: string, query: string): NormalizedUrl {
  let isSorted = true
  let previous = ''
  let equals = -1
  for (let start = 0, end: number; start <= query.length; start = end + 1) {
    end = query.indexOf('&', start)
    if (end === -1) end = query.length
    // Not again from each parameter that has none.
    if (equals < start) equals = query.indexOf('=', start)
    if (equals === -1) equals = query.length
    const name = query.slice(start, Math.min(equals, end))
    if (name < previous) isSorted = false
    previous = name
    if (equals < end && end - equals > shortestCredentialOf(name)) {
      return withoutCredentials(before, query.split('&'))
    }
  }
  const shown = before + query
  const normalized = isSorted ? shown : before + sortParameters(query.split('&'))
  return { normalized, shown, credentials: noCredentials }
}

function withoutCredentials(before: string, written: readonly string[]): NormalizedUrl {
  const credentials: string[] = []
  const parameters = written.map((parameter) => {
    const equals = parameter.indexOf('=')
    if (equals === -1) return parameter
    const name = parameter.slice(0, equals)
    if (parameter.length - equals <= shortestCredentialOf(name)) return parameter
    credentials.push(parameter)
    return `${name}=${redacted}`
  })
  const shown = before + parameters.join('&')
  return { normalized: before + sortParameters(parameters), shown, credentials }
}

// A fragment is not sent.
function sentPath(path: string): string | undefined {
  const hash = path.indexOf('#')
  const sent = hash === -1 ? path : path.slice(0, hash)
  if (sent === '') return '/'
  if (sent[0] !== '/') return undefined
  return escapePath(sent)
}

// Programs talk to few origins again and again. Bounded, for a crawler talks to many.
const knownOrigins = new Map<string, string | undefined>()
const maxKnownOrigins = 1000

/** As URLs spell it; undefined where it is none of HTTP. */
export function normalizeOrigin(origin: string | URL | null | undefined): string | undefined {
  if (origin === undefined || origin === null) return undefined
  const written = typeof origin === 'string' ? origin : origin.origin
  if (knownOrigins.has(written)) return knownOrigins.get(written)
  const url = URL.parse(written)
  const web = url !== null && (url.protocol === 'http:' || url.protocol === 'https:')
  const normalized = web ? url.origin : undefined
  if (knownOrigins.size >= maxKnownOrigins) knownOrigins.clear()
  knownOrigins.set(written, normalized)
  return normalized
}
