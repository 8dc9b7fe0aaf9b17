/**
 * The body of a request, read as far as the key needs it. What had to be read to the end is handed
 * on as one Buffer; what turns out too long goes on as it came, the part that was read before it.
 */
import { digestBody, digestForm, formBytes, type FormLike } from './normalize-body.ts'
import type { MaybePromise } from '../maybe-promise.ts'

/** A body, as far as it had to be read. */
export interface ReadBody {
  /** Undefined where there is a body that cannot be part of a key. */
  readonly digest: string | undefined
  /** To be sent: the caller's own where it was not consumed. */
  readonly body: unknown
}

/**
 * Digests a body that is there.
 * @param maxBytes beyond it there is no digest, and memory holds no more than that
 */
export function readBody(
  body: unknown,
  contentType: string | undefined,
  maxBytes: number,
): MaybePromise<ReadBody> {
  const bytes = bytesAtHand(body)
  if (bytes !== undefined) {
    const digest = bytes.byteLength > maxBytes ? undefined : digestBody(contentType, bytes)
    return { digest, body }
  }
  if (isForm(body)) {
    if (formBytes(body) > maxBytes) return { digest: undefined, body }
    return digestForm(body).then((digest) => ({ digest, body }))
  }
  if (body instanceof Blob) {
    if (body.size > maxBytes) return { digest: undefined, body }
    // undici sends the type of a Blob where the caller names none.
    const type = contentType ?? body.type
    return body.arrayBuffer().then((buffer) => ({
      digest: digestBody(type, new Uint8Array(buffer)),
      body,
    }))
  }
  const chunks = chunksOf(body)
  if (chunks === undefined) return { digest: undefined, body }
  return readStream(chunks, body, contentType, maxBytes)
}

async function readStream(
  chunks: AsyncIterator<unknown>,
  source: unknown,
  contentType: string | undefined,
  maxBytes: number,
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
  return { digest: digestBody(contentType, whole), body: whole }
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
