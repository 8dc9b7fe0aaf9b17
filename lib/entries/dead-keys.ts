/**
 * Keys whose records could not be deleted or replaced because the storage was away: they count as
 * deleted in this process (RFC 9111 §4.4) until they are. Bounded: beyond it nothing counts that was
 * stored before the moment when the bound was reached.
 */
import type { EpochMs, Ms } from '../units.ts'

const maxKeys = 5_000
// The clock of whoever has stored a record may be ahead of ours.
const clocksApart: Ms = 5_000

/** See the top of the file. */
export class DeadKeys {
  /** By key, when the record was found to be over: what is stored later is another one. */
  readonly #dead = new Map<string, EpochMs>()
  #allBefore: EpochMs = -Infinity

  /** Whether there are any, so that it is worth looking. */
  get any(): boolean {
    return this.#dead.size > 0 || this.#allBefore > -Infinity
  }

  /** The record under this key is over. */
  add(key: string, now: EpochMs): void {
    this.#dead.delete(key)
    this.#dead.set(key, now)
    if (this.#dead.size <= maxKeys) return
    this.#allBefore = now
    this.#dead.clear()
  }

  /** There is a new record, or none. */
  remove(key: string): void {
    this.#dead.delete(key)
  }

  /** @param storedAt of the record; undefined where it does not say */
  has(key: string, storedAt: EpochMs | undefined): boolean {
    const at = Math.max(this.#dead.get(key) ?? -Infinity, this.#allBefore)
    return at > -Infinity && (storedAt === undefined || storedAt <= at + clocksApart)
  }

  /** Those that are still to be deleted, where they are known one by one. */
  keys(): string[] {
    return [...this.#dead.keys()]
  }
}
