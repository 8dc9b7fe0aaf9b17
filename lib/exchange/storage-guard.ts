/**
 * Stands between a request and the cache's storages: whatever they do, the request goes on. What
 * fails, or takes longer than the budget, is answered with "nothing there" and reported, once for
 * each outage. A storage that is late again and again is left alone for a while; see
 * `responsiveness.ts`.
 */
import { asCacheError, CacheError, isEntryError } from '../errors.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import { Responsiveness, type Wait } from './responsiveness.ts'
import { systemClock, type Clock } from '../timers.ts'
import type { Ms } from '../units.ts'

/** What a guard allows, and whom it tells. */
export interface GuardOptions {
  /** How long a request waits for an answer of the storage. */
  readonly budget: Ms
  readonly report: (error: CacheError) => void
  /** Default: the system's. */
  readonly clock?: Clock | undefined
}

type Access = 'read' | 'write'

/** The last failure, and whether anything was answered since. */
interface Outage {
  readonly failedAt?: number
  answered?: boolean
  /** Of the other kind: a server that is full can still be read. */
  otherAnswered?: boolean
}

// A storage that fails by turns, as a cluster without one of its nodes does, has one outage: it is
// over when nothing has failed for as long as so many budgets.
const quietBudgets = 5
// Nobody waits for a write, but one that never ends must not go unnoticed.
const writeBudgets = 10

/** Lets nothing that a storage does become the trouble of a request; see the top of the file. */
export class Guard {
  readonly #options: GuardOptions
  readonly #clock: Clock
  // Apart: a server that is full can still be read.
  readonly #outages: Record<Access, Outage> = { read: {}, write: {} }
  readonly #responsiveness: Responsiveness
  #gaveUp = false
  /** Whether it has ever taken its time: what such a one says at once comes from this process. */
  #isAsynchronous = false

  constructor(options: GuardOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#responsiveness = new Responsiveness(options.budget, this.#clock)
  }

  /** How long a request waits at the most. */
  get budget(): Ms {
    return this.#options.budget
  }

  /** Whether it is worth asking the storage. */
  get available(): boolean {
    return !this.#gaveUp && this.#responsiveness.available
  }

  /**
   * The answer of a storage, or the fallback.
   * @param limit how long this request waits at the most, where it has waited before
   */
  read<T>(
    what: string,
    ask: () => MaybePromise<T>,
    fallback: T,
    limit: Ms = Infinity,
  ): MaybePromise<T> {
    if (this.#gaveUp) return fallback
    const responsiveness = this.#responsiveness
    // An answer at once of a storage that is well needs no clock.
    const limited = responsiveness.healthy ? undefined : responsiveness.begin()
    if (limited === 'skip') return fallback
    try {
      const answer = ask()
      if (isPromise(answer)) {
        this.#isAsynchronous = true
        return this.#within({ what, fallback, limit }, answer, limited ?? responsiveness.wait())
      }
      if (this.#isAsynchronous) limited?.unasked()
      else {
        limited?.answered()
        this.answered('read')
      }
      return answer
    } catch (error) {
      limited?.answered()
      this.failed('read', what, error)
      return fallback
    }
  }

  /** A write that nobody waits for. */
  write(what: string, work: () => MaybePromise<unknown>): void {
    try {
      const written = work()
      if (!isPromise(written)) return this.answered('write')
      const patience = this.#options.budget * writeBudgets
      const late = this.#clock.setTimeout(() => this.#hung(what, patience), patience).unref()
      written.then(
        () => {
          this.#clock.clearTimeout(late)
          this.answered('write')
        },
        (error) => {
          this.#clock.clearTimeout(late)
          this.failed('write', what, error)
        },
      )
    } catch (error) {
      this.failed('write', what, error)
    }
  }

  /** Says why there is no storage: nothing is asked of it any more. */
  giveUp(error: CacheError): void {
    this.#gaveUp = true
    this.#options.report(error)
  }

  /** Reports a failure: of an outage the first only, of a single entry each. */
  failed(kind: Access, what: string, cause: unknown): void {
    const error = asCacheError('ERR_CACHE_STORAGE_FAILED', `the storage failed to ${what}`, cause)
    if (!isOutage(error)) return this.#options.report(error)
    const now = this.#clock.monotonicNow()
    const isOver = ({ failedAt, answered }: Outage): boolean =>
      failedAt === undefined ||
      (answered === true && now - failedAt > this.#options.budget * quietBudgets)
    const last = this.#outages[kind]
    const isNews = isOver(last)
    const otherAnswered = !isNews && last.otherAnswered === true
    this.#outages[kind] = { failedAt: now, otherAnswered }
    const { read, write } = this.#outages
    // That nothing can be written is no news where nothing can be read; and the other way round, unless
    // something was read since.
    const isKnown =
      kind === 'write' ? !isOver(read) : !isOver(write) && write.otherAnswered !== true
    if (isNews && !isKnown) this.#options.report(error)
  }

  /** Ends an outage, unless the next failure follows soon. */
  answered(kind: Access): void {
    const { read, write } = this.#outages
    if (kind === 'read' && write.failedAt !== undefined) write.otherAnswered = true
    const outage = kind === 'read' ? read : write
    if (outage.failedAt !== undefined) outage.answered = true
  }

  #within<T>(
    { what, fallback, limit }: { what: string; fallback: T; limit: Ms },
    answer: Promise<T>,
    wait: Wait,
  ): Promise<T> {
    const { budget } = this.#options
    const patience = Math.max(0, Math.min(limit, wait.patience))
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      let isGivenUp = false
      const tooLate = (): void => {
        if (!wait.late()) return
        const message = `the storage did not ${what} within ${budget} ms`
        this.failed('read', what, new CacheError('ERR_CACHE_STORAGE_TIMEOUT', message))
      }
      const giveUp = (): void => {
        isGivenUp = true
        wait.givenUp()
        resolve(fallback)
        const left = budget - patience
        if (left <= 0) return tooLate()
        timer = this.#clock.setTimeout(tooLate, left)
        timer.unref()
      }
      // Keeps the process alive: the request that waits may be all that is left of it.
      if (patience > 0) timer = this.#clock.setTimeout(giveUp, patience)
      else giveUp()
      answer.then(
        (value) => {
          this.#clock.clearTimeout(timer)
          if (wait.answered()) this.answered('read')
          resolve(value)
        },
        (error: unknown) => {
          this.#clock.clearTimeout(timer)
          // The request has gone on long ago, and the end of the cache is no failure.
          if (isGivenUp && isClosed(error)) return
          if (isTimeout(error)) wait.late()
          else wait.answered()
          this.failed('read', what, error)
          resolve(fallback)
        },
      )
    })
  }

  #hung(what: string, waited: Ms): void {
    const message = `the storage did not ${what} within ${waited} ms`
    this.failed('write', what, new CacheError('ERR_CACHE_STORAGE_TIMEOUT', message))
  }
}

// A driver may have its own limit, shorter than ours.
function isTimeout(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'ERR_CACHE_STORAGE_TIMEOUT'
}

function isClosed(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'ERR_CACHE_STORAGE_CLOSED'
}

// One entry, or a function of the caller's, says nothing about the storage.
function isOutage(error: CacheError): boolean {
  return error.code !== 'ERR_CACHE_CALLBACK_FAILED' && !isEntryError(error)
}
