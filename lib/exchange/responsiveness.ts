/**
 * Whether a storage answers in time, and so how many requests may wait for it and for how long.
 *
 *   state    | a request                                    | next
 *   healthy  | asks, and waits for the budget at the most   | late, when a whole budget passed without an answer
 *   late     | asks while few wait, else goes to the origin | healthy, with an answer in time;
 *            |                                              | resting, after some more of such budgets in a row
 *   resting  | goes to the origin                           | probing, after a second
 *   probing  | goes to the origin; one asks                 | healthy, with an answer in time; else resting
 *
 * An answer that came too late for its request changes nothing: the next one would be late as well.
 */
import type { Clock } from '../timers.ts'
import type { Ms } from '../units.ts'

type State = 'healthy' | 'late' | 'resting' | 'probing'

// A pause of a server, as for a checkpoint, is no outage yet.
const silencesBeforeRest = 3
const waitingWhileLate = 4
// How soon a server is used again that is back.
const rest: Ms = 1_000
// The one that probes goes to the origin after that, so that a dead server costs nobody much.
const probePatience: Ms = 100

/** See the top of the file. */
export class Responsiveness {
  readonly budget: Ms
  readonly clock: Clock
  #state: State = 'healthy'
  #waiting = 0
  /** When the last answer came in time. */
  #answeredAt = -Infinity
  /** When the last silence was noticed: what was asked before then is part of it. */
  #silentAt = -Infinity
  #silences = 0
  #restsUntil = 0
  #probe: Wait | undefined

  /** @param budget how long a request waits at the most */
  constructor(budget: Ms, clock: Clock) {
    this.budget = budget
    this.clock = clock
  }

  /** Whether there is nothing to look out for. */
  get healthy(): boolean {
    return this.#state === 'healthy'
  }

  /** Whether it is worth asking. */
  get available(): boolean {
    return this.#state !== 'probing' && (this.#state !== 'resting' || this.#isRested())
  }

  /** One request wants to ask. @returns 'skip' where it goes to the origin instead */
  begin(): Wait | 'skip' {
    if (!this.available) return 'skip'
    if (this.#state === 'late' && this.#waiting >= waitingWhileLate) return 'skip'
    if (this.#state !== 'resting') return this.wait()
    this.#state = 'probing'
    return (this.#probe = this.wait(Math.min(probePatience, this.budget)))
  }

  /** One request has asked, whatever the state. */
  wait(patience: Ms = this.budget): Wait {
    this.#waiting++
    return new Wait(this, patience)
  }

  /** For `Wait`. */
  leave(): void {
    this.#waiting--
  }

  /** For `Wait`: it was not the storage that answered; the next one probes. */
  unasked(wait: Wait): void {
    if (wait === this.#probe && this.#state === 'probing') this.#state = 'resting'
  }

  /** For `Wait`: an answer came in time. */
  answered(now: Ms): void {
    this.#answeredAt = now
    this.#silences = 0
    this.#state = 'healthy'
  }

  /** For `Wait`: a whole budget has passed. */
  late(wait: Wait, now: Ms): void {
    if (wait === this.#probe && this.#state === 'probing') return this.#restFrom(now)
    if (this.#state !== 'healthy' && this.#state !== 'late') return
    // Others were answered meanwhile, or it is one of many that hung together.
    if (this.#answeredAt >= wait.askedAt || wait.askedAt < this.#silentAt) return
    this.#silentAt = now
    this.#state = 'late'
    if (++this.#silences >= silencesBeforeRest) this.#restFrom(now)
  }

  #restFrom(now: Ms): void {
    this.#state = 'resting'
    this.#restsUntil = now + rest
  }

  #isRested(): boolean {
    return this.clock.monotonicNow() >= this.#restsUntil
  }
}

/** One request that has asked. Each of its ends is told; only the first counts. */
export class Wait {
  readonly askedAt: Ms
  /** How long the request waits; what comes after that is of no use to it. */
  readonly patience: Ms
  readonly #storage: Responsiveness
  #waits = true
  #isOver = false

  constructor(storage: Responsiveness, patience: Ms) {
    this.#storage = storage
    this.askedAt = storage.clock.monotonicNow()
    this.patience = patience
  }

  /** The request does not wait any more. */
  givenUp(): void {
    if (this.#waits) this.#storage.leave()
    this.#waits = false
  }

  /** What this process had in memory was enough: that says nothing about the storage. */
  unasked(): void {
    this.givenUp()
    if (this.#isOver) return
    this.#isOver = true
    this.#storage.unasked(this)
  }

  /** @returns whether it came in time, and counts */
  answered(): boolean {
    this.givenUp()
    if (this.#isOver) return false
    this.#isOver = true
    this.#storage.answered(this.#storage.clock.monotonicNow())
    return true
  }

  /** A whole budget has passed. @returns whether that is news */
  late(): boolean {
    this.givenUp()
    if (this.#isOver) return false
    this.#isOver = true
    this.#storage.late(this, this.#storage.clock.monotonicNow())
    return true
  }
}
