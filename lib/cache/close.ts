/** How long a cache that is being closed waits. */
import type { Rules } from '../check-options.ts'
import { clearTimeout, longestDelay, setTimeout } from '../timers.ts'
import type { Ms } from '../units.ts'

/** How a cache is closed. */
export interface CloseOptions {
  /**
   * Milliseconds after which it is closed though something is still being written; Infinity waits for
   * all that a storage gets on with. Default 10 000.
   */
  readonly timeout?: Ms | undefined
}

/** What is waited for by default: less than what supervisors give a program to end. */
export const closeTimeout: Ms = 10_000

/** Checks of `CloseOptions`. */
export const closeRules: Rules<CloseOptions> = {
  timeout: {
    expected: 'milliseconds (0 or more)',
    test: (value) => typeof value === 'number' && value >= 0,
  },
}

/** Waits for some work, but not for longer. @returns whether it ended in time */
export async function inTime(timeout: Ms, work: () => Promise<unknown>): Promise<boolean> {
  const ended = work().then(() => true)
  if (timeout > longestDelay) return ended
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, timeout, false)
  })
  const endedInTime = await Promise.race([ended, late])
  clearTimeout(timer)
  // Nobody hears any more of what becomes of it.
  if (!endedInTime) ended.catch(() => {})
  return endedInTime
}
