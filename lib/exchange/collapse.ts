/** Collapses identical requests at the same time into one (RFC 9111 §4). */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Flight } from '../cache/single-flight.ts'
import type { Exchange } from './exchange.ts'
import type { Ms } from '../units.ts'

/** Whether a request may wait for an identical one that is under way. */
export type Collapse = 'allowed' | 'never'

/**
 * Has a request wait for an identical one, or lets others wait for it.
 * @param again called when that one has ended or takes too long
 * @returns what others wait for; undefined where nobody does
 */
export function collapsed(exchange: Exchange, again: () => void): Flight | 'waits' | undefined {
  const { shared, settings, directives, request } = exchange
  const { flights } = shared
  const available = settings.unavailable === undefined
  const stores = available && !settings.readOnly && !directives.has('no-store')
  if (!stores || !flights.isWorthWaiting(request.key)) return undefined
  const underWay = flights.get(request.key)
  if (underWay === undefined) return flights.lead(request.key, settings.collapseTimeout)
  if (isWithin(underWay)) return undefined
  waitFor(underWay, exchange, again)
  return 'waits'
}

function waitFor(flight: Flight, exchange: Exchange, again: () => void): void {
  const { down, options, settings, wait } = exchange
  const { headersTimeout } = options as { headersTimeout?: number | null }
  // Zero is undici's word for no limit.
  const patience = Math.min(settings.collapseTimeout, headersTimeout || Infinity)
  down.start()
  if (down.ended) return
  const goOn = (waitedForStorage: Ms): void => {
    wait.spend(waitedForStorage)
    down.detach()
    again()
  }
  const leave = flight.join(goOn, { patience, storing: wait.left })
  down.attach({
    abort(reason) {
      leave()
      down.detach()
      down.error(reason)
    },
    pause() {},
    resume() {},
  })
}

/** A flight whose answer is being made, and the one within which it was begun. */
interface Answering {
  readonly flight: Flight
  readonly outer: Answering | undefined
}

// Whoever asks for a URL in order to answer a request for that URL, as the reply function of a mock
// does, would wait for itself.
const answering = new AsyncLocalStorage<Answering>()

/** Runs what answers the requests of a flight. */
export function answeringWithin(flight: Flight | undefined, answer: () => void): void {
  if (flight === undefined) return answer()
  answering.run({ flight, outer: answering.getStore() }, answer)
}

function isWithin(flight: Flight): boolean {
  for (let at = answering.getStore(); at !== undefined; at = at.outer) {
    if (at.flight === flight) return true
  }
  return false
}
