/**
 * What this process has seen of a record lately: it never goes back to an older one. A write of another
 * process that was late may put one there, after a newer one was seen here or the record was deleted.
 */
import { monotonicNow } from '../timers.ts'
import type { EpochMs, Ms } from '../units.ts'

interface Seen {
  /** Nothing counts that was stored before. */
  readonly storedAt: EpochMs
  /** By the clock that only goes forward. */
  readonly until: Ms
}

const maxKeys = 5_000
// Longer than a write can be late: by then the older one was seen, and has been replaced.
const rememberedFor: Ms = 60_000
// What was asked for before a deletion may arrive, and be stored, shortly after it.
const onItsWay: Ms = 1_000

/** See the top of the file. */
export class SeenVersions {
  readonly #seen = new Map<string, Seen>()

  /** A record was handed out. */
  read(key: string, storedAt: EpochMs): void {
    const known = this.#seen.get(key)
    if (known === undefined || known.storedAt < storedAt) this.#remember(key, storedAt)
  }

  /** This process has written one, whatever was there. @param storedAt undefined: it does not say */
  wrote(key: string, storedAt: EpochMs | undefined): void {
    if (storedAt === undefined) this.#seen.delete(key)
    else this.#remember(key, storedAt)
  }

  /** This process has deleted it. */
  deleted(key: string, now: EpochMs): void {
    this.#remember(key, now + onItsWay)
  }

  /** Whether a record is older than what was seen. */
  isOlder(key: string, storedAt: EpochMs | undefined): boolean {
    const known = this.#seen.get(key)
    if (known === undefined || storedAt === undefined) return false
    if (known.until < monotonicNow()) {
      this.#seen.delete(key)
      return false
    }
    return storedAt < known.storedAt
  }

  #remember(key: string, storedAt: EpochMs): void {
    this.#seen.delete(key)
    this.#seen.set(key, { storedAt, until: monotonicNow() + rememberedFor })
    if (this.#seen.size <= maxKeys) return
    const [oldest] = this.#seen.keys()
    this.#seen.delete(oldest!)
  }
}
