/**
 * How far a server's clock is ahead of ours. What it deletes at an instant it deletes by its own
 * clock: where one of the two is minutes off, the instant has to be said in the server's terms.
 */
import { monotonicNow } from '../../timers.ts'
import type { EpochMs, Ms } from '../../units.ts'

// What a question takes, and what clocks differ by that are kept right, is no difference.
const tolerance: Ms = 2_000
// Clocks are set, and machines sleep.
const measureEvery: Ms = 3_600_000

/** See the top of the file. */
export class ServerClock {
  readonly #ask: () => Promise<unknown>
  /** The server's clock when ours that only goes forward showed 0. */
  #origin: EpochMs | undefined
  #measuredAt = -Infinity
  #measuring: Promise<void> | undefined

  /** @param ask for the server's time; where it says no Date the clocks are taken to agree */
  constructor(ask: () => Promise<unknown>) {
    this.#ask = ask
  }

  /** Has to be awaited before `ahead` is read. @throws what asking throws */
  async measured(): Promise<void> {
    if (monotonicNow() - this.#measuredAt < measureEvery) return
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    await this.#measuring
  }

  /** Milliseconds by which the server's clock is ahead of ours; below 0 where it is behind. */
  get ahead(): Ms {
    if (this.#origin === undefined) return 0
    const ahead = Math.round(this.#origin + monotonicNow() - Date.now())
    return Math.abs(ahead) < tolerance ? 0 : ahead
  }

  async #measure(): Promise<void> {
    const begin = monotonicNow()
    const time = await this.#ask()
    const end = monotonicNow()
    this.#origin = time instanceof Date ? time.getTime() - (begin + end) / 2 : undefined
    this.#measuredAt = end
  }
}
