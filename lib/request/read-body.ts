/**
 * The body of a request, read as far as the key needs it. What had to be read to the end is handed
 * on as one Buffer; what turns out too long, or too slow, goes on as it came, the part that was read
 * before it.
 */
import { openBody, type BodySource } from './body-source.ts'
import { formBytes, keyBody, keyForm, type BodyKey, type FormLike } from './normalize-body.ts'
import type { KeyRules, RequestDetails } from './key-rules.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { clearTimeout, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

/** A body, as far as it had to be read. */
export interface ReadBody extends Omit<BodyKey, 'digest'> {
  /** Undefined where there is a body that cannot be part of a key. */
  readonly digest: string | undefined
  /** There is one, of no bytes: undici's `pipeline()` always has one. */
  readonly isEmpty?: true
  /** It took longer than there was time for. */
  readonly isSlow?: true
  /** To be sent: the caller's own where it was not consumed. */
  readonly body: unknown
  /** For the caller's functions, where the rules have any. */
  readonly content?: RequestDetails['body']
}

/** How a body is read that has to be waited for. */
export interface Reading {
  /** For how long; a body that takes more goes on unread. Default: without end. */
  readonly patience?: Ms | undefined
  /** Ends its source. */
  readonly signal?: AbortSignal | undefined
  /** What the caller says of its length. */
  readonly contentLength?: string | undefined
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
  reading: Reading = {},
): MaybePromise<ReadBody> {
  const unread = { digest: undefined, body }
  const bytes = bytesAtHand(body)
  if (bytes !== undefined) {
    if (bytes.byteLength > maxBytes) return unread
    return known(bytes, contentType, body, rules)
  }
  const slow = { ...unread, isSlow: true as const }
  if (isForm(body)) {
    if (formBytes(body) > maxBytes) return unread
    const key = keyForm(body, rules).then((form) => ({
      ...form,
      body,
      ...contentFor(rules, body as unknown as FormData),
    }))
    return within<ReadBody>(reading.patience, key, slow)
  }
  if (body instanceof Blob) {
    if (body.size > maxBytes) return unread
    // undici sends the type of a Blob where the caller names none.
    const type = contentType ?? body.type
    const key = body
      .arrayBuffer()
      .then((buffer) => known(new Uint8Array(buffer), type, body, rules))
    return within<ReadBody>(reading.patience, key, slow)
  }
  if (Number(reading.contentLength) > maxBytes) return unread
  const source = openBody(body)
  if (source === undefined) return unread
  reading.signal?.addEventListener('abort', () => source.end(reading.signal!.reason as Error), {
    once: true,
  })
  return readStream(source, maxBytes, reading).then((read) => {
    // A copy: the chunks may be views of memory that their source uses again.
    if ('body' in read) return read
    const whole = Buffer.concat(read)
    return known(whole, contentType, whole, rules)
  })
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

// What is whole comes as its chunks.
async function readStream(
  source: BodySource,
  maxBytes: number,
  { patience = Infinity, contentLength }: Reading,
): Promise<Uint8Array[] | ReadBody> {
  const read: Uint8Array[] = []
  const timer = new Patience(patience)
  let total = 0
  try {
    for (;;) {
      if (timer.isOver) return { digest: undefined, isSlow: true, body: rest(read, [], source) }
      const coming = source.next()
      let next: IteratorResult<unknown> | undefined
      try {
        next = await timer.wait(coming)
      } catch (error) {
        // The origin is told as it would have been without a cache: by a body that fails.
        return { digest: undefined, body: failing(read, error) }
      }
      if (next === undefined) {
        return { digest: undefined, isSlow: true, body: rest(read, [coming], source) }
      }
      if (next.done === true) break
      const chunk = bytesAtHand(next.value)
      if (chunk === undefined) return { digest: undefined, body: rest(read, [next], source) }
      read.push(chunk)
      total += chunk.byteLength
      if (total > maxBytes) return { digest: undefined, body: rest(read, [], source) }
    }
  } finally {
    timer.clear()
  }
  // undici compares, where it is handed a stream, and refuses the request.
  if (contentLength !== undefined && Number(contentLength) !== total) {
    return { digest: undefined, body: rest(read, [], source) }
  }
  return read
}

/** A time that is waited for chunks, all of them together. */
class Patience {
  isOver = false
  readonly #timer: NodeJS.Timeout | undefined
  #wake: () => void = () => {}

  // It keeps the process alive: what the source waits for may be an answer of the origin, and without
  // the cache there would be a connection by now.
  constructor(patience: Ms) {
    if (patience === Infinity) return
    this.#timer = setTimeout(() => {
      this.isOver = true
      this.#wake()
    }, patience)
  }

  /** @returns undefined where the time is over before the value comes */
  wait<T>(value: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined)
      value.then(resolve, reject)
    })
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}

async function within<T>(patience: Ms = Infinity, value: Promise<T>, otherwise: T): Promise<T> {
  const timer = new Patience(patience)
  try {
    return (await timer.wait(value)) ?? otherwise
  } finally {
    timer.clear()
  }
}

async function* failing(read: Uint8Array[], error: unknown): AsyncGenerator<Uint8Array> {
  yield* read
  throw error
}

/** @param coming what has been taken from the source already and is not in `read` */
async function* rest(
  read: Uint8Array[],
  coming: (IteratorResult<unknown> | Promise<IteratorResult<unknown>>)[],
  source: BodySource,
): AsyncGenerator {
  try {
    yield* read
    read.length = 0
    for (;;) {
      const next = await (coming.shift() ?? source.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    // A request that ends early leaves its source as undici would: ended.
    source.end()
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
