/**
 * Entries as records and back. The head of a record is two lines of JSON: what a hit needs, and the
 * request, which only people want to see and a hit does not parse.
 *
 * What comes out of a store may have been written by anybody, and may have decayed: it is checked
 * before it is believed.
 */
import type { StoredRecord } from '../storage/base-storage.ts'
import { CacheError } from '../errors.ts'
import { writerOf } from '../serializers/label.ts'
import { headerFields } from '../http/header-lines.ts'
import type { EpochMs } from '../units.ts'
import { checkOf, isIntact, sealHead, type CheckStored } from './checksum.ts'
import type { BodyParts, Entry, EntryHead, RedirectChain, StoredRequest } from './entry.ts'
import {
  isClean,
  isEchoes,
  isResponseLine,
  isTexts,
  recordVersion,
  type ResponseLine,
} from './readable-head.ts'

interface ChainLine extends RedirectChain {
  readonly version: typeof recordVersion
}

/** What a body is stored as. */
export interface StoredBody {
  readonly bytes: Uint8Array
  readonly parts?: BodyParts | undefined
  readonly bodyBytes: number
  readonly bodyCheck?: number | undefined
}

/** A body that fits into one record. @param leaves whether it leaves this process */
export function wholeBody(bytes: Uint8Array, leaves: 'leaves' | 'stays' = 'leaves'): StoredBody {
  const bodyCheck = leaves === 'leaves' ? checkOf(bytes) : undefined
  return { bytes, bodyBytes: bytes.byteLength, bodyCheck }
}

/**
 * The head text of a response.
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT where no reader would take it
 */
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
    bodyCheck: body.bodyCheck,
    parts: body.parts,
  }
  const text = JSON.stringify(line)
  if (!isResponseLine(line) || !isClean(line, text)) throw unreadable()
  return sealHead(`${text}\n${JSON.stringify(request)}`)
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
export function decodeHead(
  head: string,
  check: CheckStored = 'all',
): EntryHead & Omit<StoredBody, 'bytes'> {
  const text = firstLine(head)
  const line = parse(text) as Partial<ResponseLine> | undefined
  if (line === undefined || !isResponseLine(line)) {
    const writer = line === undefined ? writerOf(head) : newerWriter(line)
    throw corrupt(writer === undefined ? 'its head' : `it was written by ${writer}, not as it is`)
  }
  if (!isClean(line, text)) throw corrupt('a header field')
  assertIntact(head, check)
  return line
}

/** When a record was stored; undefined where it does not say, or cannot be read. */
export function storedAtOf(record: StoredRecord): EpochMs | undefined {
  const line = parse(firstLine(record.head)) as Partial<ResponseLine> | undefined
  return typeof line?.storedAt === 'number' ? line.storedAt : undefined
}

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function decodeEntry(
  record: StoredRecord,
  holder: 'owned' | 'shared' = 'shared',
  check: CheckStored = 'all',
): Entry {
  const line = decodeHead(record.head, check)
  const bodyHere = line.parts === undefined ? line.bodyBytes : 0
  if (record.body.byteLength !== bodyHere) throw corrupt('the length of its body')
  if (check === 'all' && line.bodyCheck !== undefined && line.bodyCheck !== checkOf(record.body)) {
    throw corrupt('the digest of its body')
  }
  return {
    ...line,
    headers: headerFields(line.rawHeaders),
    trailers: line.rawTrailers.length === 0 ? noFields : headerFields(line.rawTrailers),
    body: record.body,
    owned: holder === 'owned',
    unchecked: check === 'all' ? undefined : true,
  }
}

/** What is stored of the request. @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function decodeRequest(head: string): StoredRequest {
  assertIntact(head, 'all')
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
  const head = sealHead(`${JSON.stringify(line)}\n${JSON.stringify(request)}`)
  return { head, body: noBytes, expiresAt: dropAt }
}

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function decodeChain(record: StoredRecord, check: CheckStored = 'all'): RedirectChain {
  const line = parse(firstLine(record.head)) as Partial<ChainLine> | undefined
  const valid =
    line?.version === recordVersion &&
    typeof line.text === 'string' &&
    typeof line.target === 'string' &&
    isTexts(line.history) &&
    isEchoes(line.echoes, line.history.length) &&
    line.history.every((url) => URL.canParse(url) || line.echoes !== undefined)
  if (!valid) throw corrupt('its chain of redirects')
  assertIntact(record.head, check)
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

function newerWriter({ version }: { readonly version?: unknown }): string | undefined {
  return typeof version === 'number' && version > recordVersion ? 'a newer version' : undefined
}

function assertIntact(head: string, check: CheckStored): void {
  if (check !== 'none' && !isIntact(head)) throw corrupt('the digest of its head')
}

function unreadable(): CacheError {
  const message = 'an entry that could not be read again is not stored'
  return new CacheError('ERR_CACHE_ENTRY_CORRUPT', message)
}

/** Whether the error says that a record is not what was written, and can be of use to nobody. */
export function isDecayed(error: unknown): error is CacheError {
  return (
    error instanceof CacheError &&
    error.code === 'ERR_CACHE_ENTRY_CORRUPT' &&
    // Another serializer or a newer version may read it.
    !error.message.includes('written by')
  )
}

/** The error for a record that is none of ours, or not whole any more. */
export function corrupt(what: string): CacheError {
  return new CacheError('ERR_CACHE_ENTRY_CORRUPT', `stored entry is corrupt: ${what}`)
}
