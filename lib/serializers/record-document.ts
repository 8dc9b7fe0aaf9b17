/**
 * A record as one document, and back: request, response and body, as a person would write them down.
 * Whatever a document shows, it gives back the very text of the head and the very bytes of the body;
 * that is tried with each document before it is used, and one that shows less takes its place.
 */
import type { StoredHead, StoredRecord } from '../storage/base-storage.ts'
import { bytesOf, viewOf, type BodyView, type Detail } from './body-view.ts'
import type { DocumentFormat } from './document-format.ts'
import { headOf, membersOf, shownInstant, storedInstant, type HeadMembers } from './head-members.ts'
import { corrupt } from './label.ts'

const version = 1
const marker = 'undici-cache'

interface Document extends HeadMembers {
  readonly [marker]?: unknown
  readonly expiresAt?: unknown
  readonly body?: BodyView
}

const details: readonly Detail[] = ['view', 'text', 'bytes']
const contentCoding = /"content-encoding","([^"\\]*)"/i

/** The document of a record. */
export function writeRecord(format: DocumentFormat, record: StoredRecord): Uint8Array {
  const { head, body, expiresAt } = record
  const before = {
    [marker]: version,
    ...(expiresAt !== undefined && { expiresAt: shownInstant(expiresAt) }),
  }
  const documents = details.map((detail) => () => ({
    ...before,
    ...membersOf(head),
    body: viewOf(body, detail, optionsOf(format, head)),
  }))
  const plain = () => ({ ...before, head, body: viewOf(body, 'bytes', optionsOf(format, head)) })
  return write(format, format.longest, [...documents, plain], (bytes) => {
    const again = readRecord(format, bytes)
    return again.head === head && again.expiresAt === expiresAt && isSame(again.body, body)
  })
}

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function readRecord(format: DocumentFormat, bytes: Buffer): StoredRecord {
  const document = parse(format, bytes)
  return { ...readHead(format, document), body: bodyIn(format, document) }
}

/**
 * The head of a record, of the first bytes of its document.
 * @returns undefined where they are too few
 * @throws CacheError ERR_CACHE_ENTRY_CORRUPT
 */
export function readRecordHead(
  format: DocumentFormat,
  start: Buffer,
  isWhole: boolean,
): Omit<StoredHead, 'key'> | undefined {
  const before = format.beforeBody(start)
  try {
    if (before !== undefined) return readHead(format, parse(format, before))
  } catch {
    // Somebody has written it anew, and has put the members into another order.
  }
  return isWhole ? readHead(format, parse(format, start)) : undefined
}

/** The document of a body alone, whose head stays beside it. @param longest document that may be */
export function writeBody(
  format: DocumentFormat,
  { head, body }: StoredRecord,
  longest: number,
): Uint8Array {
  const documents = details.map((detail) => () => ({
    [marker]: version,
    body: viewOf(body, detail, optionsOf(format, head)),
  }))
  return write(format, longest, documents, (bytes) => isSame(readBody(format, bytes), body))
}

/** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
export function readBody(format: DocumentFormat, bytes: Buffer): Uint8Array {
  return bodyIn(format, parse(format, bytes))
}

/** The same bytes, as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function write(
  format: DocumentFormat,
  longest: number,
  documents: readonly (() => object)[],
  isExact: (bytes: Buffer) => boolean,
): Uint8Array {
  for (const document of documents.slice(0, -1)) {
    try {
      const bytes = format.write(document())
      if (bytes.byteLength <= longest && isExact(bufferOf(bytes))) return bytes
    } catch {
      // This language has no word for something in it.
    }
  }
  return format.write(documents.at(-1)!())
}

function parse(format: DocumentFormat, bytes: Buffer): Document {
  let document: unknown
  try {
    document = format.read(bytes)
  } catch {
    // Its message would show what is stored.
    throw corrupt(`it is no document in ${format.name}`)
  }
  if (typeof document !== 'object' || document === null || !(marker in document)) {
    throw corrupt(`its ${format.name} document is none of ours`)
  }
  if (document[marker] !== version)
    throw corrupt(`its ${format.name} document is of another version`)
  return document
}

function readHead(format: DocumentFormat, document: Document): Omit<StoredHead, 'key'> {
  const expiresAt = storedInstant(document.expiresAt)
  const head = headOf(document)
  if (head === undefined) throw corrupt(`its ${format.name} document has no head`)
  if (expiresAt !== undefined && !Number.isFinite(expiresAt)) {
    throw corrupt(`'expiresAt' in its ${format.name} document`)
  }
  return { head, expiresAt: expiresAt as number | undefined }
}

function bodyIn(format: DocumentFormat, { body }: Document): Uint8Array {
  const bytes = typeof body === 'object' && body !== null ? bytesOf(body) : undefined
  if (bytes === undefined) throw corrupt(`its ${format.name} document has no body`)
  return bytes
}

function optionsOf(
  { binary, longestView }: DocumentFormat,
  head: string,
): Parameters<typeof viewOf>[2] {
  const [, coding] = contentCoding.exec(head) ?? []
  return { binary, longestView, coding }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}
