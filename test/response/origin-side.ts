import type { HeaderFields } from '../../lib/http/header-lines.ts'
import type { Capture, CaptureOwner, Sink, Verdict } from '../../lib/response/capture.ts'
import type { Downstream } from '../../lib/response/downstream.ts'
import type { Controller } from '../../lib/response/handler.ts'
import type { RawHeaders } from '../../lib/http/header-lines.ts'

/** undici's side of an exchange: what its controller does, under a test's command. */
export class OriginSide implements Controller {
  readonly calls: string[] = []
  aborted = false
  paused = false
  reason: Error | null = null
  rawHeaders: RawHeaders = null
  rawTrailers: RawHeaders = null
  #complete = false
  readonly #capture: Capture

  constructor(capture: Capture) {
    this.#capture = capture
  }

  start(context: unknown = null): void {
    this.#capture.onRequestStart(this, context)
  }

  head(status: number, headers: Record<string, string> = {}): void {
    this.rawHeaders = Object.entries(headers)
      .flat()
      .map((text) => Buffer.from(text, 'latin1'))
    this.#capture.onResponseStart(this, status, headers, 'Text')
  }

  data(chunk: string | Buffer): void {
    this.#capture.onResponseData(this, typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  }

  end(trailers: HeaderFields = {}): void {
    this.#complete = true
    this.rawTrailers = trailers
    this.#capture.onResponseEnd(this, trailers)
  }

  abort(reason: Error): void {
    this.calls.push(`abort ${reason.message}`)
    if (this.#complete) return
    this.#complete = true
    this.aborted = true
    this.reason = reason
    this.#capture.onResponseError(this, reason)
  }

  pause(): void {
    this.paused = true
    this.calls.push('pause')
  }

  resume(): void {
    this.paused = false
    this.calls.push('resume')
  }
}

/** An owner that writes down what it is asked, and a sink that writes down what it is given. */
export class RecordingOwner implements CaptureOwner {
  readonly events: string[] = []
  readonly heads: unknown[] = []
  history: readonly URL[] | undefined = undefined
  outlives = false
  verdict: Verdict = { notes: [] }
  /** The failures that it was asked to make good. */
  readonly failures: Error[] = []
  /** What is played where the origin fails. */
  instead: ((down: Downstream) => void) | undefined

  /** What the sink wants to be waited for. */
  behind: Promise<void> | undefined

  readonly sink: Sink = {
    push: (chunk) => {
      this.events.push(`sink ${Buffer.from(chunk).subarray(0, 20).toString()}`)
      return this.behind
    },
    end: (trailers) => void this.events.push(`sink ends${trailers.join(' ')}`),
    abort: () => void this.events.push('sink aborts'),
  }

  judge(status: number, headers: HeaderFields, lines: string[], statusText: string): Verdict {
    this.heads.push([status, headers, lines, statusText])
    return this.verdict
  }

  outlivesCaller(): boolean {
    return this.outlives
  }

  stalled(): void {
    this.events.push('stalled')
  }

  done(): void {
    this.events.push('done')
  }

  rescue(error: Error): ((down: Downstream) => void) | undefined {
    this.failures.push(error)
    return this.instead
  }
}
