/**
 * How much of the long bodies that are being replayed is in memory. A caller that has stopped reading
 * holds on to what it was handed last, and two hundred of them to two hundred parts. So there are never
 * more parts on their way than a few; and where many bodies are replayed at once, each begins with a small
 * piece, for whoever does not read it gets no more.
 */
import { clearTimeout, monotonicNow, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

const mostParts = 32
// Whoever reads at all has read a part by then. Who has not makes room for others: they do not wait for it.
const patience: Ms = 50

/** A body that is being replayed. */
export interface PartsHolder {
  /** Whether there are so many that each should begin with little. */
  readonly isCrowded: boolean
  /** Before a part is read; undefined where that may be done at once. */
  take(): Promise<void> | undefined
  /** The part has gone. */
  giveBack(): void
  /** Nothing more is read. */
  close(): void
}

/** The parts of one process; see the top of the file. */
export class PartsAtHand {
  #open = 0
  /** Since when each has its part, the oldest first. */
  readonly #held = new Map<PartsHolder, Ms>()
  readonly #waiting = new Map<PartsHolder, () => void>()
  #timer: NodeJS.Timeout | undefined

  /** A body begins to be replayed. */
  open(): PartsHolder {
    this.#open++
    let isOpen = true
    const crowded = (): boolean => this.#open > mostParts
    const holder: PartsHolder = {
      get isCrowded() {
        return crowded()
      },
      take: () => this.#take(holder),
      giveBack: () => this.#giveBack(holder),
      close: () => {
        if (!isOpen) return
        isOpen = false
        this.#open--
        this.#waiting.delete(holder)
        this.#giveBack(holder)
      },
    }
    return holder
  }

  #take(holder: PartsHolder): Promise<void> | undefined {
    this.#held.delete(holder)
    if (this.#held.size < mostParts) {
      this.#held.set(holder, monotonicNow())
      return undefined
    }
    return new Promise((resolve) => {
      this.#waiting.set(holder, resolve)
      this.#timer ??= setTimeout(() => this.#makeRoom(), patience)
    })
  }

  #giveBack(holder: PartsHolder): void {
    if (this.#held.delete(holder)) this.#letIn()
  }

  #makeRoom(): void {
    this.#timer = undefined
    const now = monotonicNow()
    for (const [holder, since] of this.#held) {
      if (now - since < patience) break
      this.#held.delete(holder)
    }
    this.#letIn()
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#makeRoom(), patience)
  }

  #letIn(): void {
    for (const [holder, go] of this.#waiting) {
      if (this.#held.size >= mostParts) return
      this.#waiting.delete(holder)
      this.#held.set(holder, monotonicNow())
      go()
    }
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

/** Those of this process. */
export const partsAtHand: PartsAtHand = new PartsAtHand()
