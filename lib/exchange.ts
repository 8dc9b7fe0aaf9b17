/**
 * The way of one request: look up, decide, and replay, ask or refuse. It carries out what the
 * policy says and holds no rule of caching itself.
 */
import type { Dispatcher } from 'undici'
import type { Guard } from './backends/guard.ts'
import { readParts } from './cache/body-parts.ts'
import type { WriteOutcome } from './cache/entry-writer.ts'
import type { Entry, EntryHead } from './cache/entry.ts'
import { notFound, type Found, type Lookup } from './cache/lookup.ts'
import type { Flight, Flights } from './cache/single-flight.ts'
import { storedLines, storeResponse } from './cache/store-response.ts'
import { CacheError } from './errors.ts'
import { isPromise } from './maybe-promise.ts'
import type { Settings } from './options.ts'
import { parseCacheControl, type Directives } from './policy/cache-control.ts'
import { decideOnRequest, isFresh } from './policy/decide-on-request.ts'
import { decideOnResponse, type ResponseDecision } from './policy/decide-on-response.ts'
import { expiryOf, lifetimeForms } from './policy/lifetime.ts'
import { conditionalFields, mergeHeaders, type HeaderFields } from './policy/validators.ts'
import { credentialForms, putBackEchoes } from './request/echoes.ts'
import { flatHeaders } from './request/headers.ts'
import type { CacheRequest } from './request/read-request.ts'
import { cacheStatus, type CacheInfo } from './response/cache-info.ts'
import { Capture, type CaptureOwner, type Verdict } from './response/capture.ts'
import type { Downstream } from './response/downstream.ts'
import { endToEnd, headerFields } from './response/header-lines.ts'
import { playable, replayParts, replayWhole } from './response/replay.ts'
import type { LoopTurn } from './loop-turn.ts'
import type { EpochMs } from './units.ts'

/** What the exchanges of one interceptor share. */
export interface Shared {
  readonly guard: Guard
  readonly flights: Flights
  readonly turn: LoopTurn
}

/** One composition: what is below the interceptor there. */
export interface Route {
  readonly dispatch: Dispatcher.Dispatch
  /** Whether redirects are followed below, for requests that do not say; learned by watching. */
  followsBelow: boolean | undefined
}

export class Exchange implements CaptureOwner {
  history: readonly URL[] | undefined = undefined
  readonly #shared: Shared
  readonly #settings: Settings
  readonly #route: Route
  readonly #options: Dispatcher.DispatchOptions
  readonly #down: Downstream
  readonly #request: CacheRequest
  readonly #directives: Directives
  #lookup: Lookup = notFound
  #flight: Flight | undefined
  #asked: 'uri-miss' | 'vary-miss' | 'stale' | 'request' = 'uri-miss'
  #conditional = false

  constructor(
    shared: Shared,
    settings: Settings,
    route: Route,
    options: Dispatcher.DispatchOptions,
    down: Downstream,
    request: CacheRequest,
  ) {
    this.#shared = shared
    this.#settings = settings
    this.#route = route
    this.#options = options
    this.#down = down
    this.#request = request
    // RFC 9111 §5.4: Pragma counts where there is no Cache-Control.
    this.#directives = parseCacheControl(request.cacheControl ?? request.pragma)
  }

  /** Looks up what is stored, at once where the storage answers at once. */
  run(mayJoin = true): void {
    const { cache } = this.#settings
    const ask = (): ReturnType<typeof cache.lookup> => cache.lookup(this.#request, this.#follows())
    const answer = this.#shared.guard.read('look up a response', ask, notFound)
    if (!isPromise(answer)) return this.#decide(answer, mayJoin)
    // So that an abort gets through while the storage is being asked.
    this.#down.start()
    void answer.then((lookup) => this.#decide(lookup, mayJoin))
  }

  #decide(lookup: Lookup, mayJoin: boolean): void {
    if (this.#down.ended) return
    this.#lookup = lookup
    const found = this.#usable(lookup)
    const now = Date.now()
    const decision = decideOnRequest(this.#directives, this.#settings, found?.entry, now)
    switch (decision.action) {
      case 'replay':
        return this.#replay(found!, now)
      case 'refuse':
        return this.#refuse()
      case 'revalidate':
        this.#conditional = found!.history === undefined
        this.#asked = decision.why
        return this.#ask(mayJoin && !this.#settings.refresh)
      case 'forward':
        this.#asked = decision.why === 'miss' ? missOf(lookup) : decision.why
        return this.#ask(mayJoin && !this.#settings.forceRefresh)
    }
  }

  // A redirect that fetch has left unread is no answer for somebody who may read it, nor any
  // redirect for somebody who may not want to see one; better than none at all, though.
  #usable({ found, ambiguous }: Lookup): Found | undefined {
    const unread = found?.entry.forFetch === true && !this.#request.fromFetch
    return (unread || ambiguous === true) && !this.#settings.onlyIfCached ? undefined : found
  }

  #replay(found: Found, now: EpochMs, revalidated = false): void {
    const { entry, key } = found
    const info: CacheInfo = {
      hit: true,
      key,
      stored: true,
      storedAt: entry.storedAt,
      expiresAt: entry.expiresAt,
      stale: !isFresh(entry, now),
      revalidated,
      reason: revalidated ? this.#asked : 'fresh',
    }
    if (entry.parts !== undefined) return void this.#replayParts(found, info, now)
    const turn = this.#shared.turn
    if (turn.spend(entry.bodyBytes)) return this.#play(found, info, now)
    // The rest of the program gets its turn, and the bodies of this one can be freed.
    this.#down.start()
    turn.next(() => this.#play(found, info, now))
  }

  #play(found: Found, info: CacheInfo, now: EpochMs): void {
    const { entry } = found
    this.#tell(found, info)
    const body = entry.body as Buffer
    // What is kept must not be what callers can change; fetch copies by itself.
    const handed =
      body.byteLength === 0
        ? undefined
        : this.#request.fromFetch
          ? asBuffer(body)
          : Buffer.from(body)
    replayWhole(this.#down, this.#present(entry, info, now), handed)
  }

  async #replayParts(found: Found, info: CacheInfo, now: EpochMs): Promise<void> {
    this.#down.start()
    const { entry, key, shelf } = found
    const parts = readParts(shelf.storage, key, entry)
    const first = await this.#shared.guard.read('read a body', () => parts.next(), undefined)
    if (this.#down.ended) return void parts.return(undefined)
    if (first === undefined || first.done === true) {
      // As long as nothing has been handed out the origin can still answer.
      this.#asked = 'uri-miss'
      this.#conditional = false
      return this.#ask(false)
    }
    this.#tell(found, info)
    const all = (async function* () {
      yield first.value
      yield* parts
    })()
    await replayParts(this.#down, this.#present(entry, info, now), all)
  }

  #tell({ history }: Found, info: CacheInfo): void {
    this.#down.context['cache'] = info
    if (history !== undefined) this.#down.context['history'] = history.map((url) => new URL(url))
  }

  #present(entry: Entry, info: CacheInfo, now: EpochMs): ReturnType<typeof playable> {
    const { statusHeaders } = this.#settings
    const forwarded = info.revalidated ? this.#asked : undefined
    const notes = statusHeaders
      ? ['age', ageOf(entry, now), 'cache-status', cacheStatus(info, forwarded, now)]
      : []
    return playable(entry, this.#linesOf(entry), notes)
  }

  #linesOf(entry: EntryHead): readonly string[] {
    if (entry.echoes === undefined) return entry.rawHeaders
    return putBackEchoes(entry.rawHeaders, entry.echoes, credentialForms(this.#request.credentials))
  }

  // RFC 9111 §5.2.1.7.
  #refuse(): void {
    const info = this.#missInfo('only-if-cached')
    this.#down.context['cache'] = info
    const lines = ['content-length', '0']
    if (this.#settings.statusHeaders) lines.push('cache-status', cacheStatus(info, 'uri-miss', 0))
    replayWhole(
      this.#down,
      {
        status: 504,
        statusText: 'Gateway Timeout',
        rawHeaders: lines,
        headers: headerFields(lines),
        rawTrailers: [],
        trailers: {},
      },
      undefined,
    )
  }

  #ask(mayJoin: boolean): void {
    const { flights } = this.#shared
    if (mayJoin && !this.#settings.readOnly && !this.#directives.has('no-store')) {
      const flight = flights.get(this.#request.key)
      if (flight !== undefined) {
        this.#down.start()
        return flight.join(() => {
          if (!this.#down.ended) this.run(false)
        })
      }
      this.#flight = flights.lead(this.#request.key)
    }
    const capture = new Capture(this.#down, this)
    try {
      this.#route.dispatch(this.#outgoing(), capture)
    } catch (error) {
      capture.onResponseError(null, error as Error)
    }
  }

  #outgoing(): Dispatcher.DispatchOptions {
    if (!this.#conditional) return this.#options
    const fields = conditionalFields(this.#usable(this.#lookup)!.entry.headers)
    return { ...this.#options, headers: [...flatHeaders(this.#options.headers), ...fields] }
  }

  judge(status: number, headers: HeaderFields, lines: string[], statusText: string): Verdict {
    this.#learn()
    const now = Date.now()
    if (this.#conditional && status === 304) return this.#confirmed(headers, lines, now)

    const history = this.history?.map(String)
    const decision = this.#decideOnResponse(status, headers, now)
    const info = this.#missInfo(decision.action === 'pass' ? decision.why : this.#asked)
    this.#down.context['cache'] = info
    if (decision.action === 'pass') {
      this.#flight?.land()
      return { notes: this.#notes(info, now) }
    }
    info.stored = true
    info.storedAt = now
    info.expiresAt = decision.expiresAt
    const arrival = { status, statusText, headers, lines, arrivedAt: now, history }
    const order = { ...decision, maxBodyBytes: this.#settings.maxBodyBytes }
    const sink = storeResponse(
      this.#settings.cache,
      this.#request,
      this.#lookup,
      arrival,
      order,
      (outcome) => this.#settled(outcome, info, now),
    )
    return { sink, notes: this.#notes(info, now) }
  }

  outlivesCaller(): boolean {
    return this.#flight?.awaited === true
  }

  stalled(): void {
    this.#flight?.land()
  }

  done(): void {
    // What is being stored lands when it is; see `#settled`.
    if (this.#down.context['cache'] === undefined) this.#flight?.land()
  }

  #decideOnResponse(status: number, headers: HeaderFields, now: EpochMs): ResponseDecision {
    const expiresAt = this.#expiresAt(status, headers, now)
    if (!this.#shared.guard.available || expiresAt === null) {
      return { action: 'pass', why: 'cache-unavailable' }
    }
    return decideOnResponse(this.#directives, { status, headers }, this.#settings, expiresAt, now)
  }

  #expiresAt(status: number, headers: HeaderFields, now: EpochMs): EpochMs | undefined | null {
    const { expireAfter } = this.#settings
    if (typeof expireAfter !== 'function') return expiryOf(expireAfter, now)
    const { method, url } = this.#request
    try {
      const lifetime = expireAfter({ method, url }, { status, headers: { ...headers } }) ?? 'never'
      const expiresAt = expiryOf(lifetime, now)
      if (expiresAt === null) throw new TypeError(`expireAfter must return ${lifetimeForms}`)
      return expiresAt
    } catch (cause) {
      const message = 'expireAfter failed; the response is not stored'
      this.#shared.guard.failed('', new CacheError('ERR_CACHE_CALLBACK_FAILED', message, { cause }))
      return null
    }
  }

  // RFC 9111 §4.3.4.
  #confirmed(headers: HeaderFields, lines: string[], now: EpochMs): Verdict {
    const found = this.#lookup.found!
    const old = found.entry
    const decision = this.#decideOnResponse(old.status, { ...old.headers, ...headers }, now)
    const merged = mergeHeaders(this.#linesOf(old), endToEnd(lines, headers))
    const stored = storedLines(merged, this.#request)
    const entry: Entry = {
      ...old,
      ...stored,
      headers: headerFields(stored.rawHeaders),
      storedAt: now,
      expiresAt: decision.action === 'store' ? decision.expiresAt : old.expiresAt,
    }
    const { guard } = this.#shared
    if (decision.action === 'store') {
      const { dropAt } = decision
      guard.write('refresh a response', () => this.#settings.cache.refresh(found, entry, dropAt))
    }
    return {
      notes: [],
      instead: () => {
        this.#flight?.land()
        this.#replay({ ...found, entry }, now, true)
      },
    }
  }

  #settled(outcome: WriteOutcome, info: CacheInfo, now: EpochMs): void {
    const { guard } = this.#shared
    if (!outcome.stored) {
      info.stored = false
      info.reason = outcome.why
      if (outcome.why === 'failed') guard.failed('store a response', outcome.error)
    }
    this.#flight?.land()
    this.#settings.cache.tend(now, (error) => guard.failed('remove what has expired', error))
  }

  #missInfo(reason: string): CacheInfo {
    return {
      hit: false,
      key: this.#request.key,
      stored: false,
      storedAt: undefined,
      expiresAt: undefined,
      stale: false,
      revalidated: false,
      reason,
    }
  }

  #notes(info: CacheInfo, now: EpochMs): string[] {
    if (!this.#settings.statusHeaders) return []
    return ['cache-status', cacheStatus(info, this.#asked, now)]
  }

  #follows(): boolean | undefined {
    const { maxRedirections } = this.#options as { maxRedirections?: number | null }
    return maxRedirections === undefined || maxRedirections === null
      ? this.#route.followsBelow
      : maxRedirections > 0
  }

  #learn(): void {
    const { maxRedirections } = this.#options as { maxRedirections?: number | null }
    if (maxRedirections === undefined || maxRedirections === null) {
      this.#route.followsBelow = this.history !== undefined
    }
  }
}

function missOf(lookup: Lookup): 'uri-miss' | 'vary-miss' {
  return lookup.variantMissing === true ? 'vary-miss' : 'uri-miss'
}

// RFC 9111 §4.2.3, where the time on the wire counts as none.
function ageOf(entry: Entry, now: EpochMs): string {
  const atOrigin = Number(entry.headers['age'] ?? 0)
  const here = Math.max(0, Math.floor((now - entry.storedAt) / 1000))
  return String(here + (Number.isInteger(atOrigin) && atOrigin > 0 ? atOrigin : 0))
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
