/** What is on its way into the storages, and what is on its way out. */
import type { BaseStorage } from '../storage/base-storage.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import { clearTimeout, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'
import type { BodyParts } from './entry.ts'
import { PartsInUse } from './parts-in-use.ts'
import { partKeys } from './record-keys.ts'

// How long the parts of a replaced body stay, for a reader that is in the middle of them.
const partsLinger: Ms = 30_000

/** The writes of one cache. */
export class Writes {
  readonly #underWay = new Set<Promise<unknown>>()
  /** How many have ended. */
  #ended = 0
  readonly #lingering = new Map<NodeJS.Timeout, () => void>()
  /** What of it is being read here. */
  readonly partsInUse: PartsInUse = new PartsInUse()
  readonly #linger: Ms

  /** @param linger how long the parts of a replaced body stay for other processes */
  constructor(linger: Ms = partsLinger) {
    this.#linger = linger
  }

  /** Makes `settle()` wait for it, however it ends. */
  track<T extends MaybePromise<unknown>>(work: T): T {
    if (isPromise(work)) {
      const ended = (): void => {
        this.#underWay.delete(tracked)
        this.#ended++
      }
      const tracked = work.then(ended, ended)
      this.#underWay.add(tracked)
    }
    return work
  }

  /**
   * Waits for what is under way now, unless none of it, nor of what came after it, has ended for so
   * long: a storage may hang.
   */
  async settle(patience: Ms): Promise<void> {
    if (this.#underWay.size === 0) return
    const all = Promise.all(this.#underWay).then(() => true)
    let settled = false
    for (let ended = -1; !settled && this.#ended > ended;) {
      ended = this.#ended
      let timer: NodeJS.Timeout | undefined
      const pause = new Promise<boolean>((resolve) => {
        timer = setTimeout(resolve, patience, false)
      })
      settled = await Promise.race([all, pause])
      clearTimeout(timer)
    }
  }

  /** Waits until nothing is under way any more, as long as it gets on. */
  async settleAll(patience: Ms): Promise<void> {
    for (let ended = -1; this.#underWay.size > 0 && this.#ended > ended;) {
      ended = this.#ended
      await this.settle(patience)
    }
  }

  /**
   * Deletes the parts of a body that is of no use any more: not before those who read it here have
   * ended, and after some time for those of other processes.
   */
  deleteLater(storage: BaseStorage, key: string, parts: BodyParts): void {
    const remove = (): void => {
      this.#lingering.delete(timer)
      this.deleteWhenFree(storage, key, parts)
    }
    const timer = setTimeout(remove, this.#linger).unref()
    this.#lingering.set(timer, remove)
  }

  /** Deletes the parts of a body as soon as nobody reads it here. */
  deleteWhenFree(storage: BaseStorage, key: string, parts: BodyParts): void {
    this.partsInUse.whenFree(storage, key, parts, () => {
      // What fails here leaves orphans, which are swept.
      const removed = async (): Promise<unknown> => storage.deleteMany(partKeys(key, parts))
      void this.track(removed().catch(() => {}))
    })
  }

  /** Begins with what was to be deleted later: from now on nothing can be read. */
  deleteNow(): void {
    for (const [timer, remove] of this.#lingering) {
      clearTimeout(timer)
      remove()
    }
    this.partsInUse.removeNow()
  }
}
