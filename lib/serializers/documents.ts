/** Where documents are kept: in files of their own, or in the place of bodies. */
import type { FileFormat } from '../storage/file-format.ts'
import type { DocumentFormat } from './document-format.ts'
import {
  bufferOf,
  readBody,
  readRecord,
  readRecordHead,
  writeBody,
  writeRecord,
} from './record-document.ts'
import type { Stage } from './stage.ts'

// The largest body of a file: memory has to hold it, its document, and the document's text.
const longestBody = 2 ** 26
// What a document has besides the body.
const overhead = 256
// Heads are a few kilobytes long, and before the body.
const growth = 8

/** Files that are documents, each of one record. */
export function documentFiles(format: DocumentFormat): FileFormat {
  return {
    serializer: format.name,
    ending: `.${format.name}`,
    maxBodyBytes: Math.min(longestBody, longestBodyIn(format, format.longest)),
    encode: (record) => [writeRecord(format, record)],
    decode: (bytes) => readRecord(format, bytes),
    decodeHead: (start, fileBytes) =>
      readRecordHead(format, start, start.byteLength === fileBytes) ?? start.byteLength * growth,
  }
}

/**
 * A stage that puts a document into the place of a body. Heads stay beside it as they are, for they
 * are listed and replaced without bodies.
 * @param longest document that the storage can hold
 */
export function documentBodies(format: DocumentFormat, longest: () => number): Stage {
  return {
    name: format.name,
    encode: (_key, record) => ({
      head: record.head,
      body: writeBody(format, record, Math.min(longest(), format.longest)),
    }),
    decode: (_key, { head, body }) => ({ head, body: readBody(format, bufferOf(body)) }),
    maxBodyBytes: (limit) => longestBodyIn(format, limit),
  }
}

function longestBodyIn({ binary, longest }: DocumentFormat, limit: number): number {
  const room = Math.min(limit, longest) - overhead
  return binary ? room : Math.floor((room / 4) * 3)
}
