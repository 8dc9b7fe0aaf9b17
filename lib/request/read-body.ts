/**
 * The body of a request, read as far as the key needs it. What had to be read to the end is handed
 * on as one Buffer; what turns out too long goes on as it came, the part that was read before it.
 */
import { formBytes, keyBody, keyForm, type BodyKey, type FormLike } from './normalize-body.ts'
import type { KeyRules, RequestDetails } from './key-rules.ts'
import type { MaybePromise } from '../maybe-promise.ts'

/** A body, as far as it had to be read. */
export interface ReadBody extends Omit<BodyKey, 'digest'> {
  /** Undefined where there is a body that cannot be part of a key. */
  readonly digest: string | undefined
  /** There is one, of no bytes: undici's `pipeline()` always has one. */
  readonly isEmpty?: true
  /** To be sent: the caller's own where it was not consumed. */
  readonly body: unknown
  /** For the caller's functions, where the rules have any. */
  readonly content?: RequestDetails['body']
}

/**
 * Digests a body that is there.
 * @param maxBytes beyond it there is no digest, and memory holds no more than that
 */
export function readBody(
  body: unknown,
  contentType: string | undefined,
  maxBytes: number,
  rules?: KeyRules,
): MaybePromise<ReadBody> {
  const bytes = bytesAtHand(body)
  if (bytes !== undefined) {
    if (bytes.byteLength > maxBytes) return { digest: undefined, body }
    return known(bytes, contentType, body, rules)
  }
  if (isForm(body)) {
    if (formBytes(body) > maxBytes) return { digest: undefined, body }
    return keyForm(body, rules).then((key) => ({
      ...key,
      body,
      ...contentFor(rules, body as unknown as FormData),
    }))
  }
  if (body instanceof Blob) {
    if (body.size > maxBytes) return { digest: undefined, body }
    // undici sends the type of a Blob where the caller names none.
    const type = contentType ?? body.type
    return body.arrayBuffer().then((buffer) => known(new Uint8Array(buffer), type, body, rules))
  }
  const chunks = chunksOf(body)
  if (chunks === undefined) return { digest: undefined, body }
  return readStream(chunks, body, contentType, maxBytes, rules)
}

function known(
  bytes: Uint8Array,
  contentType: string | undefined,
  body: unknown,
  rules: KeyRules | undefined,
): ReadBody {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const key = keyBody(contentType, bytes, rules)
  const empty = bytes.byteLength === 0 ? { isEmpty: true as const } : {}
  return { ...key, ...empty, body, ...contentFor(rules, content) }
}

function contentFor(
  rules: KeyRules | undefined,
  content: Buffer | FormData,
): Pick<ReadBody, 'content'> {
  const asked = rules?.keyFn !== undefined || typeof rules?.identity === 'function'
  if (!asked) return {}
  // A copy: what they do to it must not change what is sent.
  return { content: Buffer.isBuffer(content) ? Buffer.from(content) : content }
}

async function readStream(
  chunks: AsyncIterator<unknown>,
  source: unknown,
  contentType: string | undefined,
  maxBytes: number,
  rules: KeyRules | undefined,
): Promise<ReadBody> {
  const read: Uint8Array[] = []
  let total = 0
  for (;;) {
    let next: IteratorResult<unknown>
    try {
      next = await chunks.next()
    } catch (error) {
      // The origin is told as it would have been without a cache: by a body that fails.
      return { digest: undefined, body: failing(read, error) }
    }
    if (next.done === true) break
    const chunk = bytesAtHand(next.value)
    if (chunk === undefined) {
      return { digest: undefined, body: rest(read, next.value, chunks, source) }
    }
    read.push(chunk)
    total += chunk.byteLength
    if (total > maxBytes) return { digest: undefined, body: rest(read, undefined, chunks, source) }
  }
  // A copy: the chunks may be views of memory that their source uses again.
  const whole = Buffer.concat(read)
  return known(whole, contentType, whole, rules)
}

async function* failing(read: Uint8Array[], error: unknown): AsyncGenerator<Uint8Array> {
  yield* read
  throw error
}

async function* rest(
  read: Uint8Array[],
  odd: unknown,
  chunks: AsyncIterator<unknown>,
  source: unknown,
): AsyncGenerator {
  try {
    yield* read
    read.length = 0
    if (odd !== undefined) yield odd
    for (;;) {
      const next = await chunks.next()
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // A request that ends early leaves its source as undici would: ended.
    await chunks.return?.()
    ;(source as { destroy?: () => void }).destroy?.()
  }
}

/** @returns undefined where the value is not bytes or text */
function bytesAtHand(value: unknown): Uint8Array | undefined {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return value
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  }
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  return undefined
}

function isForm(value: unknown): value is FormLike {
  return (value as { [Symbol.toStringTag]?: unknown } | null)?.[Symbol.toStringTag] === 'FormData'
}

function chunksOf(body: unknown): AsyncIterator<unknown> | undefined {
  const source = body as Partial<AsyncIterable<unknown> & Iterable<unknown>>
  if (typeof source[Symbol.asyncIterator] === 'function') return source[Symbol.asyncIterator]!()
  if (typeof source[Symbol.iterator] !== 'function') return undefined
  return (async function* () {
    yield* source as Iterable<unknown>
  })()
}
