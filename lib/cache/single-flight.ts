/**
 * One question to the origin for identical requests at the same time: the first asks, the others
 * wait until its answer is stored, or until it is clear that it will not be.
 */
import { queueMicrotask } from '../timers.ts'
export class Flights {
  readonly #flights = new Map<string, Flight>()
  /** The last landings, by key, numbered as they came. */
  readonly #landings = new Map<string, number>()
  #landed = 0

  /** How many have landed; for `landedSince`. */
  get landed(): number {
    return this.#landed
  }

  /** Whether a flight for the key has landed after so many others had. */
  landedSince(key: string, mark: number): boolean {
    return (this.#landings.get(key) ?? 0) > mark
  }

  /** The flight under way for the key. */
  get(key: string): Flight | undefined {
    return this.#flights.get(key)
  }

  /** Begins a flight; there must be none. */
  lead(key: string): Flight {
    const flight = new Flight(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
      this.#remember(key)
    })
    this.#flights.set(key, flight)
    return flight
  }

  #remember(key: string): void {
    this.#landings.delete(key)
    this.#landings.set(key, ++this.#landed)
    if (this.#landings.size <= maxLandings) return
    const [oldest] = this.#landings.keys()
    this.#landings.delete(oldest!)
  }
}

// Only look-ups that are under way ask, and there are never that many.
const maxLandings = 1000

/** One question to the origin, and those who wait for its answer. */
export class Flight {
  readonly #landed: () => void
  #waiting: (() => void)[] | undefined = []

  constructor(landed: () => void) {
    this.#landed = landed
  }

  /** Whether anybody else needs the answer. */
  get awaited(): boolean {
    return this.#waiting !== undefined && this.#waiting.length > 0
  }

  /** Whether nobody can join any more. */
  get landed(): boolean {
    return this.#waiting === undefined
  }

  /** @param next called when the flight has landed; never at once */
  join(next: () => void): void {
    this.#waiting?.push(next)
  }

  /** Lets those who wait look for themselves; later calls do nothing. */
  land(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    this.#landed()
    for (const next of waiting) queueMicrotask(next)
  }
}
