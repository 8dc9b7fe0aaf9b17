/**
 * The caller's side of an exchange: its handler, and the controller that the handler holds.
 *
 * The handler is started once, whatever happens on the other side (a look-up, a retry, redirects,
 * a body that has to be read first), ends once, and gets its chunks only while it wants them.
 */
import type { HeaderFields } from '../http/header-lines.ts'
import { abortError } from './abort-error.ts'
import { rawBuffers, type Controller, type Handler } from './handler.ts'
import type { RawHeaders } from '../http/header-lines.ts'

/** What stands behind the controller: the network, or an entry that is played. */
export interface Upstream {
  abort(reason: Error): void
  pause(): void
  resume(): void
}

// How far the network may run ahead of a caller that has stopped reading, so that what is being
// stored gets done: as much as one part of a stored body, which is held in memory in any case.
const maxAheadBytes = 2 ** 20

/** The caller's handler, and its controller; see the top of the file. */
export class Downstream implements Controller {
  aborted = false
  paused = false
  reason: Error | null = null
  rawHeaders: RawHeaders = null
  rawTrailers: RawHeaders = null

  /** What `dispatch()` returns where it returns later than `sent()` is called; see there. */
  takesMore = true
  /** Whether the network goes on, up to `maxAheadBytes`, while the caller does not read. */
  runAhead = false
  /** Handed to the handler as its context when it starts; filled in as facts arrive. */
  readonly context: Record<string, unknown> = {}

  readonly #handler: Handler
  #upstream: Upstream | undefined
  #started = false
  #ended = false
  #queue: Buffer[] = []
  #queuedBytes = 0
  #end: HeaderFields | undefined
  #draining = false
  #upstreamPaused = false

  constructor(handler: Handler) {
    this.#handler = handler
  }

  /** Whether the handler needs nothing any more. */
  get ended(): boolean {
    return this.#ended
  }

  /** Tells the handler that its request is under way, the first time only. */
  start(): void {
    if (this.#started) return
    this.#started = true
    this.#guard(() => this.#handler.onRequestStart(this, this.context))
  }

  /**
   * The request has gone down to another dispatcher. Where that is busy, the caller is told, and waits
   * for its 'drain'; not where it is done already, for then there may be none.
   * @param takesMore what its `dispatch()` returned
   */
  sent(takesMore: unknown): void {
    this.takesMore = takesMore !== false || this.#ended
  }

  /** From now on, what the handler asks of its controller goes there. */
  attach(upstream: Upstream): void {
    this.#upstream = upstream
    this.#upstreamPaused = false
    if (this.aborted) upstream.abort(this.reason!)
  }

  /** From now on it goes nowhere. */
  detach(): void {
    this.#upstream = undefined
    this.#upstreamPaused = false
  }

  /** A response that is not the last (1xx). */
  informational(status: number, raw: RawHeaders, headers: HeaderFields, statusText: string): void {
    if (!this.#ended) this.#sendHead(status, raw, headers, statusText)
  }

  head(status: number, raw: RawHeaders, headers: HeaderFields, statusText: string): void {
    if (this.#ended) return
    this.start()
    // An abort inside onRequestStart has ended it.
    if (!this.#isEnded()) this.#sendHead(status, raw, headers, statusText)
  }

  data(chunk: Buffer): void {
    if (this.#ended) return
    if (!this.paused && this.#queue.length === 0) {
      this.#guard(() => this.#handler.onResponseData?.(this, chunk))
      if (this.paused && !this.runAhead) this.#pauseUpstream()
      return
    }
    this.#queue.push(chunk)
    this.#queuedBytes += chunk.byteLength
    if (!this.runAhead || this.#queuedBytes >= maxAheadBytes) this.#pauseUpstream()
  }

  end(trailers: HeaderFields, rawTrailers: RawHeaders): void {
    if (this.#ended) return
    this.rawTrailers = rawTrailers
    this.#end = trailers
    // The network is done: what happens to the rest is between the caller and the queue.
    this.#upstream = undefined
    if (this.#queue.length === 0) this.#finish()
  }

  /** Ends the exchange with an error; the caller is told once. */
  error(error: Error): void {
    if (this.#ended) return
    this.start()
    if (this.#isEnded()) return
    this.#ended = true
    this.#drop()
    this.#handler.onResponseError?.(this, error)
  }

  /** @param reason of callers that give none: an AbortError, as undici makes it */
  abort(reason: Error = abortError()): void {
    if (this.#ended || this.aborted) return
    this.aborted = true
    this.reason = reason
    // The network reports the abort itself; where there is none, or not yet, we do.
    if (this.#upstream === undefined) this.error(reason)
    else this.#upstream.abort(reason)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.#drain()
  }

  /** The first byte is there; fetch writes it down for the timing of resources. */
  responseStarted(): void {
    if (!this.#ended) this.#handler.onResponseStarted?.()
  }

  bodySent(args: unknown[]): void {
    this.#handler.onBodySent?.(...args)
  }

  requestSent(): void {
    this.#handler.onRequestSent?.()
  }

  // Called from inside onResponseData as well, where the loop that is running goes on by itself.
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    let next = 0
    while (next < this.#queue.length && !this.paused && !this.#ended) {
      const chunk = this.#queue[next++]!
      this.#queuedBytes -= chunk.byteLength
      this.#guard(() => this.#handler.onResponseData?.(this, chunk))
    }
    this.#queue.splice(0, next)
    this.#draining = false
    if (this.#ended || this.paused) return
    if (this.#end !== undefined) this.#finish()
    else this.#resumeUpstream()
  }

  #finish(): void {
    this.#ended = true
    const trailers = this.#end!
    this.#drop()
    try {
      this.#handler.onResponseEnd?.(this, trailers)
    } catch (error) {
      this.#handler.onResponseError?.(this, error as Error)
    }
  }

  #sendHead(status: number, raw: RawHeaders, headers: HeaderFields, statusText: string): void {
    this.rawHeaders = raw
    this.#guard(() => {
      // In undici 7 a handler of the new generation joins repeated fields, Set-Cookie among them
      // (nodejs/undici#4389); its own old method does not.
      if (typeof this.#handler.onHeaders === 'function') {
        const resume = (): void => this.resume()
        const lines = rawBuffers(raw, headers)
        if (this.#handler.onHeaders(status, lines, resume, statusText) === false && status >= 200) {
          this.pause()
        }
      } else {
        this.#handler.onResponseStart?.(this, status, headers, statusText)
      }
    })
    if (this.paused && !this.runAhead) this.#pauseUpstream()
  }

  // What a handler throws ends its exchange, as in undici itself, and nothing else.
  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      if (this.#ended) return
      if (this.#upstream === undefined) this.error(error as Error)
      else this.#upstream.abort(error as Error)
    }
  }

  #pauseUpstream(): void {
    if (this.#upstreamPaused) return
    this.#upstreamPaused = true
    this.#upstream?.pause()
  }

  #resumeUpstream(): void {
    if (!this.#upstreamPaused) return
    this.#upstreamPaused = false
    this.#upstream?.resume()
  }

  #drop(): void {
    this.#queue = []
    this.#queuedBytes = 0
    this.#upstream = undefined
  }

  // A getter that the compiler does not narrow across calls that may end the exchange.
  #isEnded(): boolean {
    return this.#ended
  }
}
