/** Questions to the origin that nobody waits for but `close()`. */
import { clearTimeout, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

/** A question that is under way. */
export interface Refresh {
  readonly done: Promise<void>
  abort(): void
}

/** The refreshes of one interceptor that are under way. */
export class Refreshes {
  readonly #underWay = new Set<Refresh>()
  #ended = false

  /** Whether there may be more. */
  get open(): boolean {
    return !this.#ended
  }

  add(refresh: Refresh): void {
    this.#underWay.add(refresh)
    void refresh.done.then(() => this.#underWay.delete(refresh))
  }

  /** Begins no more, waits for those that are under way, and calls off what takes too long. */
  async end(patience: Ms): Promise<void> {
    this.#ended = true
    if (this.#underWay.size === 0) return
    const callOff = (): void => {
      for (const refresh of this.#underWay) refresh.abort()
    }
    const timer = setTimeout(callOff, patience)
    await Promise.all([...this.#underWay].map(({ done }) => done))
    clearTimeout(timer)
  }
}
