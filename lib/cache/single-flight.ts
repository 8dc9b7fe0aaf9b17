/**
 * Collapsed requests (RFC 9111 §4): of identical requests at the same time one asks the origin, the
 * others wait until its answer is stored, or until it is clear that it will not be. Nobody waits for
 * longer than the flight may last: then each of them asks for itself.
 */
import { clearTimeout, monotonicNow, queueMicrotask, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

/** The requests of one cache that are under way, of all interceptors on it. */
export class Flights {
  readonly #flights = new Map<string, Flight>()
  /** The last landings, by key, numbered as they came. */
  readonly #landings = new Map<string, number>()
  #landed = 0
  /** Until when nobody waits for a request with that key. */
  readonly #notStored = new Map<string, Ms>()

  /** How many have landed; for `landedSince`. */
  get landed(): number {
    return this.#landed
  }

  /** Whether a flight for the key has landed after so many others had. */
  landedSince(key: string, mark: number): boolean {
    return (this.#landings.get(key) ?? 0) > mark
  }

  /** The flight under way for the key, which others may still wait for. */
  get(key: string): Flight | undefined {
    const flight = this.#flights.get(key)
    return flight === undefined || flight.overdue ? undefined : flight
  }

  /** Begins a flight; there must be none. @param patience how long others may wait for it */
  lead(key: string, patience: Ms): Flight {
    const flight = new Flight(patience, () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
      remember(this.#landings, key, ++this.#landed)
    })
    this.#flights.set(key, flight)
    return flight
  }

  /**
   * An answer for the key was not stored, and the next one will not be either: for a while those who
   * come at the same time ask at the same time, and do not wait in vain for each other.
   */
  notStored(key: string): void {
    remember(this.#notStored, key, monotonicNow() + notStoredFor)
  }

  /** An answer for the key is stored. */
  stored(key: string): void {
    this.#notStored.delete(key)
  }

  /** Whether it is worth waiting for an answer. */
  isWorthWaiting(key: string): boolean {
    const until = this.#notStored.get(key)
    if (until === undefined) return true
    if (until > monotonicNow()) return false
    this.#notStored.delete(key)
    return true
  }
}

const flightsOfCaches = new WeakMap<object, Flights>()

/** Those of a cache. */
export function flightsOf(cache: object): Flights {
  const known = flightsOfCaches.get(cache) ?? new Flights()
  flightsOfCaches.set(cache, known)
  return known
}

// As long as it takes for what is worth storing to be noticed: herds that come together until then
// are not collapsed.
const notStoredFor: Ms = 30_000

// Only look-ups and herds that are under way ask, and there are never that many.
const maxRemembered = 1000

function remember<T>(memory: Map<string, T>, key: string, value: T): void {
  memory.delete(key)
  memory.set(key, value)
  if (memory.size <= maxRemembered) return
  const [oldest] = memory.keys()
  memory.delete(oldest!)
}

/** One who waits for a flight. */
interface Waiting extends Patience {
  /** Told how long it has waited for the storage. */
  readonly next: (waitedForStorage: Ms) => void
  /** By the clock that only goes forward. */
  readonly joinedAt: Ms
  timer: NodeJS.Timeout | undefined
}

/** How long somebody waits for a flight at the most. */
export interface Patience {
  readonly patience?: Ms | undefined
  /** While the answer, which is complete, is being stored. */
  readonly storing?: Ms | undefined
}

/** One request to the origin, and those who wait for its answer. */
export class Flight {
  readonly #landed: () => void
  readonly #waiting = new Set<Waiting>()
  /** Until when others may wait for it. */
  #until: Ms
  /** Since when nothing but the storage is waited for. */
  #storingSince = Infinity
  #isLanded = false

  constructor(patience: Ms, landed: () => void) {
    this.#until = monotonicNow() + patience
    this.#landed = landed
  }

  /** Whether anybody else needs the answer. */
  get awaited(): boolean {
    return this.#waiting.size > 0
  }

  /** Whether nobody can join any more. */
  get landed(): boolean {
    return this.#isLanded
  }

  /** Whether it has taken longer than anybody may wait. */
  get overdue(): boolean {
    return monotonicNow() >= this.#until
  }

  /**
   * @param next called when the flight has landed or takes too long; never at once
   * @returns what ends the waiting; `next` is not called then
   */
  join(next: (waitedForStorage: Ms) => void, patience: Patience = {}): () => void {
    const joinedAt = monotonicNow()
    const waiting: Waiting = { ...patience, next, joinedAt, timer: undefined }
    this.#waiting.add(waiting)
    this.#limitOne(waiting)
    return () => this.#leave(waiting)
  }

  /** From now on others wait that long at the most. */
  limit(patience: Ms): void {
    const until = monotonicNow() + patience
    if (this.#isLanded || until >= this.#until) return
    this.#until = until
    for (const waiting of this.#waiting) this.#limitOne(waiting)
  }

  /** The answer is complete, and is being stored: from now on others wait that long at the most. */
  storing(patience: Ms): void {
    this.#storingSince = monotonicNow()
    this.#until = Math.min(this.#until, this.#storingSince + patience)
    for (const waiting of this.#waiting) this.#limitOne(waiting)
  }

  /** Lets those who wait look for themselves; later calls do nothing. */
  land(): void {
    if (this.#isLanded) return
    this.#isLanded = true
    const waiting = [...this.#waiting]
    for (const each of waiting) this.#leave(each)
    this.#landed()
    for (const each of waiting) queueMicrotask(() => this.#goOn(each))
  }

  #limitOne(waiting: Waiting): void {
    const { joinedAt, patience = Infinity, storing = Infinity } = waiting
    const stored = Math.max(joinedAt, this.#storingSince) + storing
    const until = Math.min(joinedAt + patience, stored, this.#until)
    clearTimeout(waiting.timer)
    const giveUp = (): void => {
      this.#waiting.delete(waiting)
      this.#goOn(waiting)
    }
    // It keeps the process alive: the request that waits may be all that is left of it.
    waiting.timer = setTimeout(giveUp, Math.max(0, until - monotonicNow()))
  }

  #goOn({ next, joinedAt }: Waiting): void {
    next(Math.max(0, monotonicNow() - Math.max(joinedAt, this.#storingSince)))
  }

  #leave(waiting: Waiting): void {
    clearTimeout(waiting.timer)
    this.#waiting.delete(waiting)
  }
}
