/**
 * The two generations of undici's dispatch handlers. Everything here speaks the new one; a handler
 * of the old one, as the `fetch` of Node 22 and 24 hands in, is wrapped.
 */
import type { Duplex } from 'node:stream'
import type { HeaderFields } from '../http/header-lines.ts'
import { abortError } from './abort-error.ts'
import type { RawHeaders } from '../http/header-lines.ts'

/** What a handler can do to the exchange; undici's `DispatchController`. */
export interface Controller {
  readonly aborted: boolean
  readonly paused: boolean
  readonly reason: Error | null
  readonly rawHeaders?: RawHeaders
  readonly rawTrailers?: RawHeaders
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/** undici's `DispatchHandler`, new generation, with what we need of it complete. */
export interface Handler {
  onRequestStart(controller: Controller, context: unknown): void
  onRequestUpgrade?(
    controller: Controller,
    status: number,
    headers: HeaderFields,
    socket: Duplex,
  ): void
  onResponseStart?(
    controller: Controller,
    status: number,
    headers: HeaderFields,
    statusText?: string,
  ): void
  onResponseData?(controller: Controller, chunk: Buffer): void
  onResponseEnd?(controller: Controller, trailers: HeaderFields): void
  onResponseError?(controller: Controller, error: Error): void
  onResponseStarted?(): void
  onBodySent?(...args: unknown[]): void
  onRequestSent?(): void
  /** Of undici 7: there a handler of the new generation has the old methods, too. */
  onHeaders?(
    status: number,
    rawHeaders: Buffer[],
    resume: () => void,
    statusText: string,
  ): boolean | undefined
}

/** A handler of the old generation. */
interface LegacyHandler {
  onConnect?(abort: (reason?: Error) => void, context: unknown): void
  onHeaders?(status: number, raw: Buffer[], resume: () => void, text: string): boolean | undefined
  onData?(chunk: Buffer): boolean | undefined
  onComplete?(rawTrailers: Buffer[]): void
  onError?(error: Error): void
  onUpgrade?(status: number, raw: Buffer[], socket: Duplex): void
  onBodySent?(...args: unknown[]): void
  onRequestSent?(): void
  onResponseStarted?(): void
}

/** Whether it has what makes a handler of either generation; undici says what is wrong with others. */
export function isHandler(handler: unknown): handler is object {
  if (typeof handler !== 'object' || handler === null) return false
  const { onRequestStart, onConnect } = handler as { onRequestStart?: unknown; onConnect?: unknown }
  return typeof onRequestStart === 'function' || typeof onConnect === 'function'
}

/** The handler as one of the new generation. */
export function asHandler(handler: object): Handler {
  return 'onRequestStart' in handler && typeof handler.onRequestStart === 'function'
    ? (handler as Handler)
    : wrapLegacy(handler)
}

// Complete for a dispatcher of either generation, for one that is left alone goes down as it is: the
// dispatcher below may be Node's own, of another undici than the one above.
function wrapLegacy(legacy: LegacyHandler): Handler {
  const head = (
    status: number,
    raw: Buffer[],
    resume: () => void,
    text: string,
  ): boolean | undefined => legacy.onHeaders?.(status, raw, resume, text)
  return {
    ...oldMethods(legacy),
    onRequestStart(controller, context) {
      const abort = (reason?: Error): void => controller.abort(reason ?? abortError())
      legacy.onConnect?.(abort, context)
    },
    onRequestUpgrade(controller, status, headers, socket) {
      return legacy.onUpgrade?.(status, rawBuffers(controller.rawHeaders, headers), socket)
    },
    // `Downstream` calls this one, where there is one, and not `onResponseStart`.
    onHeaders: head,
    onResponseStart(controller, status, headers, statusText = '') {
      const lines = rawBuffers(controller.rawHeaders, headers)
      const wantsMore = head(status, lines, () => controller.resume(), statusText)
      if (wantsMore === false && status >= 200) controller.pause()
    },
    onResponseData(controller, chunk) {
      if (legacy.onData?.(chunk) === false) controller.pause()
    },
    onResponseEnd(controller, trailers) {
      legacy.onComplete?.(rawBuffers(controller.rawTrailers, trailers))
    },
    onResponseError(_controller, error) {
      legacy.onError?.(error)
    },
    onBodySent: (...args) => legacy.onBodySent?.(...args),
    onRequestSent: () => legacy.onRequestSent?.(),
    onResponseStarted: () => legacy.onResponseStarted?.(),
  }
}

// undici 6, inside Node 22, asks for these; a method that is missing is missed there as ever.
function oldMethods(legacy: LegacyHandler): LegacyHandler {
  const methods = legacy as Record<string, unknown>
  const names = ['onConnect', 'onData', 'onComplete', 'onError', 'onUpgrade']
  return Object.fromEntries(
    names.flatMap((name) => {
      const method = methods[name]
      if (typeof method !== 'function') return []
      return [[name, (...args: unknown[]): unknown => method.apply(legacy, args) as unknown]]
    }),
  )
}

/** Header lines as the Buffers that undici 7 and handlers of the old generation read. */
export function rawBuffers(raw: RawHeaders, parsed: HeaderFields): Buffer[] {
  const flat: Buffer[] = []
  const push = (text: Buffer | string): unknown =>
    flat.push(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
  if (Array.isArray(raw)) for (const part of raw as (Buffer | string)[]) push(part)
  else {
    for (const [name, value] of Object.entries((raw as HeaderFields | null) ?? parsed)) {
      for (const line of Array.isArray(value) ? value : [value ?? '']) {
        push(name)
        push(line)
      }
    }
  }
  return flat
}
