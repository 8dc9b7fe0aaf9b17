/** HAR 1.2, as far as it is read and written here, and what we add to it. */
import type { Echo } from '../secrets/echoes.ts'
import type { SelectedBy } from '../entries/entry.ts'
import type { EpochMs } from '../units.ts'

/** A header field, a cookie, a parameter. */
export interface HarPair {
  readonly name: string
  readonly value: string
}

/** The request of an entry. */
export interface HarRequest {
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  readonly cookies: readonly HarPair[]
  readonly headers: readonly HarPair[]
  readonly queryString: readonly HarPair[]
  readonly postData?: {
    readonly mimeType: string
    readonly text?: string
    readonly params?: readonly HarPair[]
  }
  readonly headersSize: number
  readonly bodySize: number
}

/** A body: without its Content-Encoding. */
export interface HarContent {
  readonly size?: number
  readonly mimeType: string
  readonly text?: string
  readonly encoding?: string
  /** How many bytes its Content-Encoding has saved. */
  readonly compression?: number
}

/** The response of an entry. */
export interface HarResponse {
  readonly status: number
  readonly statusText?: string
  readonly httpVersion: string
  readonly cookies: readonly HarPair[]
  readonly headers: readonly HarPair[]
  readonly content?: HarContent
  readonly redirectURL: string
  readonly headersSize: number
  readonly bodySize?: number
}

/** A request and its response. */
export interface HarEntry {
  readonly startedDateTime: string
  readonly time: number
  readonly request: HarRequest
  readonly response: HarResponse
  readonly cache: object
  readonly timings: { readonly send: number; readonly wait: number; readonly receive: number }
  readonly _undiciCache?: HarExtra
}

/** What HAR has no place for; other programs pass it over, as the format wants them to. */
export interface HarExtra {
  readonly version: typeof extraVersion
  readonly storage: 'responses' | 'redirects'
  readonly key: string
  readonly text: string
  readonly storedAt: EpochMs
  readonly expiresAt?: EpochMs | undefined
  readonly dropAt?: EpochMs | undefined
  readonly selectedBy?: SelectedBy | undefined
  readonly echoes?: readonly Echo[] | undefined
  readonly forFetch?: true | undefined
  readonly tags?: readonly string[] | undefined
  readonly rawTrailers: readonly string[]
  /** The very bytes of the body, where `content` does not give them. */
  readonly body?: string | undefined
  /** Chains of redirects, followed below the cache, that end here. */
  readonly chains?: readonly HarChain[] | undefined
}

/** A record of a chain: its head, which holds everything. */
export interface HarChain {
  readonly key: string
  readonly head: string
  readonly dropAt?: EpochMs | undefined
}

/** Of `HarExtra`. */
export const extraVersion = 1

/** Whether it can be read as an entry of HAR, its optional members aside. */
export function isHarEntry(value: unknown): value is HarEntry {
  const { request, response } = (value ?? {}) as Partial<HarEntry>
  return (
    typeof request?.method === 'string' &&
    typeof request.url === 'string' &&
    isPairs(request.headers) &&
    Number.isInteger(response?.status) &&
    isPairs(response?.headers) &&
    isTextOrMissing(response.statusText) &&
    isTextOrMissing(response.content?.text) &&
    (request.postData?.params === undefined || isPairs(request.postData.params)) &&
    typeof (response.content ?? {}) === 'object'
  )
}

function isTextOrMissing(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string'
}

function isPairs(value: unknown): value is HarPair[] {
  return (
    Array.isArray(value) &&
    value.every(
      (pair: Partial<HarPair> | null) =>
        typeof pair?.name === 'string' && typeof pair.value === 'string',
    )
  )
}

/** Flat names and values as pairs. */
export function pairsOf(flat: readonly string[]): HarPair[] {
  return Array.from({ length: flat.length / 2 }, (_, at) => ({
    name: flat[at * 2]!,
    value: flat[at * 2 + 1]!,
  }))
}
