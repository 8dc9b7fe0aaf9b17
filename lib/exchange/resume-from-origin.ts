/**
 * Goes on with a response that the cache cannot finish: asks the origin for the rest or, where that
 * cannot be had alone, for all of it, and passes over what the caller has. The caller does not notice,
 * unless the origin has something else by now: then the response ends with an error that says so.
 */
import type { Duplex } from 'node:stream'
import { crc32 } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { asCacheError, CacheError } from '../errors.ts'
import { mayAsk, type Exchange } from './exchange.ts'
import {
  continuationOf,
  strongValidator,
  type Continuation,
  type StrongValidator,
} from '../policy/same-representation.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { flatHeaders } from '../http/header-fields.ts'
import type { Controller, Handler } from '../response/handler.ts'
import type { Playable } from '../response/replay.ts'

/** What the caller has got, part by part. */
export interface GivenPart {
  readonly bytes: number
  /** Its checksum. */
  readonly check: number
}

/** A response that the cache has begun, and cannot finish. */
export interface Begun {
  /** Of which the caller has the head. */
  readonly response: Playable
  /** As they are stored, the caller's own credentials put back. */
  readonly headers: HeaderFields
  /** Of the whole body. */
  readonly bodyBytes: number
  /** Never empty: before anything is given, the origin's own answer does. */
  readonly given: readonly GivenPart[]
}

/** @param failure why the cache cannot go on */
export function resumeFromOrigin(exchange: Exchange, begun: Begun, failure: Error): void {
  if (exchange.down.ended) return
  const { response, headers, bodyBytes, given } = begun
  const known = asCacheError(
    'ERR_CACHE_STORAGE_FAILED',
    'the storage failed to read a body',
    failure,
  )
  const from = given.reduce((bytes, part) => bytes + part.bytes, 0)
  const unfinished: Unfinished = {
    exchange,
    response,
    given,
    failure: known,
    stored: { status: response.status, headers, bodyBytes, from },
    validator: strongValidator(headers, Date.now()),
  }
  if (!mayAsk(exchange)) return giveUp(unfinished, 'must not be asked')
  if (from > bodyBytes) return giveUp(unfinished, 'cannot undo what was given')
  const ranged = unfinished.validator !== undefined && exchange.options.method === 'GET'
  ask(unfinished, ranged && response.status === 200 ? 'rest' : 'whole')
}

/** A response that the cache has begun. */
interface Unfinished {
  readonly exchange: Exchange
  readonly response: Playable
  readonly given: readonly GivenPart[]
  readonly failure: CacheError
  readonly stored: Parameters<typeof continuationOf>[0]
  readonly validator: StrongValidator | undefined
}

function ask(unfinished: Unfinished, what: 'rest' | 'whole'): void {
  const { exchange, stored, validator } = unfinished
  const { options, route } = exchange
  const rest = new Rest(unfinished, what)
  const fields =
    what === 'whole' ? [] : ['range', `bytes=${stored.from}-`, 'if-range', validator!.value]
  const outgoing: Dispatcher.DispatchOptions =
    fields.length === 0
      ? options
      : { ...options, headers: [...flatHeaders(options.headers), ...fields] }
  try {
    route.dispatch(outgoing, rest)
  } catch (error) {
    rest.onResponseError(null, error as Error)
  }
}

function giveUp({ exchange, failure }: Unfinished, why: string, cause?: Error): void {
  const message = `${failure.message}; the origin ${why}, so the response could not be completed`
  const error = new CacheError(failure.code, message, { cause: cause ?? failure })
  exchange.down.detach()
  exchange.down.error(error)
}

/** Takes the origin's answer, and hands the caller what it lacks. */
class Rest implements Handler {
  readonly #unfinished: Unfinished
  readonly #asked: 'rest' | 'whole'
  #continuation: Continuation | undefined
  #over: Overlap | undefined
  /** Bytes of the body that the caller has or that were passed over. */
  #at = 0
  #done = false

  constructor(unfinished: Unfinished, asked: 'rest' | 'whole') {
    this.#unfinished = unfinished
    this.#asked = asked
  }

  // More than once where a retry or a redirect happens below.
  onRequestStart(controller: Controller): void {
    const { down } = this.#unfinished.exchange
    if (down.ended) {
      return controller.abort(down.reason ?? new DOMException('aborted', 'AbortError'))
    }
    down.attach({
      abort: (reason) => controller.abort(reason),
      pause: () => controller.pause(),
      resume: () => controller.resume(),
    })
  }

  onRequestUpgrade(
    controller: Controller,
    status: number,
    _headers: HeaderFields,
    socket: Duplex,
  ): void {
    socket.destroy()
    this.onResponseError(controller, new Error(`unexpected upgrade (${status})`))
  }

  onResponseStart(controller: Controller, status: number, headers: HeaderFields): void {
    // The caller has got its head.
    if (this.#done || status < 200) return
    const { stored, validator, given } = this.#unfinished
    const continuation = continuationOf(stored, { status, headers }, validator)
    this.#continuation = continuation
    if (continuation.action === 'give-up') {
      // A server that does not understand ranges well may still give all of it.
      if (this.#asked === 'rest' && (status === 206 || status === 416)) {
        return this.#end(controller, () => ask(this.#unfinished, 'whole'))
      }
      return this.#fail(controller, continuation.why)
    }
    this.#at = continuation.action === 'append' ? stored.from : 0
    if (continuation.action === 'pass-over') this.#over = new Overlap(given)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#done) return
    const { exchange, stored } = this.#unfinished
    const lacking = Math.min(Math.max(stored.from - this.#at, 0), chunk.byteLength)
    this.#at += chunk.byteLength
    if (lacking > 0 && this.#over?.takes(chunk.subarray(0, lacking)) === false) {
      return this.#fail(controller, 'has another version by now')
    }
    if (this.#at > this.#mostBytes()) return this.#fail(controller, 'sent more than was stored')
    if (lacking < chunk.byteLength) exchange.down.data(chunk.subarray(lacking))
  }

  onResponseEnd(controller: Controller): void {
    if (this.#done) return
    const { exchange, response, stored } = this.#unfinished
    const isShort = this.#at < (this.#length() ?? stored.from)
    if (isShort) return this.#fail(controller, 'sent less than was stored')
    this.#done = true
    exchange.down.end(response.trailers, response.rawTrailers)
  }

  // undici gives no controller where it fails before there is one.
  onResponseError(_controller: Controller | null, error: Error): void {
    if (this.#done) return
    this.#done = true
    const { down } = this.#unfinished.exchange
    if (down.aborted) return down.error(error)
    giveUp(this.#unfinished, `failed as well (${error.message})`, error)
  }

  #length(): number | undefined {
    const { stored } = this.#unfinished
    return this.#continuation?.action === 'pass-over' ? this.#continuation.length : stored.bodyBytes
  }

  #mostBytes(): number {
    return this.#length() ?? Infinity
  }

  #fail(controller: Controller, why: string): void {
    this.#end(controller, () => giveUp(this.#unfinished, why))
  }

  // What the origin says from now on is nobody's.
  #end(controller: Controller, next: () => void): void {
    this.#done = true
    this.#unfinished.exchange.down.detach()
    controller.abort(new Error('the rest is of no use'))
    next()
  }
}

/** Compares what the origin sends once more with what the caller has. */
class Overlap {
  readonly #given: readonly GivenPart[]
  #index = 0
  #bytes = 0
  #check = 0

  constructor(given: readonly GivenPart[]) {
    this.#given = given
  }

  /** @returns false where it is something else */
  takes(chunk: Buffer): boolean {
    for (let from = 0; from < chunk.byteLength;) {
      const part = this.#given[this.#index]!
      const piece = chunk.subarray(from, from + part.bytes - this.#bytes)
      this.#check = crc32(piece, this.#check)
      this.#bytes += piece.byteLength
      from += piece.byteLength
      if (this.#bytes < part.bytes) continue
      if (part.check !== this.#check) return false
      this.#index++
      this.#bytes = 0
      this.#check = 0
    }
    return true
  }
}
