/** undici's dispatch options become a request that can be looked up, or a reason not to try. */
import { createKey, type KeyParts } from './create-key.ts'
import { isCredentialHeader, redacted } from './credentials.ts'
import { eachHeader, headerValue } from './headers.ts'
import { normalizeUrl, type UrlParts } from './normalize-url.ts'

/** The part of undici's `DispatchOptions` that is read here. */
export interface RequestOptions extends UrlParts {
  readonly method: string
  readonly headers?: unknown
  readonly body?: unknown
  readonly upgrade?: unknown
}

/** A request as the cache sees it; made once, before anything is looked up. */
export interface CacheRequest {
  readonly method: string
  /** What the stored request is compared with; see `create-key.ts`. */
  readonly text: string
  /** `text`, hashed: the key in the storages. */
  readonly key: string
  /** As the caller wrote it, credentials aside. */
  readonly url: string
  readonly cacheControl: string | undefined
  readonly pragma: string | undefined
  /** Whether fetch asks: it follows redirects itself, and copies what it is handed. */
  readonly fromFetch: boolean
  /** The header fields as the caller handed them to undici. */
  readonly headers: unknown
  /** `name: value` and `name=value` of what `text` holds as a digest. */
  readonly credentials: readonly string[]
}

/** Why a request is left alone. */
export type BypassReason =
  | 'upgrade'
  | 'no-origin'
  | 'range'
  | 'conditional'
  | 'event-stream'
  | 'body'

/** What the header fields say, read in one pass. */
export interface RequestHead {
  readonly url: string
  readonly normalizedUrl: string
  readonly credentials: readonly string[]
  readonly contentType: string | undefined
  readonly cacheControl: string | undefined
  readonly pragma: string | undefined
  readonly fromFetch: boolean
}

/** Reads URL and header fields; the body, which may have to be waited for, comes later. */
export function readHead(options: RequestOptions): RequestHead | BypassReason {
  if (options.upgrade || options.method === 'CONNECT') return 'upgrade'
  const url = normalizeUrl(options)
  if (url === undefined) return 'no-origin'

  let bypass: BypassReason | undefined
  let credentials = url.credentials
  let contentType: string | undefined
  let cacheControl: string | undefined
  let pragma: string | undefined
  let fromFetch = false
  eachHeader(options.headers, (written, value) => {
    switch (fieldOf(written)) {
      case 'none':
        break
      case 'credential':
        if (credentials === url.credentials) credentials = [...url.credentials]
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
      case 'sec-fetch-mode':
        fromFetch = true
        break
      case 'accept':
        if (/text\/event-stream/i.test(value)) bypass = 'event-stream'
        break
      case 'range':
        bypass = 'range'
        break
      case 'conditional':
        bypass ??= 'conditional'
        break
    }
  })
  if (bypass !== undefined) return bypass
  return {
    url: url.shown,
    normalizedUrl: url.normalized,
    credentials,
    contentType,
    cacheControl,
    pragma,
    fromFetch,
  }
}

/** Puts head and body together; `customKey` is the caller's own key, in the place of both. */
export function completeRequest(
  options: RequestOptions,
  head: RequestHead,
  bodyDigest: string | undefined,
  customKey: string | undefined,
): CacheRequest {
  const { normalizedUrl, credentials } = head
  const parts: KeyParts = {
    method: options.method,
    normalizedUrl,
    credentials,
    bodyDigest,
    customKey,
  }
  const { text, key } = createKey(parts)
  return {
    method: options.method,
    text,
    key,
    url: head.url,
    cacheControl: head.cacheControl,
    pragma: head.pragma,
    fromFetch: head.fromFetch,
    headers: options.headers,
    credentials,
  }
}

/** The value of a header field of the request, by its name in lower case. */
export function requestHeader(request: CacheRequest, name: string): string | undefined {
  return headerValue(request.headers, name)
}

/** The header fields to be stored, names as written, credentials taken out. */
export function redactedHeaders(request: CacheRequest): string[] {
  const flat: string[] = []
  eachHeader(request.headers, (name, value) => {
    flat.push(name, isCredentialHeader(name.toLowerCase()) ? redacted : value)
  })
  return flat
}

type Field =
  | 'none'
  | 'credential'
  | 'conditional'
  | 'range'
  | 'accept'
  | 'cache-control'
  | 'pragma'
  | 'content-type'
  | 'sec-fetch-mode'

// By the name as written: programs write few names, and lower-casing each costs more than this.
// Bounded, for a name may come from outside.
const fields = new Map<string, Field>()
const maxFields = 1000

function fieldOf(written: string): Field {
  const known = fields.get(written)
  if (known !== undefined) return known
  const field = classify(written.toLowerCase())
  if (fields.size < maxFields) fields.set(written, field)
  return field
}

function classify(name: string): Field {
  switch (name) {
    case 'if-none-match':
    case 'if-modified-since':
    case 'if-match':
    case 'if-unmodified-since':
    case 'if-range':
      return 'conditional'
    case 'range':
    case 'accept':
    case 'cache-control':
    case 'pragma':
    case 'content-type':
    case 'sec-fetch-mode':
      return name
    default:
      return isCredentialHeader(name) ? 'credential' : 'none'
  }
}
