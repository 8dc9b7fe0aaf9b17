/**
 * Answers with a body that is stored in parts, which are read as the caller reads. Where one of them
 * is missing, broken or out of reach, the origin goes on with the response, and the entry goes.
 */
import { readPart } from '../entries/body-parts.ts'
import { checkOf } from '../entries/checksum.ts'
import type { Found } from '../entries/lookup.ts'
import { asCacheError, CacheError, isEntryError } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { chain, rescued, type MaybePromise } from '../maybe-promise.ts'
import { partsAtHand, type PartsHolder } from './parts-at-hand.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { replayParts, type Playable } from '../response/replay.ts'
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
  const holder = partsAtHand.open()
  try {
    for (const [index, check] of found.entry.parts!.checks.entries()) {
      let part = await partOf(exchange, found, index, holder)
      let from = 0
      if (index === 0 && holder.isCrowded && part.byteLength > firstBytes) {
        // A copy: the part itself is not kept for somebody who may never read on.
        const piece = Buffer.from(part.subarray(0, firstBytes))
        given.push({ bytes: firstBytes, check: checkOf(piece) })
        part = piece
        holder.giveBack()
        yield piece
        from = firstBytes
        part = await partOf(exchange, found, index, holder)
        given.pop()
      }
      given.push({ bytes: part.byteLength, check })
      yield part.subarray(from)
      holder.giveBack()
    }
  } finally {
    holder.close()
  }
}

// As much as a caller that does not read takes in any case.
const firstBytes = 2 ** 16

async function partOf(
  exchange: Exchange,
  found: Found,
  index: number,
  holder: PartsHolder,
): Promise<Buffer> {
  const room = holder.take()
  if (room !== undefined) await room
  const pause = exchange.shared.turn.pause(found.entry.parts!.bytes)
  if (pause !== undefined) await pause
  return readWithin(exchange, found, index)
}

/** One part, or why there is none. */
type PartRead = { readonly part: Buffer } | { readonly broken: CacheError }

function readWithin(exchange: Exchange, found: Found, index: number): MaybePromise<Buffer> {
  const { guard } = exchange.shared
  const { wait } = exchange
  // While the caller is being served, that much of each part is no wait.
  const free = index === 0 ? 0 : guard.budget / 20
  let cause: unknown
  const read = (): MaybePromise<PartRead> =>
    chain(readPart(found.entryStore.storage, found.key, found.entry, index), (part) => ({ part }))
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
  const answer = wait.count(
    guard.read<PartRead | undefined>('read a body', readTwice, undefined, wait.left + free),
    free,
  )
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
