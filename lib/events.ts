/** What the cache tells the outside: one diagnostics channel for each kind of event. */
import { channel } from 'node:diagnostics_channel'
import type { CacheError } from './errors.ts'

const errors = channel('undici-cache:error')

/** Tells of a failure on `undici-cache:error`, as `{ error }`, and to `onError`. */
export function reportError(error: CacheError, onError: (error: CacheError) => void): void {
  if (errors.hasSubscribers) errors.publish({ error })
  try {
    onError(error)
  } catch (thrown) {
    // The callback is not ours, and must not break a request; what it throws is not lost.
    process.emitWarning(thrown instanceof Error ? thrown : String(thrown))
  }
}
