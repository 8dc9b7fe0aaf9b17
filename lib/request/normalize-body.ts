/**
 * The body of a request as it enters the key: a digest of its media type and its bytes, where what
 * differs by chance (a multipart boundary, the order of JSON members or form fields) is made equal.
 */
import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { canonicalJson } from './canonical-json.ts'
import { sortParameters } from './normalize-url.ts'

/** @returns base64url of a SHA-256, different for bodies that the origin could tell apart. */
export function digestBody(contentType: string | undefined, bytes: Uint8Array): string {
  const [mediaType, boundary] = readContentType(contentType ?? '')
  return hash('sha256', frame(mediaType, normalize(mediaType, boundary, bytes)), 'base64url')
}

/** As `digestBody`, for a `FormData` whose bytes are made only when it is sent. */
export async function digestForm(form: FormLike): Promise<string> {
  const parts: string[] = []
  for (const [name, value] of form) {
    if (typeof value === 'string') parts.push(JSON.stringify([name, value]))
    else {
      const bytes = new Uint8Array(await value.arrayBuffer())
      parts.push(JSON.stringify([name, value.name ?? null, value.type, digestBytes(bytes)]))
    }
  }
  return hash('sha256', frame('form-data', parts.join('\n')), 'base64url')
}

/** The part of `FormData` that is used here: undici's class and Node's are not the same one. */
export interface FormLike extends Iterable<[string, string | FormFile]> {
  append(name: string, value: unknown): void
}

interface FormFile {
  readonly name?: string
  readonly type: string
  readonly size: number
  arrayBuffer(): Promise<ArrayBuffer>
}

/** A lower bound of the size in bytes, known without reading any file. */
export function formBytes(form: FormLike): number {
  let bytes = 0
  for (const [name, value] of form) {
    bytes += name.length + (typeof value === 'string' ? value.length : value.size)
  }
  return bytes
}

function digestBytes(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64url')
}

// The type is put before the bytes with its length, so that no two pairs make the same text.
function frame(mediaType: string, content: string | Uint8Array): Uint8Array | string {
  const before = `${mediaType.length}:${mediaType}:`
  if (typeof content === 'string') return `${before}text:${content}`
  return `${before}${digestBytes(content)}`
}

function normalize(
  mediaType: string,
  boundary: string | undefined,
  bytes: Uint8Array,
): string | Uint8Array {
  if (boundary !== undefined) return replaceBoundary(bytes, boundary)
  const [type = ''] = mediaType.split(';', 1)
  if (type.endsWith('/json') || type.endsWith('+json')) {
    // Text that is no UTF-8 would be changed by decoding: then the bytes are the body.
    return (isUtf8(bytes) && canonicalJson(asBuffer(bytes).toString('utf8'))) || bytes
  }
  if (type === 'application/x-www-form-urlencoded') {
    return sortParameters(asBuffer(bytes).toString('latin1').split('&'))
  }
  return bytes
}

// The boundary is random, in the header and in the body; any fixed text will do instead of it, as
// long as the length says where the parts begin.
function replaceBoundary(bytes: Uint8Array, boundary: string): string {
  const parts = asBuffer(bytes).toString('latin1').split(`--${boundary}`)
  return parts.map((part) => `${part.length}:${part}`).join('')
}

/** The media type, its names in lower case, and the boundary of a multipart one, which comes apart. */
function readContentType(value: string): [mediaType: string, boundary: string | undefined] {
  const [type = '', ...parameters] = value.split(';')
  const mediaType = type.trim().toLowerCase()
  const boundary = mediaType.startsWith('multipart/') ? boundaryOf(value) : undefined
  const kept = parameters
    .map((parameter) => parameter.trim().replace(/^[^=]*/, (name) => name.toLowerCase()))
    .filter((parameter) => boundary === undefined || !parameter.startsWith('boundary='))
  return [[mediaType, ...kept].join(';'), boundary]
}

function boundaryOf(value: string): string | undefined {
  const match = /;\s*boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(value)
  return match?.[1] || match?.[2] || undefined
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
