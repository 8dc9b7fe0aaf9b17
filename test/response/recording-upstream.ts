import type { Downstream, Upstream } from '../../lib/response/downstream.ts'

/**
 * The network as undici's controller shows it: an abort is reported to the handler, once, and not at
 * all when the response is complete.
 */
export class RecordingUpstream implements Upstream {
  readonly calls: string[] = []
  complete = false
  readonly #down: Downstream

  constructor(down: Downstream) {
    this.#down = down
  }

  abort(reason: Error): void {
    this.calls.push(`abort ${reason.message}`)
    if (this.complete) return
    this.complete = true
    this.#down.error(reason)
  }

  pause(): void {
    this.calls.push('pause')
  }

  resume(): void {
    this.calls.push('resume')
  }
}
