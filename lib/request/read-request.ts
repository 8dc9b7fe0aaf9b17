/** undici's dispatch options become a request that can be looked up, or a reason not to try. */
import { fieldOf } from './classify-field.ts'
import { createKey, type KeyParts } from './create-key.ts'
import { isCredentialHeader, redacted } from '../secrets/credentials.ts'
import { hideForms } from '../secrets/echoes.ts'
import { asksForStream, eachHeader, headerValue } from '../http/header-fields.ts'
import { identify } from './identify.ts'
import { isHidden, leavesOut, type KeyRules } from './key-rules.ts'
import { digestHeaders } from './match-headers.ts'
import { normalizeOrigin, normalizeUrl, writtenUrl } from './normalize-url.ts'
import type {
  BypassReason,
  CacheRequest,
  RequestHead,
  RequestOptions,
  RuledHead,
} from './request.ts'
import type { ReadBody } from './read-body.ts'
import { ignoredParameter, secretForms } from '../secrets/secret-forms.ts'
import { targetOrigin } from './target-origin.ts'

const nothing: readonly string[] = []

/**
 * The dispatch options that fetch alone writes, each fetch of undici 6 to 8. `Sec-Fetch-Mode` would
 * not do: fetch sends it to trustworthy URLs only (`https:`, and hosts that are local), and a gateway
 * passes that of its browsers on.
 */
export const shapeOfFetch = { maxRedirections: 0, upgrade: undefined } as const

// Accept-Language, Accept-Encoding, User-Agent.
const fieldsOfFetch = 3

function isShapedByFetch(options: RequestOptions): boolean {
  return options.maxRedirections === 0 && 'upgrade' in options && options.upgrade === undefined
}

/**
 * Reads URL and header fields; the body, which may have to be waited for, comes later.
 * @param rules of the caller; undefined where there are none
 * @throws what header fields throw that are none
 */
export function readHead(options: RequestOptions, rules?: KeyRules): RequestHead | BypassReason {
  if (options.upgrade || options.method === 'CONNECT') return 'upgrade'
  // undici refuses it, and says why.
  if (typeof options.path !== 'string' || typeof options.method !== 'string') return 'malformed'
  let url = normalizeUrl(options, rules)
  if (url === undefined) return 'no-origin'

  let bypass: BypassReason | undefined
  const ofUrl = url.credentials
  let credentials = ofUrl
  let contentType: string | undefined
  let cacheControl: string | undefined
  let pragma: string | undefined
  // Of those fields that fetch writes where its caller does not.
  let ofFetch = 0
  let host: string | undefined
  let streams: boolean | undefined
  eachHeader(options.headers, (written, value) => {
    switch (fieldOf(written)) {
      case 'none':
        break
      case 'credential':
        if (credentials === ofUrl) credentials = [...ofUrl]
        ;(credentials as string[]).push(`${written.toLowerCase()}: ${value}`)
        break
      case 'content-type':
        contentType = value
        break
      case 'cache-control':
        cacheControl = cacheControl === undefined ? value : `${cacheControl}, ${value}`
        break
      case 'pragma':
        pragma = value
        break
      case 'of-fetch':
        ofFetch++
        break
      case 'host':
        // undici refuses two of them.
        if (host !== undefined) bypass ??= 'host'
        host = value
        break
      case 'accept':
        streams = (streams ?? true) && asksForStream(value)
        break
      case 'range':
        bypass = 'range'
        break
      case 'conditional':
        bypass ??= 'conditional'
        break
    }
  })
  if (streams === true && bypass !== 'range') return 'event-stream'
  if (bypass !== undefined) return bypass
  let via: string | undefined
  if (host !== undefined && (rules === undefined || !leavesOut(rules, 'host'))) {
    const sentTo = normalizeOrigin(options.origin)!
    const target = targetOrigin(sentTo, host)
    if (target === undefined) return 'host'
    if (target !== sentTo) {
      via = sentTo
      url = normalizeUrl({ ...options, origin: target }, rules)!
    }
  }
  const head: RequestHead = {
    url: url.shown,
    normalizedUrl: url.normalized,
    via,
    credentials,
    contentType,
    cacheControl,
    pragma,
    fromFetch: ofFetch >= fieldsOfFetch && isShapedByFetch(options),
    ruled: undefined,
  }
  if (rules === undefined) return head
  const { operation } = url
  return operation === undefined || operation === 'query'
    ? underRules(head, url.ignored ?? nothing, options, rules)
    : `graphql-${operation}`
}

function underRules(
  head: RequestHead,
  ignoredOfUrl: readonly string[],
  options: RequestOptions,
  rules: KeyRules,
): RequestHead {
  const { headers, body } = options
  const ignoredFields: string[] = []
  const added: string[] = []
  eachHeader(headers, (written, value) => {
    const name = written.toLowerCase()
    if (leavesOut(rules, name)) ignoredFields.push(`${name}: ${value}`)
    else if (rules.names?.roleOf(name) === 'isolates' && !isCredentialHeader(name)) {
      added.push(`${name}: ${value}`)
    }
  })
  const source = {
    headers,
    fromFetch: head.fromFetch,
    hasBody: body !== undefined && body !== null,
  }
  return {
    ...head,
    credentials: [
      ...head.credentials.filter((credential) => !ignoredFields.includes(credential)),
      ...added,
    ],
    ruled: {
      rules,
      ignored: [...ignoredOfUrl, ...ignoredFields],
      headersDigest: digestHeaders(rules, source),
      writtenUrl: typeof rules.identity === 'function' ? writtenFor(head, options) : undefined,
    },
  }
}

function writtenFor({ url, via }: RequestHead, options: RequestOptions): string {
  return writtenUrl(via === undefined ? options : { ...options, origin: URL.parse(url)!.origin })
}

/** The URL as it is sent, credentials aside: to where that is, whatever the Host field names. */
export function sentUrl({ url, via }: Pick<CacheRequest, 'url' | 'via'>): string {
  return via === undefined ? url : via + url.slice(url.indexOf('/', url.indexOf('//') + 2))
}

/**
 * Puts head and body together; `customKey` is the caller's own key, in the place of both.
 * @throws CacheError ERR_CACHE_CALLBACK_FAILED where a function of the rules fails
 */
export function completeRequest(
  options: RequestOptions,
  head: RequestHead,
  bodyDigest: string | undefined,
  customKey: string | undefined,
  body?: Omit<ReadBody, 'digest' | 'body'>,
): CacheRequest {
  const { ruled } = head
  const parts: KeyParts =
    ruled === undefined
      ? {
          method: options.method,
          normalizedUrl: head.normalizedUrl,
          via: head.via,
          credentials: head.credentials,
          bodyDigest,
          customKey,
        }
      : {
          method: options.method,
          normalizedUrl: head.normalizedUrl,
          via: head.via,
          bodyDigest,
          isOperation: body?.isOperation,
          headersDigest: ruled.headersDigest,
          ignoredCredentials: ruled.rules.ignoredCredentials,
          isolating: ruled.rules.names?.isolatingDigest,
          ...identify(ruled, options, head, body?.content, customKey),
        }
  const { text, key } = createKey(parts)
  return {
    method: options.method,
    text,
    key,
    url: head.url,
    via: head.via,
    cacheControl: head.cacheControl,
    pragma: head.pragma,
    fromFetch: head.fromFetch,
    headers: options.headers,
    credentials: parts.credentials,
    ignored: ruled === undefined ? nothing : leftOut(ruled, head, parts, body?.ignored),
    bodyDigest,
    isOperation: body?.isOperation,
    rules: ruled?.rules,
    givenKey: customKey,
  }
}

// Credentials that do not tell users apart are as secret as those that do.
function leftOut(
  { ignored }: RuledHead,
  head: RequestHead,
  { credentials }: KeyParts,
  ofBody: readonly string[] = nothing,
): readonly string[] {
  const unused =
    credentials === head.credentials
      ? nothing
      : head.credentials.filter((credential) => !credentials.includes(credential))
  return [...ignored, ...ofBody, ...unused]
}

/** The value of a header field of the request, by its name in lower case. */
export function requestHeader(request: CacheRequest, name: string): string | undefined {
  const field = headerValue(request.headers, name)
  if (field !== undefined || request.ignored.length === 0) return field
  return ignoredParameter(request.ignored, name)
}

/** The header fields to be stored, names as written, secrets taken out wherever they stand. */
export function redactedHeaders(
  request: Pick<CacheRequest, 'headers' | 'rules' | 'credentials' | 'ignored'>,
): string[] {
  const names: string[] = []
  const values: string[] = []
  eachHeader(request.headers, (written, value) => {
    const name = written.toLowerCase()
    names.push(written)
    values.push(isHidden(request.rules, name) ? redacted : value)
  })
  const shown = hideForms(values, secretForms(request))
  return names.flatMap((name, index) => [name, shown[index]!])
}
