/** Asks the origin on behalf of a request, and sees to it that the answer is stored. */
import type { Dispatcher } from 'undici'
import { answerFromCache, linesFor } from './answer-from-cache.ts'
import type { WriteOutcome } from './cache/entry-writer.ts'
import type { Entry } from './cache/entry.ts'
import type { Found, Lookup } from './cache/lookup.ts'
import type { Flight } from './cache/single-flight.ts'
import { storedLines, storeResponse } from './cache/store-response.ts'
import { CacheError } from './errors.ts'
import { requestedRedirections, type Exchange } from './exchange.ts'
import { decideOnResponse, type ResponseDecision } from './policy/decide-on-response.ts'
import { expiryOf, lifetimeForms } from './policy/lifetime.ts'
import { conditionalFields, mergeHeaders, type HeaderFields } from './policy/validators.ts'
import { flatHeaders } from './request/headers.ts'
import { cacheStatus, type CacheInfo } from './response/cache-info.ts'
import { Capture, type CaptureOwner, type Verdict } from './response/capture.ts'
import { endToEnd, headerFields } from './response/header-lines.ts'
import type { EpochMs } from './units.ts'

/** Why the origin is asked, and what is known. */
export interface Asked {
  readonly why: 'uri-miss' | 'vary-miss' | 'stale' | 'request'
  readonly lookup: Lookup
  /** What the origin is asked to confirm. */
  readonly validate: Found | undefined
}

const redirectBodyBytes = 64 * 1024

/**
 * @param again called where an identical request was under way and has ended
 * @param mayJoin whether to wait for such a one
 */
export function askOrigin(
  exchange: Exchange,
  asked: Asked,
  again: () => void,
  mayJoin: boolean,
): void {
  const { shared, settings, directives, request, down, route } = exchange
  let flight: Flight | undefined
  if (mayJoin && !settings.readOnly && !directives.has('no-store')) {
    const underWay = shared.flights.get(request.key)
    if (underWay !== undefined) {
      down.start()
      return underWay.join(again)
    }
    flight = shared.flights.lead(request.key)
  }
  const capture = new Capture(down, new Question(exchange, asked, flight))
  try {
    route.dispatch(outgoing(exchange, asked), capture)
  } catch (error) {
    capture.onResponseError(null, error as Error)
  }
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
  #answered = false
  #storing = false
  #finishing = false

  constructor(exchange: Exchange, asked: Asked, flight: Flight | undefined) {
    this.#exchange = exchange
    this.#asked = asked
    this.#flight = flight
  }

  judge(status: number, headers: HeaderFields, lines: string[], statusText: string): Verdict {
    const { settings, route, request, options, down } = this.#exchange
    const { lookup, validate } = this.#asked
    this.#answered = true
    if (requestedRedirections(options) === undefined) {
      route.followsBelow = this.history !== undefined
    }
    const now = Date.now()
    if (validate !== undefined && status === 304)
      return this.#confirm(validate, headers, lines, now)

    const decision = this.#decide(status, headers, now)
    const info = this.#info(decision, now)
    down.context['cache'] = info
    const notes = settings.statusHeaders
      ? ['cache-status', cacheStatus(info, this.#asked.why, now)]
      : []
    if (decision.action === 'pass') {
      this.#flight?.land()
      return { notes }
    }
    const history = this.history?.map(String)
    const arrival = { status, statusText, headers, lines, arrivedAt: now, history }
    const order = { ...decision, maxBodyBytes: settings.maxBodyBytes }
    this.#storing = true
    // fetch hangs up on a redirect once it has its head. The little that is left is worth reading:
    // the connection lives on, and who looks at the redirect itself finds its body.
    this.#finishing =
      decision.as === 'redirect' && Number(headers['content-length']) <= redirectBodyBytes
    const settled = (outcome: WriteOutcome): void => this.#settled(outcome, info, now)
    try {
      const sink = storeResponse(settings.cache, request, lookup, arrival, order, settled)
      return { sink, notes }
    } catch (error) {
      // A redirect is written at once, and a storage may refuse it at once.
      settled({ stored: false, why: 'failed', error })
      return { notes }
    }
  }

  outlivesCaller(): boolean {
    return this.#flight?.awaited === true || this.#finishing
  }

  stalled(): void {
    this.#flight?.land()
  }

  done(): void {
    if (!this.#answered) this.#flight?.land()
    // Those who come while the answer is being written wait for it, also where it had been given up
    // because the caller did not read on.
    if (this.#storing && this.#flight?.landed === true) {
      const { shared, request } = this.#exchange
      if (shared.flights.get(request.key) === undefined) {
        this.#flight = shared.flights.lead(request.key)
      }
    }
  }

  // RFC 9111 §4.3.4.
  #confirm(found: Found, headers: HeaderFields, lines: string[], now: EpochMs): Verdict {
    const { shared, settings, request } = this.#exchange
    const old = found.entry
    const decision = this.#decide(old.status, { ...old.headers, ...headers }, now)
    const merged = mergeHeaders(linesFor(request, old), endToEnd(lines, headers))
    const stored = storedLines(merged, request)
    const entry: Entry = {
      ...old,
      ...stored,
      headers: headerFields(stored.rawHeaders),
      storedAt: now,
      expiresAt: decision.action === 'store' ? decision.expiresAt : old.expiresAt,
      // It is written while it is played.
      owned: false,
    }
    if (decision.action === 'store') {
      const { dropAt } = decision
      shared.guard.write('refresh a response', () => settings.cache.refresh(found, entry, dropAt))
    }
    return { notes: [], instead: () => this.#confirmed({ ...found, entry }, now) }
  }

  #confirmed(found: Found, now: EpochMs): void {
    this.#flight?.land()
    // A body that has gone meanwhile has to be asked for without conditions.
    const anew = { ...this.#asked, validate: undefined }
    const ask = (): void => askOrigin(this.#exchange, anew, () => {}, false)
    answerFromCache(this.#exchange, found, now, this.#asked.why, ask)
  }

  #decide(status: number, headers: HeaderFields, now: EpochMs): ResponseDecision {
    const { shared, settings, directives } = this.#exchange
    const expiresAt = this.#expiresAt(status, headers, now)
    if (!shared.guard.available || expiresAt === null) {
      return { action: 'pass', why: 'cache-unavailable' }
    }
    return decideOnResponse(directives, { status, headers }, settings, expiresAt, now)
  }

  #expiresAt(status: number, headers: HeaderFields, now: EpochMs): EpochMs | undefined | null {
    const { shared, settings, request } = this.#exchange
    const { expireAfter } = settings
    if (typeof expireAfter !== 'function') return expiryOf(expireAfter, now)
    const { method, url } = request
    try {
      const lifetime = expireAfter({ method, url }, { status, headers: { ...headers } }) ?? 'never'
      const expiresAt = expiryOf(lifetime, now)
      if (expiresAt === null) throw new TypeError(`expireAfter must return ${lifetimeForms}`)
      return expiresAt
    } catch (cause) {
      const message = 'expireAfter failed; the response is not stored'
      shared.guard.failed(
        'write',
        '',
        new CacheError('ERR_CACHE_CALLBACK_FAILED', message, { cause }),
      )
      return null
    }
  }

  #settled(outcome: WriteOutcome, info: CacheInfo, now: EpochMs): void {
    const { shared, settings } = this.#exchange
    if (!outcome.stored) {
      info.stored = false
      info.reason = outcome.why
      if (outcome.why === 'failed') shared.guard.failed('write', 'store a response', outcome.error)
    } else {
      shared.guard.answered('write')
    }
    this.#storing = false
    this.#flight?.land()
    settings.cache.tend(now, (error) =>
      shared.guard.failed('write', 'remove what has expired', error),
    )
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
