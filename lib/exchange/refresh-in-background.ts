/** Asks again for what the caller has got already (RFC 5861 §3). */
import { askOrigin, type Asked } from './ask-origin.ts'
import type { Exchange } from './exchange.ts'
import { Downstream } from '../response/downstream.ts'
import type { Handler } from '../response/handler.ts'

/** Whether the request can be sent a second time, and its answer would be stored. */
export function canRefresh({ shared, settings, directives, options }: Exchange): boolean {
  const stores = !settings.readOnly && !directives.has('no-store')
  return stores && shared.refreshes.open && canBeSentAgain(options.body)
}

/** Refreshes what is stored, unless somebody does. */
export function refreshInBackground(exchange: Exchange, asked: Asked): void {
  const { shared, request, options } = exchange
  if (shared.flights.get(request.key) !== undefined) return
  const done = Promise.withResolvers<void>()
  const down = new Downstream(unheard(done.resolve))
  shared.refreshes.add({
    done: done.promise,
    abort: () => down.abort(new DOMException('the cache is being closed', 'AbortError')),
  })
  const again = { ...options, body: ownBody(options.body) } as typeof options
  askOrigin({ ...exchange, options: again, down }, { ...asked, unheard: true }, () => {}, 'allowed')
}

// A form would have to be taken to pieces.
function canBeSentAgain(body: unknown): boolean {
  if (body === undefined || body === null || typeof body === 'string') return true
  return body instanceof Uint8Array || body instanceof Blob
}

// Its caller has got the answer, and may do with the bytes what he likes.
function ownBody(body: unknown): unknown {
  return body instanceof Uint8Array ? Buffer.from(body) : body
}

function unheard(done: () => void): Handler {
  return {
    onRequestStart: () => {},
    onResponseStart: () => {},
    onResponseData: () => {},
    onResponseEnd: done,
    onResponseError: done,
  }
}
