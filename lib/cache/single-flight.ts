/**
 * One question to the origin for identical requests at the same time: the first asks, the others
 * wait until its answer is stored, or until it is clear that it will not be.
 */
export class Flights {
  readonly #flights = new Map<string, Flight>()

  /** The flight under way for the key. */
  get(key: string): Flight | undefined {
    return this.#flights.get(key)
  }

  /** Begins a flight; there must be none. */
  lead(key: string): Flight {
    const flight = new Flight(() => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    })
    this.#flights.set(key, flight)
    return flight
  }
}

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
