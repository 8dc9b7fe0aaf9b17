import type { DocumentFormat } from './document-format.ts'

// As `write` indents it; within texts and nested objects no line begins so.
const bodyLine = ',\n  "body":'

/** Documents in JSON, one member a line. */
export const json: DocumentFormat = {
  name: 'json',
  binary: false,
  longestView: 2 ** 20,
  longest: 2 ** 28,
  write: (document) => Buffer.from(`${JSON.stringify(document, null, 2)}\n`),
  read: (bytes): unknown => JSON.parse(bytes.toString()),
  beforeBody(start) {
    const at = start.indexOf(bodyLine)
    return at === -1 ? undefined : Buffer.concat([start.subarray(0, at), Buffer.from('\n}')])
  },
}
