/**
 * Statements about many rows, cut into slices: a statement holds the loop up until it ends, and how long
 * a row takes depends on what is in it. So each slice tells how long the next may be.
 */
import { loopTurn } from '../../loop-turn.ts'
import { monotonicNow } from '../../timers.ts'
import type { Ms } from '../../units.ts'
import type { SqliteConnection } from './sqlite-connection.ts'

// A row may be a part of a long body.
const firstRows = 2
const mostRows = 1000
const longEnough: Ms = 2
const tooLong: Ms = 4

/** How many rows a statement, or a transaction, may be about. */
export class SliceLength {
  #rows: number

  constructor(first: number = firstRows) {
    this.#rows = first
  }

  get rows(): number {
    return this.#rows
  }

  /** Runs a statement about so many rows. */
  measure<T>(statement: (rows: number) => T): T {
    const began = monotonicNow()
    const result = statement(this.#rows)
    const took = monotonicNow() - began
    if (took < longEnough) this.#rows = Math.min(this.#rows * 2, mostRows)
    else if (took > tooLong) this.#rows = Math.max(1, Math.floor(this.#rows / 2))
    return result
  }
}

/**
 * Runs a statement again and again until it finds fewer rows than it may change.
 * @param change changes so many rows at the most. @returns how many it has changed
 * @param most ends it when it has changed as many
 * @returns how many were changed
 */
export async function changeInSlices(
  connection: SqliteConnection,
  change: (rows: number) => number,
  most: number = Infinity,
): Promise<number> {
  const length = new SliceLength()
  for (let changed = 0; ;) {
    const pause = loopTurn.pause()
    if (pause !== undefined) await pause
    let wanted = 0
    changed += await connection.run(() =>
      length.measure((rows) => {
        wanted = Math.min(rows, most - changed)
        const changes = change(wanted)
        wanted -= changes
        return changes
      }),
    )
    if (wanted > 0 || changed >= most) return changed
  }
}
