/** A stored response, as the rest of the library sees it. */
import type { HeaderFields } from '../http/header-lines.ts'
import type { Echo } from '../secrets/echoes.ts'
import type { EpochMs } from '../units.ts'

/** What is known of a response before, and besides, its body. */
export interface EntryHead {
  /** The text of the key under which it is stored; compared on every hit. */
  readonly text: string
  readonly status: number
  readonly statusText: string
  /** Names and values in wire order and casing. Shared: never changed, never handed out. */
  readonly rawHeaders: readonly string[]
  readonly rawTrailers: readonly string[]
  /** When the origin's answer had arrived; a successful validation counts as an answer. */
  readonly storedAt: EpochMs
  /** Until then it is used without asking; undefined: it never expires. */
  readonly expiresAt: EpochMs | undefined
  /** What the request said in the fields that select among variants. */
  readonly selectedBy?: SelectedBy | undefined
  /** Where credentials of the request stood in the header lines; see `echoes.ts`. */
  readonly echoes?: readonly Echo[] | undefined
  /**
   * A redirect that was stored for fetch, which leaves its body unread; other callers, who would
   * get to see the body, ask the origin once more.
   */
  readonly forFetch?: true | undefined
  /** Names under which it can be found and deleted with others. */
  readonly tags?: readonly string[] | undefined
}

/** Which variant a response is: the request fields that select it (RFC 9111 §4.1). */
export interface SelectedBy {
  /** Names in lower case, sorted. */
  readonly names: readonly string[]
  /** Of the values, which may be secrets. */
  readonly digest: string
  /**
   * When the first of the variants was stored that lie side by side: with it all of them go, for one
   * of an earlier time is not used any more.
   */
  readonly since?: EpochMs | undefined
}

/** Where a body is that was too long for one record. */
export interface BodyParts {
  /** Of this write: another write of the same key has another one. */
  readonly id: string
  /** Length of each part but the last, which may be shorter. */
  readonly bytes: number
  /** The checksum of each part, in their order: there are as many parts as checksums. */
  readonly checks: readonly number[]
}

/** A stored response, with its body or with where that is. */
export interface Entry extends EntryHead {
  /** By names in lower case; made from `rawHeaders`. Shared, as they are. */
  readonly headers: HeaderFields
  readonly trailers: HeaderFields
  /** Of the whole body. */
  readonly bodyBytes: number
  /** Checksum of the body, where it is in the record; undefined where it is kept in memory only. */
  readonly bodyCheck?: number | undefined
  /** The body, where it is in the record; empty where `parts` says where it is. Shared. */
  readonly body: Uint8Array
  readonly parts?: BodyParts | undefined
  /** Nobody else holds this object: all that is "shared" above may be handed out. */
  readonly owned?: boolean | undefined
  /** Its body was not compared with its checksum, and its parts are not to be. */
  readonly unchecked?: true | undefined
}

/** What is stored of the request, for people; a hit does not read it. */
export interface StoredRequest {
  readonly method: string
  /** Without credentials. */
  readonly url: string
  /** Flat, without credentials. */
  readonly headers: readonly string[]
}

/** A chain of redirects that was followed below the cache: its URLs, and where its end is stored. */
export interface RedirectChain {
  readonly text: string
  /** Every URL of the chain, the first and the last included. */
  readonly history: readonly string[]
  readonly echoes?: readonly Echo[] | undefined
  /** Key of the last response. */
  readonly target: string
}
