import type { EpochMs, Ms } from '../../units.ts'

// For clocks that are set back a little meanwhile: nothing is dropped before its time.
const slack: Ms = 1_000

/**
 * After how many milliseconds the server may drop what is written now, as it is told: '' for never. By
 * our own clock and not as an instant, for the server's clock may be another one.
 */
export function ttlOf(expiresAt: EpochMs | undefined): string {
  if (expiresAt === undefined) return ''
  const left = Math.max(0, Math.ceil(expiresAt - Date.now()))
  return String(Math.min(left + slack, longestTtl))
}

// The server adds it to its own time, in 64 bits.
const longestTtl: Ms = Number.MAX_SAFE_INTEGER
