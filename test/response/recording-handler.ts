import type { Controller, Handler } from '../../lib/response/handler.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'

type Callback = 'start' | 'head' | 'data' | 'end' | 'error'

/** A handler that writes down what it is told, and does on each occasion what the test wants. */
export class RecordingHandler implements Handler {
  readonly events: string[] = []
  readonly errors: Error[] = []
  readonly chunks: Buffer[] = []
  controller: Controller | undefined
  context: unknown
  headers: HeaderFields | undefined
  readonly #reactions: Partial<Record<Callback, (controller: Controller, chunk: string) => void>>

  constructor(
    reactions: Partial<Record<Callback, (controller: Controller, chunk: string) => void>> = {},
  ) {
    this.#reactions = reactions
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.controller = controller
    this.context = context
    this.#happened('start', controller, 'start')
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: HeaderFields,
    statusText?: string,
  ): void {
    this.headers = headers
    this.#happened('head', controller, `head ${status}${statusText ? ` ${statusText}` : ''}`)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.chunks.push(chunk)
    const text = chunk.byteLength > 20 ? `${chunk.byteLength} bytes` : chunk.toString()
    this.#happened('data', controller, text)
  }

  onResponseEnd(controller: Controller, trailers: HeaderFields): void {
    const names = Object.keys(trailers).join()
    this.#happened('end', controller, names === '' ? 'end' : `end ${names}`)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.errors.push(error)
    this.#happened('error', controller, `error ${error.message}`)
  }

  #happened(callback: Callback, controller: Controller, event: string): void {
    this.events.push(event)
    this.#reactions[callback]?.(controller, event)
  }
}
