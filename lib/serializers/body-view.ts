/**
 * Bodies as a person reads them: JSON as JSON, text as text. Where that is not the very bytes, they
 * stand beside it.
 */
import { isUtf8 } from 'node:buffer'
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'

/** A body in a document; the first of these members that is there gives the bytes. */
export interface BodyView {
  /** The bytes themselves, as base64 or, where the format can, as they are. */
  readonly base64?: string
  readonly bytes?: Uint8Array
  /** The bytes as UTF-8; beside bytes, what they say once they are decoded. */
  readonly text?: string
  /** What the text says; it is what `JSON.stringify` writes, indented so and with this end. */
  readonly json?: object
  readonly indent?: string
  readonly end?: string
}

/** How much of a body is to be seen. */
export type Detail = 'view' | 'text' | 'bytes'

/** What a view depends on, besides the body. */
export interface ViewOptions {
  readonly binary: boolean
  readonly longestView: number
  /** Content-Encoding of the response, where it has one. */
  readonly coding?: string | undefined
}

const decoders: Readonly<
  Record<string, (bytes: Uint8Array, limits: { maxOutputLength: number }) => Buffer>
> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
}

// Without these a text shows on a screen as it is. Tab, line feed, form feed, carriage return and
// escape are in many a text.
// oxlint-disable-next-line no-control-regex -- to find them
const unreadable = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/

/** The body in as much detail as it can be seen. */
export function viewOf(body: Uint8Array, detail: Detail, options: ViewOptions): BodyView {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const exact = options.binary ? { bytes } : { base64: bytes.toString('base64') }
  if (detail === 'bytes') return exact
  const text = textOf(bytes)
  if (text !== undefined) {
    const view = detail === 'view' && bytes.byteLength <= options.longestView && jsonOf(text)
    if (!view) return { text }
    return textOfJson(view) === text ? view : { text, ...view }
  }
  const decoded = detail === 'view' ? decode(bytes, options) : undefined
  if (decoded === undefined) return exact
  return { ...(jsonOf(decoded) ?? { text: decoded }), ...exact }
}

/** The bytes of a body; undefined where the view has none. */
export function bytesOf(view: BodyView): Uint8Array | undefined {
  if (view.bytes instanceof Uint8Array) return view.bytes
  if (typeof view.base64 === 'string') return Buffer.from(view.base64, 'base64')
  if (typeof view.text === 'string') return Buffer.from(view.text)
  if (typeof view.json === 'object') return Buffer.from(textOfJson(view as JsonView))
  return undefined
}

type JsonView = BodyView & { readonly json: object }

function textOf(bytes: Buffer): string | undefined {
  if (!isUtf8(bytes)) return undefined
  const text = bytes.toString()
  return unreadable.test(text) ? undefined : text
}

// Objects and lists; anything else reads as well as text.
function jsonOf(text: string): JsonView | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined
  let value: object
  try {
    value = JSON.parse(text) as object
  } catch {
    return undefined
  }
  const [, indent] = /^[[{]\n([ \t]+)/.exec(text) ?? []
  const end = text.slice(text.trimEnd().length)
  return { json: value, ...(indent && { indent }), ...(end && { end }) }
}

function textOfJson({ json, indent, end = '' }: JsonView): string {
  return JSON.stringify(json, null, indent) + end
}

function decode(bytes: Buffer, { coding, longestView }: ViewOptions): string | undefined {
  const decoder = coding === undefined ? undefined : decoders[coding.toLowerCase()]
  if (decoder === undefined) return undefined
  try {
    return textOf(decoder(bytes, { maxOutputLength: longestView }))
  } catch {
    // Cut into parts, or longer than anybody wants to read.
    return undefined
  }
}
