/**
 * The way of one request: look up, decide, and then answer from the cache, ask the origin or
 * refuse. It carries out what the policy says and holds no rule of caching itself.
 */
import { answerFromCache, refuse } from './answer-from-cache.ts'
import { askOrigin, type Asked } from './ask-origin.ts'
import { requestedRedirections, type Exchange } from './exchange.ts'
import { notFound, type Found, type Lookup } from './cache/lookup.ts'
import { isPromise, rescued, type MaybePromise } from './maybe-promise.ts'
import { decideOnRequest, isFresh } from './policy/decide-on-request.ts'
import { hasValidator } from './policy/validators.ts'
import { canRefresh, refreshInBackground } from './refresh-in-background.ts'

/** @param mayJoin whether it may wait for an identical request that is under way */
export function runExchange(exchange: Exchange, mayJoin = true): void {
  const { down } = exchange
  const { turn } = exchange.shared
  if (!turn.isOver) return runNow(exchange, mayJoin)
  // What many requests at once find would be read in one go, and held in memory until it is played.
  down.start()
  turn.next(() => {
    try {
      if (!down.ended) runNow(exchange, mayJoin)
    } catch (error) {
      down.error(error as Error)
    }
  })
}

function runNow(exchange: Exchange, mayJoin: boolean): void {
  const { shared, settings, request, down } = exchange
  const ask = (): MaybePromise<Lookup> =>
    rescued(
      () => settings.cache.lookup(request, followsRedirects(exchange)),
      (error) => {
        // It would fail each request until it is replaced, which it may never be.
        const remove = (): MaybePromise<boolean> => settings.cache.deleteUnreadable(error)
        if (!settings.readOnly) shared.guard.write('delete a broken entry', remove)
        throw error
      },
    )
  const mark = shared.flights.landed
  const answer = shared.guard.read('look up a response', ask, notFound)
  const goOn = (lookup: Lookup): void => {
    try {
      if (down.ended) return
      // Stored after the storage was asked, and before it answered: it has to be asked again.
      const stored = shared.flights.landedSince(request.key, mark)
      const fresh = lookup.found !== undefined && isFresh(lookup.found.entry, Date.now())
      if (stored && !fresh && mayJoin) runExchange(exchange, false)
      else decide(exchange, lookup, mayJoin)
    } catch (error) {
      down.error(error as Error)
    }
  }
  if (!isPromise(answer)) return goOn(answer)
  // So that an abort gets through while the storage is being asked.
  down.start()
  void answer.then(goOn)
}

const refreshing = 'stale-while-revalidate'

function decide(exchange: Exchange, lookup: Lookup, mayJoin: boolean): void {
  const { settings, directives } = exchange
  const found = usable(exchange, lookup)
  const now = Date.now()
  let decision = decideOnRequest(directives, settings, found?.entry, now)
  if (decision.action === 'replay' && decision.stale === refreshing && !canRefresh(exchange)) {
    const rules = { ...settings, staleWhileRevalidate: 0 }
    decision = decideOnRequest(directives, rules, found?.entry, now)
  }
  const ask = (asked: Omit<Asked, 'lookup'>): void =>
    askOrigin(
      exchange,
      { ...asked, lookup },
      () => {
        if (!exchange.down.ended) runExchange(exchange, false)
      },
      mayJoin && !settings.refresh && !settings.forceRefresh,
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

function followsRedirects({ options, route }: Exchange): boolean | undefined {
  const asked = requestedRedirections(options)
  return asked === undefined ? route.followsBelow : asked > 0
}
