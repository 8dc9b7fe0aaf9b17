/** Answers a request with what is stored, or with the refusal to ask anybody. */
import { answerInParts } from './answer-in-parts.ts'
import type { Entry } from '../entries/entry.ts'
import type { Found } from '../entries/lookup.ts'
import { followsRedirects, mayAsk, type Exchange } from './exchange.ts'
import { isFresh } from '../policy/decide-on-request.ts'
import { putBackEchoes } from '../secrets/echoes.ts'
import type { CacheRequest } from '../request/request.ts'
import { secretForms } from '../secrets/secret-forms.ts'
import { cacheStatus, type CacheInfo } from '../response/cache-info.ts'
import { headerFields } from '../http/header-lines.ts'
import { playRefusal, refusalInfo } from '../response/refusal.ts'
import { playable, replayWhole, type Playable } from '../response/replay.ts'
import { tellAnswer } from './report.ts'
import { ageOf } from '../policy/freshness.ts'
import type { EpochMs } from '../units.ts'

/** Why a response is played that is not simply fresh. */
export interface Because {
  /** Why the origin was asked, where it has just confirmed the entry (304). */
  readonly confirmed?: string | undefined
  /** Why it is used although its time is over. */
  readonly stale?: string | undefined
}

/**
 * @param otherwise called where the body turns out to be gone, before anything was handed out
 */
export function answerFromCache(
  exchange: Exchange,
  found: Found,
  now: EpochMs,
  because: Because,
  otherwise: () => void,
): void {
  const { entry, key } = found
  const { confirmed, stale } = because
  const info: CacheInfo = {
    hit: true,
    key,
    stored: true,
    storedAt: entry.storedAt,
    expiresAt: entry.expiresAt,
    // What the origin has just confirmed is not stale, however soon it will be.
    stale: confirmed === undefined && !isFresh(entry, now),
    revalidated: confirmed !== undefined,
    reason: confirmed ?? stale ?? 'fresh',
  }
  if (entry.parts !== undefined) {
    const begin = (): Playable => {
      tell(exchange, found, info)
      return present(exchange, entry, info, now, confirmed)
    }
    const lines = linesFor(exchange.request, entry)
    return void answerInParts(exchange, found, {
      headers: lines === entry.rawHeaders ? entry.headers : headerFields(lines),
      begin,
      otherwise: mayAsk(exchange) ? otherwise : () => refuse(exchange),
    })
  }
  const play = (): void => {
    try {
      tell(exchange, found, info)
      const response = present(exchange, entry, info, now, confirmed)
      replayWhole(exchange.down, response, bodyFor(exchange, entry))
    } catch (error) {
      exchange.down.error(error as Error)
    }
  }
  const { turn } = exchange.shared
  if (turn.spend(entry.bodyBytes)) return play()
  // The rest of the program gets its turn, and the bodies of this one can be freed.
  exchange.down.start()
  turn.next(play, entry.bodyBytes)
}

/** 504, as a cache gives it that must not ask (RFC 9111 §5.2.1.7). */
export function refuse(exchange: Exchange): void {
  const info = refusalInfo('only-if-cached', exchange.request.key)
  tellAnswer(exchange, info)
  playRefusal(exchange.down, info, 'uri-miss', exchange.settings.statusHeaders)
}

/** The header lines of an entry, with the credentials of this request where it had them. */
export function linesFor(request: CacheRequest, entry: Entry): readonly string[] {
  if (entry.echoes === undefined) return entry.rawHeaders
  return putBackEchoes(entry.rawHeaders, entry.echoes, secretForms(request))
}

function tell(exchange: Exchange, { history }: Found, info: CacheInfo): void {
  tellAnswer(exchange, info)
  const { down, options, route } = exchange
  const { context } = down
  if (history !== undefined) context['history'] = history.map((url) => new URL(url))
  else if (route.followsBelow === true && followsRedirects(exchange) === true) {
    // What follows redirects, below, names what was asked for also where nothing was redirected.
    context['history'] = [new URL(options.path, options.origin)]
  }
  // Of an attempt that has failed.
  else if ('history' in context) delete context['history']
}

function present(
  { settings, request }: Exchange,
  entry: Entry,
  info: CacheInfo,
  now: EpochMs,
  confirmed: string | undefined,
): Playable {
  const notes = settings.statusHeaders
    ? [
        'age',
        String(Math.floor(ageOf(entry, now) / 1000)),
        'cache-status',
        cacheStatus(info, confirmed, now),
      ]
    : []
  return playable(entry, linesFor(request, entry), notes)
}

// What is kept must not be what callers can change; fetch copies by itself.
function bodyFor({ request, settings }: Exchange, { body, owned }: Entry): Buffer | undefined {
  if (body.byteLength === 0) return undefined
  const copied = !request.fromFetch && owned !== true && !settings.shareBodies
  if (copied) return Buffer.from(body)
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
}
