/** Asks the origin on behalf of a request, and sees to it that the answer is stored. */
import type { Dispatcher } from 'undici'
import { answerFromCache, linesFor, refuse } from './answer-from-cache.ts'
import type { WriteOutcome } from '../cache/entry-writer.ts'
import type { Entry } from '../entries/entry.ts'
import type { Found, Lookup } from '../entries/lookup.ts'
import type { Flight } from '../cache/single-flight.ts'
import { storedLines, storeResponse } from '../cache/store-response.ts'
import { answeringWithin, collapsed, type Collapse } from './collapse.ts'
import { CacheError } from '../errors.ts'
import { requestedRedirections, type Exchange } from './exchange.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import { isLasting, type ResponseDecision } from '../policy/decide-on-response.ts'
import { isEndless } from '../policy/endless.ts'
import { endsStored } from '../policy/invalidation.ts'
import { failureStatuses } from '../policy/staleness.ts'
import { conditionalFields, mergeHeaders } from '../policy/validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { flatHeaders } from '../http/header-fields.ts'
import { cacheStatus, type CacheInfo } from '../response/cache-info.ts'
import { Capture, type CaptureOwner, type Verdict } from '../response/capture.ts'
import type { Downstream } from '../response/downstream.ts'
import { endToEnd, headerFields } from '../http/header-lines.ts'
import { ruleOnResponse } from './rule-on-response.ts'
import { tellAnswer, tellStored } from './report.ts'
import { clearTimeout, setTimeout } from '../timers.ts'
import type { EpochMs, Ms } from '../units.ts'

/** Why the origin is asked, and what is known. */
export interface Asked {
  readonly why: 'uri-miss' | 'vary-miss' | 'stale' | 'request'
  readonly lookup: Lookup
  /** What the origin is asked to confirm. */
  readonly validate?: Found | undefined
  /** What is used where the origin fails. */
  readonly otherwise?: Found | undefined
  /** Nobody waits for the answer: it is stored, and goes nowhere else. */
  readonly unheard?: true | undefined
}

const redirectBodyBytes = 64 * 1024

// A response whose length nobody knows may be a page that is nearly done, or a stream without end.
const unknownLengthPatience: Ms = 1_000

/** @param again called where an identical request was under way, and has ended or takes too long */
export function askOrigin(
  exchange: Exchange,
  asked: Asked,
  again: () => void,
  collapse: Collapse,
): void {
  const { settings, directives } = exchange
  // Also where the body of a hit turns out to be gone.
  if (settings.onlyIfCached || directives.has('only-if-cached')) return refuse(exchange)
  const flight = collapse === 'allowed' ? collapsed(exchange, again) : undefined
  if (flight === 'waits') return
  const { down, route } = exchange
  const capture = new Capture(down, new Question(exchange, asked, flight))
  answeringWithin(flight, () => {
    try {
      down.sent(route.dispatch(outgoing(exchange, asked), capture))
    } catch (error) {
      capture.onResponseError(null, error as Error)
    }
  })
}

function outgoing({ options }: Exchange, { validate }: Asked): Dispatcher.DispatchOptions {
  if (validate === undefined) return options
  const fields = conditionalFields(validate.entry.headers)
  return { ...options, headers: [...flatHeaders(options.headers), ...fields] }
}

class Question implements CaptureOwner {
  history: readonly URL[] | undefined = undefined
  readonly #exchange: Exchange
  readonly #asked: Asked
  #flight: Flight | undefined
  readonly #askedAt: number
  #storing = false
  #finishing = false

  constructor(exchange: Exchange, asked: Asked, flight: Flight | undefined) {
    this.#exchange = exchange
    this.#asked = asked
    this.#flight = flight
    this.#askedAt = exchange.settings.cache.removals.mark
  }

  judge(status: number, headers: HeaderFields, lines: string[], statusText: string): Verdict {
    const { shared, settings, route, request, options } = this.#exchange
    const { lookup, validate, unheard } = this.#asked
    if (requestedRedirections(options) === undefined) {
      route.followsBelow = this.history !== undefined
    }
    const now = Date.now()
    if (validate !== undefined && status === 304)
      return this.#confirm(validate, headers, lines, now)

    if (failureStatuses.has(status)) {
      const rescued = this.rescue()
      if (rescued !== undefined) {
        this.#flight?.land()
        return { notes: [], instead: rescued, atOnce: true }
      }
      // What is being refreshed stays as it is.
      if (unheard) return { notes: [] }
    }

    const decision = ruleOnResponse(this.#exchange, { status, headers }, this.history, now)
    const info = this.#info(decision, now)
    if (!unheard) tellAnswer(this.#exchange, info)
    const notes = (): string[] =>
      settings.statusHeaders ? ['cache-status', cacheStatus(info, this.#asked.why, now)] : []
    if (decision.action === 'pass') {
      if (isLasting(decision.why)) shared.flights.notStored(request.key)
      this.#flight?.land()
      this.#endStored(status)
      return { notes: notes() }
    }
    if (isEndless(headers)) this.#flight?.limit(0)
    else if (headers['content-length'] === undefined) this.#flight?.limit(unknownLengthPatience)
    const history = this.history?.map(String)
    const askedAt = this.#askedAt
    const arrival = { status, statusText, headers, lines, arrivedAt: now, askedAt, history }
    const { maxBodyBytes, storageTimeout: patience } = settings
    const order = { ...decision, maxBodyBytes, patience }
    this.#storing = true
    // fetch hangs up on a redirect once it has its head. The little that is left is worth reading:
    // the connection lives on, and who looks at the redirect itself finds its body.
    this.#finishing =
      decision.as === 'redirect' && Number(headers['content-length']) <= redirectBodyBytes
    const settled = (outcome: WriteOutcome): void => this.#settled(outcome, status, info, now)
    try {
      const sink = storeResponse(settings.cache, request, lookup, arrival, order, settled)
      return { sink, notes: notes() }
    } catch (error) {
      // A redirect is written at once, and a storage may refuse it at once.
      settled({ stored: false, why: 'failed', error })
      return { notes: notes() }
    }
  }

  // RFC 5861 §4.
  rescue(error?: Error): (() => void) | undefined {
    const { otherwise } = this.#asked
    if (otherwise === undefined || (error !== undefined && !isFailure(error))) return undefined
    return () => {
      const without = { ...this.#asked, otherwise: undefined }
      answerFromCache(this.#exchange, otherwise, Date.now(), { stale: 'stale-if-error' }, () =>
        askOrigin(this.#exchange, without, () => {}, 'never'),
      )
    }
  }

  outlivesCaller(): boolean {
    return this.#flight?.awaited === true || this.#finishing
  }

  stalled(): void {
    this.#flight?.land()
  }

  done(): void {
    const { shared, settings, request } = this.#exchange
    const flight = this.#flight
    if (!this.#storing) return flight?.land()
    // What is left is the storage's part. Those who come while the answer is being written wait for
    // it, also where the flight had been given up because it took too long; not for a storage that
    // has not answered just now.
    const patience = this.#asked.lookup.unanswered ? 0 : settings.storageTimeout
    flight?.storing(patience)
    const givenUp = flight !== undefined && (flight.landed || flight.overdue)
    if (!givenUp || shared.flights.get(request.key) !== undefined) return
    flight.land()
    this.#flight = shared.flights.lead(request.key, patience)
    this.#flight.storing(patience)
  }

  // RFC 9111 §4.3.4.
  #confirm(found: Found, headers: HeaderFields, lines: string[], now: EpochMs): Verdict {
    const { shared, settings, request } = this.#exchange
    const old = found.entry
    const merged = mergeHeaders(linesFor(request, old), endToEnd(lines, headers))
    const response = { status: old.status, headers: headerFields(merged) }
    const decision = ruleOnResponse(this.#exchange, response, undefined, now)
    const stored = storedLines(merged, request)
    const entry: Entry = {
      ...old,
      ...stored,
      headers: headerFields(stored.rawHeaders),
      storedAt: now,
      expiresAt: decision.action === 'store' ? decision.expiresAt : old.expiresAt,
      tags: decision.action === 'store' ? decision.tags : old.tags,
      // It is written while it is played.
      owned: false,
    }
    if (decision.action === 'store') {
      const { dropAt } = decision
      let written: MaybePromise<unknown>
      shared.guard.write(
        'refresh a response',
        () => (written = settings.cache.refresh(found, entry, dropAt)),
      )
      this.#landAfter(written)
    } else if (isLasting(decision.why)) {
      // It is still the same, and is not to be kept any more.
      this.#endStored(old.status)
    }
    return { notes: [], instead: (down) => this.#confirmed({ ...found, entry }, now, down) }
  }

  // Those who wait find what has been confirmed, unless the storage takes too long for it.
  #landAfter(written: MaybePromise<unknown>): void {
    if (!isPromise(written)) return
    this.#storing = true
    const end = (): void => {
      clearTimeout(timer)
      this.#storing = false
      this.#flight?.land()
    }
    const timer = setTimeout(end, this.#exchange.settings.storageTimeout)
    written.then(end, end)
  }

  #confirmed(found: Found, now: EpochMs, down: Downstream): void {
    if (this.#asked.unheard) return down.end({}, [])
    // A body that has gone meanwhile has to be asked for without conditions.
    const anew = { ...this.#asked, validate: undefined }
    const ask = (): void => askOrigin(this.#exchange, anew, () => {}, 'never')
    answerFromCache(this.#exchange, found, now, { confirmed: this.#asked.why }, ask)
  }

  #settled(outcome: WriteOutcome, status: number, info: CacheInfo, now: EpochMs): void {
    const { shared, settings, request } = this.#exchange
    if (!outcome.stored) {
      // An answer that was cut says no more than one that failed.
      if (outcome.why !== 'incomplete') this.#endStored(status)
      if (outcome.why === 'too-large') shared.flights.notStored(request.key)
      info.stored = false
      info.reason = outcome.why
      if (outcome.why === 'failed') shared.guard.failed('write', 'store a response', outcome.error)
      if (outcome.why === 'too-slow') {
        const message = 'the storage is too slow for a long response, which is not stored'
        const error = new CacheError('ERR_CACHE_STORAGE_TIMEOUT', message)
        shared.guard.failed('write', 'store a response', error)
      }
    } else {
      shared.guard.answered('write')
      shared.flights.stored(request.key)
      tellStored(this.#exchange, info)
    }
    this.#storing = false
    this.#flight?.land()
    settings.cache.tend(now, (error) =>
      shared.guard.failed('write', 'remove what has expired', error),
    )
  }

  // What was found is over, whatever has come in its place: it must not come back when the origin
  // fails, nor be handed out while it is refreshed.
  #endStored(status: number): void {
    const { shared, settings, request } = this.#exchange
    const { found, unanswered } = this.#asked.lookup
    if (settings.readOnly || !endsStored(status)) return
    if (unanswered) settings.cache.forget(request)
    if (found === undefined) return
    shared.guard.write('delete what is over', () => settings.cache.end(request, found))
  }

  #info(decision: ResponseDecision, now: EpochMs): CacheInfo {
    const stored = decision.action === 'store'
    return {
      hit: false,
      key: this.#exchange.request.key,
      stored,
      storedAt: stored ? now : undefined,
      expiresAt: stored ? decision.expiresAt : undefined,
      stale: false,
      revalidated: false,
      reason: stored ? this.#asked.why : decision.why,
    }
  }
}

// What the program itself has called off, ended or done wrong is no failure of the origin.
const notOfTheOrigin = new Set([
  'UND_ERR_ABORTED',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'UND_ERR_INVALID_ARG',
])

function isFailure(error: Error & { code?: unknown }): boolean {
  return error.name !== 'AbortError' && !notOfTheOrigin.has(String(error.code))
}
