/**
 * Answers with a body that is stored in parts, which are read as the caller reads. Where one of them
 * is missing, broken or out of reach, the origin goes on with the response, and the entry goes.
 */
import { readPart } from './cache/body-parts.ts'
import type { Found } from './cache/lookup.ts'
import { asCacheError, CacheError, isEntryError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { chain, isPromise, rescued, type MaybePromise } from './maybe-promise.ts'
import type { HeaderFields } from './policy/validators.ts'
import { replayParts, type Playable } from './response/replay.ts'
import { resumeFromOrigin, type GivenPart } from './resume-from-origin.ts'

/** What the answer is besides its body. */
export interface Beginning {
  /** As they are stored, the caller's own credentials put back. */
  readonly headers: HeaderFields
  /** Tells of the answer, and presents its head; called when the first part is there. */
  readonly begin: () => Playable
  /** Called where the body turns out to be gone, before anything was handed out. */
  readonly otherwise: () => void
}

/** Answers with an entry whose body is in parts. */
export async function answerInParts(
  exchange: Exchange,
  found: Found,
  { headers, begin, otherwise }: Beginning,
): Promise<void> {
  const { down, settings } = exchange
  const { bodyBytes } = found.entry
  down.start()
  const reader = settings.cache.readsParts(found)
  const given: GivenPart[] = []
  try {
    const parts = readForCaller(exchange, found, given)
    let first: IteratorResult<Buffer>
    try {
      first = await parts.next()
    } catch {
      // It has been reported. As long as nothing was handed out the origin can still answer.
      if (!down.ended) otherwise()
      return
    }
    if (down.ended) return void (await parts.return(undefined))
    const response = begin()
    await replayParts(down, response, withFirst(first, parts), (failure) =>
      resumeFromOrigin(exchange, { response, headers, bodyBytes, given }, failure),
    )
  } catch (error) {
    down.error(error as Error)
  } finally {
    reader.release()
  }
}

async function* withFirst(
  first: IteratorResult<Buffer>,
  rest: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  if (first.done === true) return
  yield first.value
  yield* rest
}

/**
 * The parts of a body, each read within the time that a storage has.
 * @param given filled with what was handed out, by which the origin's answer is compared
 * @throws CacheError when it has been reported, and the entry, where it is broken, is being deleted
 */
async function* readForCaller(
  exchange: Exchange,
  found: Found,
  given: GivenPart[],
): AsyncGenerator<Buffer> {
  const { bytes, checks } = found.entry.parts!
  for (const [index, check] of checks.entries()) {
    const pause = exchange.shared.turn.pause(bytes)
    if (pause !== undefined) await pause
    if (exchange.down.ended) return
    const read = readWithin(exchange, found, index)
    const part = isPromise(read) ? await read : read
    given.push({ bytes: part.byteLength, check })
    yield part
  }
}

/** One part, or why there is none. */
type PartRead = { readonly part: Buffer } | { readonly broken: CacheError }

function readWithin(exchange: Exchange, found: Found, index: number): MaybePromise<Buffer> {
  const { guard } = exchange.shared
  let cause: unknown
  const read = (): MaybePromise<PartRead> =>
    chain(readPart(found.shelf.storage, found.key, found.entry, index), (part) => ({ part }))
  // A connection that was lost is another one the second time; what is broken stays so.
  const readTwice = (): MaybePromise<PartRead> =>
    rescued(read, (first) =>
      isEntryError(first)
        ? { broken: first }
        : rescued(read, (second) => {
            if (isEntryError(second)) return { broken: second }
            cause = second
            throw second
          }),
    )
  const answer = guard.read<PartRead | undefined>('read a body', readTwice, undefined)
  return chain(answer, (result) => {
    // An outage says nothing about the entry, which stays; the guard has reported it.
    if (result === undefined) throw outOfReach(cause)
    if ('broken' in result) throw discard(exchange, found, result.broken)
    return result.part
  })
}

function outOfReach(cause: unknown): CacheError {
  if (cause === undefined) {
    const message = 'the storage did not read a part of a body in time'
    return new CacheError('ERR_CACHE_STORAGE_TIMEOUT', message)
  }
  return asCacheError('ERR_CACHE_STORAGE_FAILED', 'the storage failed to read a body', cause)
}

// Of several that read the same broken body, the one that deletes its entry reports it.
function discard(exchange: Exchange, found: Found, error: CacheError): CacheError {
  const { settings, shared } = exchange
  const report = (discarded: boolean): void => {
    if (discarded) shared.guard.failed('read', 'read a body', error)
  }
  if (settings.readOnly) report(true)
  else {
    shared.guard.write('delete a broken entry', () => chain(settings.cache.discard(found), report))
  }
  return error
}
