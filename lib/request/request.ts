/** A request on its way from undici's dispatch options to a key, in each of its shapes. */
import type { ParsedUrlQueryInput } from 'node:querystring'
import type { OperationKind } from './graphql-document.ts'
import type { KeyRules } from './key-rules.ts'

/** What undici's dispatch options say about the URL. */
export interface UrlParts {
  readonly origin?: string | URL | null | undefined
  readonly path: string
  readonly query?: ParsedUrlQueryInput | null | undefined
}

/** A URL, without its credentials. */
export interface NormalizedUrl {
  /** For the key: sorted, without credentials and fragment. */
  readonly normalized: string
  /** For people: in the order of the caller, without credentials. */
  readonly shown: string
  /** `name=value` of each credential that was taken out, still percent-encoded. */
  readonly credentials: readonly string[]
  /** `name=value` of what the rules ignore. */
  readonly ignored?: readonly string[]
  /** What the GraphQL document in it does, where the rules look for one. */
  readonly operation?: OperationKind | undefined
}

/** The part of undici's `DispatchOptions` that is read here. */
export interface RequestOptions extends UrlParts {
  readonly method: string
  readonly headers?: unknown
  readonly body?: unknown
  readonly upgrade?: unknown
  readonly maxRedirections?: number | null | undefined
}

/** A request as the cache sees it; made once, before anything is looked up. */
export interface CacheRequest {
  readonly method: string
  /** What the stored request is compared with; see `create-key.ts`. */
  readonly text: string
  /** `text`, hashed: the key in the storages. */
  readonly key: string
  /** As the caller wrote it, credentials aside, for the host that the Host field names. */
  readonly url: string
  /** The origin that it is sent to, where its Host field names another. */
  readonly via: string | undefined
  readonly cacheControl: string | undefined
  readonly pragma: string | undefined
  /** Whether fetch asks: it follows redirects itself, and copies what it is handed. */
  readonly fromFetch: boolean
  /** The header fields as the caller handed them to undici. */
  readonly headers: unknown
  /** `name: value` and `name=value` of what `text` holds as a digest. */
  readonly credentials: readonly string[]
  /** The same of what `text` does not hold: requests that differ in it share a response. */
  readonly ignored: readonly string[]
  /** Of its body; undefined where it has none. */
  readonly bodyDigest: string | undefined
  /** The digest is that of a GraphQL operation. */
  readonly isOperation: true | undefined
  readonly rules: KeyRules | undefined
  /** The caller's own key, if it was sent with one. */
  readonly givenKey: string | undefined
}

/** Why a request is left alone. */
export type BypassReason =
  | 'upgrade'
  | 'no-origin'
  | 'host'
  | 'malformed'
  | 'range'
  | 'conditional'
  | 'event-stream'
  | 'body'
  | 'body-slow'
  | 'graphql-mutation'
  | 'graphql-subscription'
  | 'callback-failed'

/** What the header fields say, read in one pass. */
export interface RequestHead {
  readonly url: string
  readonly normalizedUrl: string
  /** The origin that it is sent to, where its Host field names another. */
  readonly via: string | undefined
  readonly credentials: readonly string[]
  readonly contentType: string | undefined
  readonly cacheControl: string | undefined
  readonly pragma: string | undefined
  readonly fromFetch: boolean
  /** What the rules of the caller say to it; undefined where there are none. */
  readonly ruled: RuledHead | undefined
}

/** A head under rules. */
export interface RuledHead {
  readonly rules: KeyRules
  /** `name: value` and `name=value` of what they leave out of the key. */
  readonly ignored: readonly string[]
  /** Of the fields that they want in the key. */
  readonly headersDigest: string | undefined
  /** As it goes to the origin; for a function of theirs. */
  readonly writtenUrl: string | undefined
}
