/**
 * The body of a request as it enters the key: a digest of its media type and its bytes, where what
 * differs by chance (a multipart boundary, the order of JSON members or form fields) is made equal,
 * and what the rules ignore is left out. The body that is sent is not touched.
 */
import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import { BodyFields } from './body-fields.ts'
import { canonicalJson } from './canonical-json.ts'
import type { OperationKind } from './graphql-document.ts'
import { readGraphqlJson, readGraphqlText, type GraphqlBody } from './graphql-request.ts'
import type { KeyRules } from './key-rules.ts'
import { sortParameters } from '../http/parameters.ts'

/** What of a body is part of the key. */
export interface BodyKey {
  /** base64url of a SHA-256, different for bodies that the origin could tell apart. */
  readonly digest: string
  /** What the GraphQL operation in it does. */
  readonly operation?: OperationKind
  /** The digest is that of the operation, however it was spelled. */
  readonly isOperation?: true | undefined
  /** `name=value` of what the rules ignore, encoded. */
  readonly ignored?: readonly string[]
}

/** Reads the bytes of a body. Without rules nothing is ignored, and the spelling of GraphQL counts. */
export function keyBody(
  contentType: string | undefined,
  bytes: Uint8Array,
  rules?: KeyRules,
): BodyKey {
  const [mediaType, boundary] = readContentType(contentType ?? '')
  const fields = new BodyFields(rules)
  const content = normalize(mediaType, boundary, bytes, fields)
  const asked = graphqlOf(mediaType, content)
  const operation = asked ?? fields.operation
  // What is no text would fall together with other bytes that are none.
  const isText = typeof content === 'string' || isUtf8(content)
  const isOperation = asked !== undefined && rules?.graphql === true && isText
  return {
    digest: digestOf(isOperation ? frame('graphql', asked.text) : frame(mediaType, content)),
    ...(operation && { operation: operation.kind }),
    ...(isOperation && { isOperation }),
    ...fields.found,
  }
}

/** As `keyBody`, for a `FormData` whose bytes are made only when it is sent. */
export async function keyForm(form: FormLike, rules?: KeyRules): Promise<BodyKey> {
  const fields = new BodyFields(rules)
  const parts: string[] = []
  for (const [name, value] of form) {
    if (fields.ignores(name, typeof value === 'string' ? value : undefined)) continue
    if (typeof value === 'string') parts.push(JSON.stringify([name, value]))
    else {
      const bytes = new Uint8Array(await value.arrayBuffer())
      parts.push(JSON.stringify([name, value.name ?? null, value.type, digestOf(bytes)]))
    }
  }
  return {
    digest: digestOf(frame('form-data', parts.join('\n'))),
    ...(fields.operation && { operation: fields.operation.kind }),
    ...fields.found,
  }
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

// The type is put before the bytes with its length, so that no two pairs make the same text.
function frame(mediaType: string, content: string | Uint8Array): Uint8Array | string {
  const before = `${mediaType.length}:${mediaType}:`
  if (typeof content === 'string') return `${before}text:${content}`
  return `${before}${digestOf(content)}`
}

function normalize(
  mediaType: string,
  boundary: string | undefined,
  bytes: Uint8Array,
  fields: BodyFields,
): string | Uint8Array {
  if (boundary !== undefined) return replaceBoundary(bytes, boundary, fields)
  const type = bareType(mediaType)
  if (isJson(type)) {
    // Text that is no UTF-8 would be changed by decoding: then the bytes are the body.
    return (isUtf8(bytes) && canonicalJson(asBuffer(bytes).toString(), fields.ofJson)) || bytes
  }
  if (type === 'application/x-www-form-urlencoded') {
    const written = asBuffer(bytes).toString('latin1').split('&')
    return sortParameters(written.filter((parameter) => !fields.ignoresParameter(parameter)))
  }
  return bytes
}

function graphqlOf(mediaType: string, content: string | Uint8Array): GraphqlBody | undefined {
  const type = bareType(mediaType)
  if (typeof content === 'string') return isJson(type) ? readGraphqlJson(content) : undefined
  return type === 'application/graphql' ? readGraphqlText(asBuffer(content).toString()) : undefined
}

function bareType(mediaType: string): string {
  const end = mediaType.indexOf(';')
  return end === -1 ? mediaType : mediaType.slice(0, end)
}

function isJson(type: string): boolean {
  return type.endsWith('/json') || type.endsWith('+json')
}

// The boundary is random, in the header and in the body; any fixed text will do instead of it, as
// long as the length says where the parts begin.
function replaceBoundary(bytes: Uint8Array, boundary: string, fields: BodyFields): string {
  const parts = asBuffer(bytes).toString('latin1').split(`--${boundary}`)
  return parts
    .filter((part) => !fields.ignoresPart(part))
    .map((part) => `${part.length}:${part}`)
    .join('')
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

function digestOf(content: string | Uint8Array): string {
  return hash('sha256', content, 'base64url')
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
