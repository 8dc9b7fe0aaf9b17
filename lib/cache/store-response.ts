/** Where and as what an arriving response is stored, once it has been decided that it is. */
import type { MaybePromise } from '../maybe-promise.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { takeOutEchoes, type TakenOut } from '../secrets/echoes.ts'
import { eachHeader, headerValue } from '../http/header-fields.ts'
import { completeRequest, readHead, redactedHeaders } from '../request/read-request.ts'
import type { CacheRequest } from '../request/request.ts'
import { secretForms } from '../secrets/secret-forms.ts'
import { endToEnd } from '../http/header-lines.ts'
import type { EpochMs, Ms } from '../units.ts'
import type { BaseCache } from './base-cache.ts'
import type { EntryHead, StoredRequest } from '../entries/entry.ts'
import { EntryWriter, type EntryWriterOptions, type WriteOutcome } from './entry-writer.ts'
import { asVariant, endText, placeFor, selectionOf, type Lookup } from '../entries/lookup.ts'
import { isReadable } from '../entries/readable-head.ts'
import { wholeBody } from '../entries/record.ts'
import type { Place } from '../entries/store-entry.ts'
import { endKey } from '../entries/record-keys.ts'

/** A response whose head has arrived. */
export interface Arrival {
  readonly status: number
  readonly statusText: string
  readonly headers: HeaderFields
  /** Flat, as they came. */
  readonly lines: readonly string[]
  readonly arrivedAt: EpochMs
  /** Of `cache.removals`, taken before the origin was asked. */
  readonly askedAt: number
  /** URLs of a chain that was followed below the cache, the first and the last included. */
  readonly history?: readonly string[] | undefined
}

/** What the policy has decided. */
export interface StoreOrder {
  readonly as: 'response' | 'redirect'
  readonly expiresAt: EpochMs | undefined
  readonly dropAt: EpochMs | undefined
  readonly selectedBy: readonly string[]
  readonly maxBodyBytes: number
  /** How long the origin waits at a time for a storage that is behind. */
  readonly patience: Ms
  readonly tags?: readonly string[] | undefined
}

/**
 * Opens the writer that takes the body; a redirect that fetch follows is stored at once, without it.
 * @returns undefined where it is not stored, of which `settled` was told
 */
export function storeResponse(
  cache: BaseCache,
  request: CacheRequest,
  lookup: Lookup,
  arrival: Arrival,
  order: StoreOrder,
  settled: (outcome: WriteOutcome) => void,
): EntryWriter | undefined {
  const followed = arrival.history !== undefined && arrival.history.length > 1
  const target = followed ? lastRequest(request, arrival.history) : request
  const place = placeOf(target, followed ? { primary: lookup.endPrimary } : lookup, arrival, order)
  const { as, dropAt } = order
  const refusal: EntryWriterOptions['refusal'] = (body, rawTrailers = []) => {
    if (rawTrailers.length > 0 && !isReadable({ ...place.head, rawTrailers })) return 'malformed'
    return cache.removals.since(arrival.askedAt, [request.key, target.key], body)
  }
  const why = isReadable(place.head) ? refusal('whole') : 'malformed'
  if (why !== undefined) {
    settled({ stored: false, why })
    return undefined
  }
  const unread = as === 'redirect' && request.fromFetch
  if (unread) {
    // fetch leaves the body of a redirect alone, or aborts it: there may be no later.
    const stored = cache.store(as, place, wholeBody(new Uint8Array(0), 'stays'))
    Promise.resolve(stored).catch((error: unknown) =>
      settled({ stored: false, why: 'failed', error }),
    )
  }
  return new EntryWriter({
    storage: as === 'response' ? cache.responses : cache.redirects,
    key: place.key,
    expectedBytes: request.method === 'HEAD' ? undefined : contentLength(arrival.headers),
    maxBytes: order.maxBodyBytes,
    dropAt,
    now: arrival.arrivedAt,
    patience: order.patience,
    refusal,
    settled,
    track: (work) => cache.track(work),
    commit(body, rawTrailers): MaybePromise<void> {
      if (unread && body.bodyBytes === 0) return
      const entry = cache.store(as, { ...place, head: { ...place.head, rawTrailers } }, body)
      if (!followed) return entry
      const link = { ...withoutEchoes(arrival.history, request), target: target.key }
      const chained = cache.storeChain(request, link, storedRequest(request), dropAt)
      return Promise.all([entry, chained]).then(() => {})
    },
  })
}

function placeOf(
  request: CacheRequest,
  lookup: Lookup,
  { status, statusText, headers, lines, arrivedAt }: Arrival,
  { as, expiresAt, dropAt, selectedBy, tags }: StoreOrder,
): Place {
  const { texts, echoes, selects = [] } = withoutSecrets(endToEnd(lines, headers), request)
  // What shows a secret that the key does not know is for those only who have the same.
  const names =
    selects.length === 0 ? selectedBy : [...new Set([...selectedBy, ...selects])].toSorted()
  const selection = asVariant(lookup.primary, selectionOf(request, names, arrivedAt))
  const head: EntryHead = {
    text: request.text,
    status,
    statusText,
    rawHeaders: texts,
    echoes,
    rawTrailers: [],
    storedAt: arrivedAt,
    expiresAt,
    selectedBy: selection,
    forFetch: as === 'redirect' && request.fromFetch ? true : undefined,
    tags,
  }
  return {
    key: placeFor(request, lookup.primary, selection),
    head,
    request: storedRequest(request),
    dropAt,
    // What was found at the end of a chain answers another URL, and stays.
    replaces: lookup.found?.history === undefined ? lookup.found : undefined,
  }
}

function storedRequest(request: CacheRequest): StoredRequest {
  return { method: request.method, url: request.url, headers: redactedHeaders(request) }
}

/**
 * The request that the last response of a followed chain answers. Where the chain stayed with one
 * origin it is the caller's own, for another URL, and shares that URL's entry. Where it did not,
 * credentials may have been left behind on the way: then the entry is of this chain alone.
 */
function lastRequest(first: CacheRequest, history: readonly string[]): CacheRequest {
  const origin = URL.parse(history[0]!)?.origin
  const stayed = history.every((url) => URL.parse(url)?.origin === origin)
  const last = URL.parse(history.at(-1)!)
  if (stayed && last !== null && (first.method === 'GET' || first.method === 'HEAD')) {
    const options = {
      origin: last.origin,
      path: last.pathname + last.search,
      method: first.method,
      // Whoever follows a redirect leaves Host behind.
      headers: withoutHost(first.headers),
    }
    const head = readHead(options, first.rules)
    if (typeof head !== 'string') return completeRequest(options, head, undefined, undefined)
  }
  return { ...first, text: endText(first.text), key: endKey(first.key) }
}

function withoutHost(headers: unknown): unknown {
  if (headerValue(headers, 'host') === undefined) return headers
  const kept: string[] = []
  eachHeader(headers, (name, value) => {
    if (name.toLowerCase() !== 'host') kept.push(name, value)
  })
  return kept
}

/** Header lines as they are stored: what the request itself said in confidence taken out. */
export function storedLines(
  lines: string[],
  request: CacheRequest,
): Pick<EntryHead, 'rawHeaders' | 'echoes'> {
  const { texts, echoes } = withoutSecrets(lines, request)
  return { rawHeaders: texts, echoes }
}

function withoutSecrets(
  texts: string[],
  request: CacheRequest,
): { texts: string[] } & Partial<TakenOut> {
  if (request.credentials.length === 0 && request.ignored.length === 0) return { texts }
  return takeOutEchoes(texts, secretForms(request)) ?? { texts }
}

function withoutEchoes(
  history: readonly string[],
  request: CacheRequest,
): { history: readonly string[]; echoes?: EntryHead['echoes'] } {
  const { texts, echoes } = withoutSecrets([...history], request)
  return { history: texts, echoes }
}

function contentLength(headers: HeaderFields): number | undefined {
  const value = headers['content-length']
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined
}
