/**
 * The way of one request: look up, decide, and then answer from the cache, ask the origin or
 * refuse. It carries out what the policy says and holds no rule of caching itself.
 */
import { answerFromCache, refuse } from './answer-from-cache.ts'
import { askOrigin, type Asked } from './ask-origin.ts'
import type { Collapse } from './collapse.ts'
import { followsRedirects, type Exchange } from './exchange.ts'
import { unanswered, type Found, type Lookup } from '../entries/lookup.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { decideOnRequest, isFresh, type TargetState } from '../policy/decide-on-request.ts'
import { needsItsTarget } from '../policy/temporary-redirect.ts'
import { hasValidator } from '../policy/validators.ts'
import { canRefresh, refreshInBackground } from './refresh-in-background.ts'

/** What is known of a request before anything is decided. */
interface Standing extends Lookup {
  /** Undefined where what was found needs none. */
  readonly target?: TargetState
}

/** @param collapse whether it may wait for an identical request that is under way */
export function runExchange(exchange: Exchange, collapse: Collapse = 'allowed'): void {
  const { down } = exchange
  const { turn } = exchange.shared
  if (!turn.isOver) return runNow(exchange, collapse)
  // What many requests at once find would be read in one go, and held in memory until it is played.
  down.start()
  turn.next(() => {
    try {
      if (!down.ended) runNow(exchange, collapse)
    } catch (error) {
      down.error(error as Error)
    }
  })
}

function runNow(exchange: Exchange, collapse: Collapse): void {
  const { shared, settings, request, down, wait } = exchange
  const ask = (): MaybePromise<Standing> =>
    healing(exchange, () =>
      chain(settings.cache.lookup(request, followsRedirects(exchange)), (lookup) =>
        withTarget(exchange, lookup),
      ),
    )
  const mark = shared.flights.landed
  const answer = wait.count(
    shared.guard.read<Standing>('look up a response', ask, unanswered, wait.left),
  )
  const goOn = (lookup: Standing): void => {
    try {
      if (down.ended) return
      // Stored after the storage was asked, and before it answered: it has to be asked again.
      const stored = shared.flights.landedSince(request.key, mark)
      const fresh = lookup.found !== undefined && isFresh(lookup.found.entry, Date.now())
      if (stored && !fresh && collapse === 'allowed') runExchange(exchange, 'never')
      else decide(exchange, lookup, collapse)
    } catch (error) {
      down.error(error as Error)
    }
  }
  if (!isPromise(answer)) return goOn(answer)
  // So that an abort gets through while the storage is being asked.
  down.start()
  void answer.then(goOn)
}

// What a look-up finds to be decayed is deleted: it is told of once, and is no answer to anybody.
function healing<T>({ shared, settings }: Exchange, ask: () => MaybePromise<T>): MaybePromise<T> {
  const { cache, readOnly } = settings
  const heal = (error: unknown): never => {
    if (!readOnly) shared.guard.write('delete what has decayed', () => cache.deleteDecayed(error))
    throw error
  }
  try {
    const found = ask()
    return isPromise(found) ? found.catch(heal) : found
  } catch (error) {
    return heal(error)
  }
}

// Of a redirect that is good only together with its target, whether that can be had.
function withTarget(exchange: Exchange, lookup: Lookup): MaybePromise<Standing> {
  const { shared, settings, request, directives } = exchange
  const { found } = lookup
  const now = Date.now()
  if (found === undefined || !needsItsTarget(found.entry, now)) return lookup
  return chain(settings.cache.target(request, found), ({ steps, complete, missing }) => {
    const replayable = steps.every(
      ({ entry }) => decideOnRequest(directives, settings, entry, now).action === 'replay',
    )
    // The response may be on its way.
    const known =
      complete || (missing !== undefined && shared.flights.get(missing.key) !== undefined)
    return { ...lookup, target: replayable && known ? 'stored' : 'missing' }
  })
}

const refreshing = 'stale-while-revalidate'

function decide(exchange: Exchange, lookup: Standing, collapse: Collapse): void {
  const { settings, directives } = exchange
  const found = usable(exchange, lookup)
  const now = Date.now()
  let decision = decideOnRequest(directives, settings, found?.entry, now, lookup.target)
  if (decision.action === 'replay' && decision.stale === refreshing && !canRefresh(exchange)) {
    const rules = { ...settings, staleWhileRevalidate: 0 }
    decision = decideOnRequest(directives, rules, found?.entry, now, lookup.target)
  }
  const demanded = settings.refresh || settings.forceRefresh
  const ask = (asked: Omit<Asked, 'lookup'>): void =>
    askOrigin(
      exchange,
      { ...asked, lookup },
      () => {
        if (!exchange.down.ended) runExchange(exchange, 'never')
      },
      demanded ? 'never' : collapse,
    )

  switch (decision.action) {
    case 'replay':
      answerFromCache(exchange, found!, now, { stale: decision.stale }, () =>
        ask({ why: 'uri-miss' }),
      )
      if (decision.stale === refreshing) {
        refreshInBackground(exchange, { why: 'stale', lookup, validate: toValidate(found!) })
      }
      return
    case 'refuse':
      return refuse(exchange)
    case 'ask': {
      const { why, validate, elseStale } = decision
      if (why === 'miss') return ask({ why: lookup.variantMissing ? 'vary-miss' : 'uri-miss' })
      return ask({
        why,
        validate: validate ? toValidate(found!) : undefined,
        otherwise: elseStale ? found : undefined,
      })
    }
  }
}

// What was found at the end of a chain says nothing about its beginning.
function toValidate(found: Found): Found | undefined {
  return found.history === undefined && hasValidator(found.entry.headers) ? found : undefined
}

// A redirect that fetch has left unread is no answer for somebody who may read it, nor any
// redirect for somebody who may not want to see one; better than none at all, though.
function usable({ request, settings }: Exchange, { found, ambiguous }: Lookup): Found | undefined {
  const unread = found?.entry.forFetch === true && !request.fromFetch
  return (unread || ambiguous === true) && !settings.onlyIfCached ? undefined : found
}
