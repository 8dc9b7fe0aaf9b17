/**
 * Entries as records and back. The head of a record is two lines of JSON: what a hit needs, and the
 * request, which only people want to see and a hit does not parse.
 *
 * What comes out of a store may have been written by anybody: it is checked before it is believed.
 */
import { hash } from 'node:crypto'
import type { StoredRecord } from '../backends/base-storage.ts'
import { CacheError } from '../errors.ts'
import { writerOf } from '../serializers/label.ts'
import { headerFields } from '../response/header-lines.ts'
import type { EpochMs } from '../units.ts'
import type { BodyParts, Entry, EntryHead, RedirectChain, StoredRequest } from './entry.ts'

/** Of the format of heads; a reader refuses a newer one. */
export const recordVersion = 1

interface ResponseLine extends EntryHead {
  readonly version: typeof recordVersion
  readonly bodyBytes: number
  readonly bodyDigest?: string | undefined
  readonly parts?: BodyParts | undefined
}

interface ChainLine extends RedirectChain {
  readonly version: typeof recordVersion
}

/** What a body is stored as. */
export interface StoredBody {
  readonly bytes: Uint8Array
  readonly parts?: BodyParts | undefined
  readonly bodyBytes: number
  readonly bodyDigest?: string | undefined
}

/** A body that fits into one record. @param digested not where it never leaves this process */
export function wholeBody(bytes: Uint8Array, digested = true): StoredBody {
  const bodyDigest = digested ? hash('sha256', bytes, 'base64url') : undefined
  return { bytes, bodyBytes: bytes.byteLength, bodyDigest }
}

/** The head text of a response. */
export function encodeHead(
  head: EntryHead,
  body: Omit<StoredBody, 'bytes'>,
  request: StoredRequest,
): string {
  // Property by property: the entry that is given may hold more than belongs into the head.
  const line: ResponseLine = {
    version: recordVersion,
    text: head.text,
    status: head.status,
    statusText: head.statusText,
    rawHeaders: head.rawHeaders,
    rawTrailers: head.rawTrailers,
    storedAt: head.storedAt,
    expiresAt: head.expiresAt,
    selectedBy: head.selectedBy,
    echoes: head.echoes,
    forFetch: head.forFetch,
    tags: head.tags,
    bodyBytes: body.bodyBytes,
    bodyDigest: body.bodyDigest,
    parts: body.parts,
  }
  return `${JSON.stringify(line)}\n${JSON.stringify(request)}`
}

/** The record of a response. @param dropAt from then on the storage may drop it */
export function encodeEntry(
  head: EntryHead,
  body: StoredBody,
  request: StoredRequest,
  dropAt: EpochMs | undefined,
): StoredRecord {
  return { head: encodeHead(head, body, request), body: body.bytes, expiresAt: dropAt }
}

/** What the head of a record says of a response. @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function decodeHead(head: string): EntryHead & Omit<StoredBody, 'bytes'> {
  const text = firstLine(head)
  const line = parse(text) as Partial<ResponseLine> | undefined
  if (line === undefined || !isResponseLine(line)) {
    const writer = line === undefined ? writerOf(head) : undefined
    throw corrupt(writer === undefined ? 'its head' : `it was written by ${writer}, not as it is`)
  }
  if (isSuspicious(text) && !(isClean(line.rawHeaders) && isClean(line.rawTrailers))) {
    throw corrupt('a header field')
  }
  return line
}

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function decodeEntry(record: StoredRecord, holder: 'owned' | 'shared' = 'shared'): Entry {
  const line = decodeHead(record.head)
  const bodyHere = line.parts === undefined ? line.bodyBytes : 0
  if (record.body.byteLength !== bodyHere) throw corrupt('the length of its body')
  return {
    ...line,
    headers: headerFields(line.rawHeaders),
    trailers: line.rawTrailers.length === 0 ? noFields : headerFields(line.rawTrailers),
    body: record.body,
    owned: holder === 'owned',
  }
}

/** What is stored of the request. @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function decodeRequest(head: string): StoredRequest {
  const request = parse(head.slice(head.indexOf('\n') + 1)) as Partial<StoredRequest> | undefined
  if (
    typeof request?.method !== 'string' ||
    typeof request.url !== 'string' ||
    !isTexts(request.headers)
  ) {
    throw corrupt('its request')
  }
  return { method: request.method, url: request.url, headers: request.headers }
}

/** The record of a chain of redirects. */
export function encodeChain(
  chain: RedirectChain,
  request: StoredRequest,
  dropAt: EpochMs | undefined,
): StoredRecord {
  const line: ChainLine = { version: recordVersion, ...chain }
  const head = `${JSON.stringify(line)}\n${JSON.stringify(request)}`
  return { head, body: noBytes, expiresAt: dropAt }
}

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function decodeChain(record: StoredRecord): RedirectChain {
  const line = parse(firstLine(record.head)) as Partial<ChainLine> | undefined
  const valid =
    line?.version === recordVersion &&
    typeof line.text === 'string' &&
    typeof line.target === 'string' &&
    isTexts(line.history) &&
    isEchoes(line.echoes, line.history.length) &&
    line.history.every((url) => URL.canParse(url) || line.echoes !== undefined)
  if (!valid) throw corrupt('its chain of redirects')
  return line as ChainLine
}

const noBytes = new Uint8Array(0)
const noFields: Readonly<Record<string, string>> = Object.freeze({})

function firstLine(head: string): string {
  const end = head.indexOf('\n')
  return end === -1 ? head : head.slice(0, end)
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

function isResponseLine(line: Partial<ResponseLine>): line is ResponseLine {
  return (
    line.version === recordVersion &&
    typeof line.text === 'string' &&
    Number.isInteger(line.status) &&
    line.status! >= 200 &&
    line.status! <= 999 &&
    typeof line.statusText === 'string' &&
    !unfit.test(line.statusText) &&
    isTexts(line.rawHeaders) &&
    isTexts(line.rawTrailers) &&
    line.rawHeaders.length % 2 === 0 &&
    line.rawTrailers.length % 2 === 0 &&
    Number.isFinite(line.storedAt) &&
    (line.expiresAt === undefined || Number.isFinite(line.expiresAt)) &&
    Number.isInteger(line.bodyBytes) &&
    (line.bodyDigest === undefined || typeof line.bodyDigest === 'string') &&
    (line.parts === undefined ||
      (typeof line.parts?.id === 'string' && isCount(line.parts.count, line.bodyBytes!))) &&
    (line.selectedBy === undefined ||
      (isTexts(line.selectedBy?.names) &&
        typeof line.selectedBy.digest === 'string' &&
        (line.selectedBy.since === undefined || Number.isFinite(line.selectedBy.since)))) &&
    (line.tags === undefined || isTexts(line.tags)) &&
    isEchoes(line.echoes, line.rawHeaders.length)
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

// No part is empty, so there are no more of them than bytes; numbers that size arrays are not
// believed any further than that.
function isCount(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most
}

function isEchoes(value: unknown, lineCount: number): boolean {
  if (value === undefined) return true
  return (
    Array.isArray(value) &&
    value.every(
      (echo) =>
        Array.isArray(echo) &&
        echo.length === 3 &&
        Number.isInteger(echo[1]) &&
        (typeof echo[2] === 'string' || Number.isInteger(echo[2])) &&
        isCount(echo[0], lineCount - 1),
    )
  )
}

// A line break in a value would be a header of its own to whoever passes it on (RFC 9110 §5.5), and
// so would a character that latin1 cuts down to one.
// oxlint-disable-next-line no-control-regex -- to find them
const unfit = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/

// How JSON writes them: where none of it is, no value needs a look of its own.
const escaped = /\\[bfnru]/
// oxlint-disable-next-line no-control-regex -- as the beginning of a range
const unescaped = /[^\u0000-\u007e\u0080-\u00ff]/

function isSuspicious(text: string): boolean {
  // Heads are ASCII nearly always, and that is quickly seen.
  const ascii = Buffer.byteLength(text) === text.length
  return escaped.test(text) || (ascii ? text.includes('\x7f') : unescaped.test(text))
}

function isClean(lines: readonly string[]): boolean {
  return lines.every((text) => !unfit.test(text))
}

/** The error for a record that is none of ours, or not whole any more. */
export function corrupt(what: string): CacheError {
  return new CacheError('ERR_CACHE_ENTRY_CORRUPT', `stored entry is corrupt: ${what}`)
}

/** Whether it may be whole, and was written with another serializer, secret or key. */
export function isUndecoded(error: CacheError): boolean {
  return error.code !== 'ERR_CACHE_ENTRY_CORRUPT' || error.message.includes('written by')
}
