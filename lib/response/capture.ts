/**
 * The origin's side of an exchange: passes the response on as it arrives and hands it to a sink as
 * well, where the judge of the response says so. It knows no rule and no storage.
 */
import type { Duplex } from 'node:stream'
import type { HeaderFields } from '../http/header-lines.ts'
import { abortError } from './abort-error.ts'
import type { Downstream } from './downstream.ts'
import type { Controller, Handler } from './handler.ts'
import { addField, headerLines, isFlat, type RawHeaders } from '../http/header-lines.ts'

/** Where a response goes besides the caller. It gets `end` or `abort`, once. */
export interface Sink {
  /**
   * The chunk is the caller's as well: it has to be copied.
   * @returns what the origin has to wait for before it sends more; it does not fail
   */
  push(chunk: Uint8Array): Promise<void> | undefined
  /** The response is complete. */
  end(trailers: readonly string[]): void
  /** It will never be. */
  abort(): void
}

/** What the judge makes of a response when its head has arrived. */
export interface Verdict {
  readonly sink?: Sink | undefined
  /** Header lines that the caller gets in addition, flat, names in lower case. */
  readonly notes: readonly string[]
  /** The caller gets nothing of this response, but what this plays when it has ended. */
  readonly instead?: ((down: Downstream) => void) | undefined
  /** Plays it before this response has ended. */
  readonly atOnce?: true | undefined
}

/** What `Capture` asks and reports. */
export interface CaptureOwner {
  /** @param lines the header lines, flat */
  judge(status: number, headers: HeaderFields, lines: string[], statusText: string): Verdict
  /** Whether the exchange goes on although its caller has left. */
  outlivesCaller(): boolean
  /** The caller has stopped reading, and the origin waits for it. */
  stalled(): void
  /** The origin has answered completely, or never will. */
  done(): void
  /**
   * The origin has failed before it gave the caller anything.
   * @returns what plays something else, in the place of the error
   */
  rescue(error: Error): ((down: Downstream) => void) | undefined
  /** The URLs of a chain that a redirecting interceptor below has followed; it grows. */
  history?: readonly URL[] | undefined
}

const maxDrainedBytes = 64 * 1024

/** The handler that goes down to the origin; see the top of the file. */
export class Capture implements Handler {
  readonly #down: Downstream
  readonly #owner: CaptureOwner
  #controller: Controller | undefined
  #verdict: Verdict | undefined
  #left = false
  #settled = false
  #drained = 0
  /** Who has the origin wait; it goes on when neither does. */
  readonly #waiting = { caller: false, sink: false }

  constructor(down: Downstream, owner: CaptureOwner) {
    this.#down = down
    this.#owner = owner
  }

  // More than once where a retry or a redirect happens below.
  onRequestStart(controller: Controller, context: unknown): void {
    this.#discard()
    this.#controller = controller
    Object.assign(this.#waiting, { caller: false, sink: false })
    const { history, ...rest } = (context ?? {}) as { history?: readonly URL[] }
    Object.assign(this.#down.context, rest, history === undefined ? undefined : { history })
    this.#owner.history = history
    if (this.#down.ended && !this.#left) return this.#callerLeft(this.#down.reason)
    this.#down.start()
    if (this.#down.ended && !this.#left) this.#callerLeft(this.#down.reason)
    else if (!this.#left)
      this.#down.attach({
        abort: (reason) => this.#abort(reason),
        pause: () => {
          this.#owner.stalled()
          this.#wait(controller, 'caller')
        },
        resume: () => this.#goOn(controller, 'caller'),
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

  onResponseStart(
    controller: Controller,
    status: number,
    headers: HeaderFields,
    statusText = '',
  ): void {
    const raw = controller.rawHeaders
    if (status < 200) {
      if (!this.#left) this.#down.informational(status, raw, headers, statusText)
      return
    }
    const lines = headerLines(raw, headers)
    const verdict = this.#owner.judge(status, headers, lines, statusText)
    this.#verdict = verdict
    if (verdict.atOnce === true && !this.#left) this.#replace(verdict)
    if (verdict.instead !== undefined || this.#left) return
    this.#down.runAhead = verdict.sink !== undefined
    const { notes } = verdict
    if (notes.length === 0) this.#down.head(status, raw, headers, statusText)
    else {
      const noted = withNotes(raw, headers, notes)
      this.#down.head(status, noted.raw, noted.headers, statusText)
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#verdict?.atOnce === true) return this.#drain(controller, chunk.byteLength)
    const behind = this.#verdict?.sink?.push(chunk)
    if (behind !== undefined) {
      this.#wait(controller, 'sink')
      void behind.then(() => this.#goOn(controller, 'sink'))
    }
    if (this.#verdict?.instead === undefined && !this.#left) this.#down.data(chunk)
  }

  onResponseEnd(controller: Controller, trailers: HeaderFields): void {
    this.#settled = true
    const { sink, instead, atOnce } = this.#verdict ?? { notes: [] }
    sink?.end(headerLines(controller.rawTrailers, trailers))
    this.#owner.done()
    if (atOnce === true) return
    if (instead !== undefined) {
      this.#down.detach()
      instead(this.#down)
    } else if (!this.#left) {
      this.#down.end(trailers, controller.rawTrailers)
    }
  }

  // undici gives no controller where it fails before there is one.
  onResponseError(_controller: Controller | null, error: Error): void {
    this.#settled = true
    const untouched = this.#verdict === undefined || this.#verdict.instead !== undefined
    this.#discard()
    this.#owner.done()
    if (this.#left) return
    const rescued = untouched && !this.#down.aborted ? this.#owner.rescue(error) : undefined
    if (rescued === undefined) return this.#down.error(error)
    this.#down.detach()
    rescued(this.#down)
  }

  onResponseStarted(): void {
    this.#down.responseStarted()
  }

  onBodySent(...args: unknown[]): void {
    this.#down.bodySent(args)
  }

  onRequestSent(): void {
    this.#down.requestSent()
  }

  #abort(reason: Error): void {
    if (this.#settled || !this.#owner.outlivesCaller()) {
      this.#controller?.abort(reason)
      return
    }
    this.#left = true
    this.#down.detach()
    this.#down.error(reason)
    // A caller that had stopped reading holds nobody up any more.
    this.#waiting.caller = false
    if (!this.#waiting.sink) this.#controller?.resume()
  }

  #wait(controller: Controller, whom: 'caller' | 'sink'): void {
    const { caller, sink } = this.#waiting
    this.#waiting[whom] = true
    if (!caller && !sink) controller.pause()
  }

  #goOn(controller: Controller, whom: 'caller' | 'sink'): void {
    // Of an attempt that is over.
    if (controller !== this.#controller || !this.#waiting[whom]) return
    this.#waiting[whom] = false
    if (!this.#waiting.caller && !this.#waiting.sink && !this.#settled) controller.resume()
  }

  // The caller had gone before there was anything to abort.
  #callerLeft(reason: Error | null): void {
    if (this.#owner.outlivesCaller()) this.#left = true
    else this.#controller?.abort(reason ?? abortError())
  }

  // The caller has got something else. What is left is read, so that the connection lives on, but
  // not if it is long.
  #drain(controller: Controller, bytes: number): void {
    this.#drained += bytes
    if (this.#drained > maxDrainedBytes) controller.abort(new Error('the rest is of no use'))
  }

  #replace({ instead }: Verdict): void {
    this.#left = true
    this.#down.detach()
    instead?.(this.#down)
  }

  #discard(): void {
    this.#verdict?.sink?.abort()
    this.#verdict = undefined
  }
}

// `rawHeaders` and `headers` have to agree: fetch reads the one, `request()` the other. Neither is
// ours, so both are copied.
function withNotes(
  raw: RawHeaders,
  headers: HeaderFields,
  notes: readonly string[],
): { raw: RawHeaders; headers: HeaderFields } {
  const fields = { ...headers }
  for (let i = 0; i < notes.length; i += 2) addField(fields, notes[i]!, notes[i + 1]!)
  if (!isFlat(raw)) return { raw: fields, headers: fields }
  const asBuffers = typeof raw[0] !== 'string'
  const added = asBuffers ? notes.map((note) => Buffer.from(note, 'latin1')) : notes
  return { raw: [...raw, ...added], headers: fields }
}
