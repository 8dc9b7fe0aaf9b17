/** A stored response as an entry of HAR. */
import { isUtf8 } from 'node:buffer'
import type { CachedResponse } from '../entries/cached-response.ts'
import { firstLine, joinedField } from '../policy/validators.ts'
import { decodeBody } from './decoded-body.ts'
import {
  extraVersion,
  pairsOf,
  type HarChain,
  type HarContent,
  type HarEntry,
  type HarExtra,
} from './format.ts'

/** What is known of a response besides itself. */
export interface Stored {
  readonly response: CachedResponse
  readonly storage: HarExtra['storage']
  /** From when on the storage may drop it. */
  readonly dropAt: number | undefined
  readonly chains: readonly HarChain[]
}

// Nobody has measured them; HAR knows no other word for it.
const unknown = -1
const unknownTime = 0

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT where it is not what was stored */
export async function writeHarEntry(stored: Stored): Promise<HarEntry> {
  const { response } = stored
  const { method, url, headers } = response.request
  const body = await response.body()
  const { content, isExact } = await contentOf(response, body)
  const location = firstLine(response.headers['location']) ?? ''
  return {
    startedDateTime: new Date(response.storedAt).toISOString(),
    time: unknownTime,
    request: {
      method,
      url,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: pairsOf(headers),
      queryString: [...(URL.parse(url)?.searchParams ?? [])].map(([name, value]) => ({
        name,
        value,
      })),
      headersSize: unknown,
      bodySize: unknown,
    },
    response: {
      status: response.status,
      statusText: response.statusText,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: pairsOf(response.rawHeaders),
      content,
      redirectURL: location,
      headersSize: unknown,
      bodySize: body.byteLength,
    },
    cache: {},
    timings: { send: unknownTime, wait: unknownTime, receive: unknownTime },
    _undiciCache: extraOf(stored, isExact ? undefined : body.toString('base64')),
  }
}

async function contentOf(
  { headers }: CachedResponse,
  body: Buffer,
): Promise<{ content: HarContent; isExact: boolean }> {
  const coding = joinedField(headers['content-encoding'])
  const decoded = (await decodeBody(body, coding)) ?? body
  const mimeType = firstLine(headers['content-type']) ?? 'x-unknown'
  const sizes = {
    size: decoded.byteLength,
    ...(coding !== undefined && { compression: decoded.byteLength - body.byteLength }),
  }
  const content = isUtf8(decoded)
    ? { ...sizes, mimeType, text: decoded.toString() }
    : { ...sizes, mimeType, text: decoded.toString('base64'), encoding: 'base64' }
  return { content, isExact: decoded.equals(body) }
}

function extraOf(
  { response, storage, dropAt, chains }: Stored,
  body: string | undefined,
): HarExtra {
  const { key, head } = response
  const { text, storedAt, expiresAt, selectedBy, echoes, forFetch, tags, rawTrailers } = head
  return {
    version: extraVersion,
    storage,
    key,
    text,
    storedAt,
    expiresAt,
    dropAt,
    selectedBy,
    echoes,
    forFetch,
    tags,
    rawTrailers,
    body,
    chains: chains.length === 0 ? undefined : chains,
  }
}
