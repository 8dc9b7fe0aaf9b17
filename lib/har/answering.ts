/** A dispatcher that asks nobody: what would come from an origin is known already. */
import { Dispatcher } from 'undici'
import type { Controller, Handler } from '../response/handler.ts'
import { headerFields } from '../http/header-lines.ts'
import { queueMicrotask } from '../timers.ts'

/** What it answers. */
export interface Answer {
  readonly status: number
  readonly statusText: string
  /** Flat. */
  readonly rawHeaders: readonly string[]
  readonly body: Uint8Array
}

/** For handlers of the new generation, as the interceptor is one. */
export class AnsweringDispatcher extends Dispatcher {
  readonly #answer: (options: Dispatcher.DispatchOptions) => Answer

  constructor(answer: (options: Dispatcher.DispatchOptions) => Answer) {
    super()
    this.#answer = answer
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const { status, statusText, rawHeaders, body } = this.#answer(options)
    // Latin1, as what comes from a network.
    const raw = rawHeaders.map((text) => Buffer.from(text, 'latin1'))
    const known = handler as Handler
    const controller: Controller & { aborted: boolean; reason: Error | null } = {
      aborted: false,
      paused: false,
      reason: null,
      rawHeaders: raw,
      rawTrailers: [],
      abort(reason) {
        if (controller.aborted) return
        controller.aborted = true
        controller.reason = reason
        known.onResponseError?.(controller, reason)
      },
      // All of it is here.
      pause() {},
      resume() {},
    }
    const steps = [
      () => known.onRequestStart(controller, {}),
      () => known.onResponseStart?.(controller, status, headerFields(rawHeaders), statusText),
      () => body.byteLength > 0 && known.onResponseData?.(controller, Buffer.from(body)),
      () => known.onResponseEnd?.(controller, {}),
    ]
    queueMicrotask(() => {
      for (const step of steps) if (!controller.aborted) step()
    })
    return true
  }
}
