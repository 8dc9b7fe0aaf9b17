/** What the cache tells the outside: one diagnostics channel for each kind of event. */
import { channel, type Channel } from 'node:diagnostics_channel'
import type { CacheError } from './errors.ts'

/** What can become of a request, and of the cache. */
export type EventName = 'hit' | 'miss' | 'store' | 'bypass' | 'refuse' | 'error'

/** One channel for each thing that can become of a request; `undici-cache:hit` and so on. */
export const events: Readonly<Record<EventName, Channel>> = {
  hit: channel('undici-cache:hit'),
  miss: channel('undici-cache:miss'),
  store: channel('undici-cache:store'),
  bypass: channel('undici-cache:bypass'),
  refuse: channel('undici-cache:refuse'),
  error: channel('undici-cache:error'),
}

/** Tells of a failure on `undici-cache:error`, as `{ error }`, and to `onError`. */
export function reportError(error: CacheError, onError: (error: CacheError) => void): void {
  if (events.error.hasSubscribers) events.error.publish({ error })
  try {
    onError(error)
  } catch (thrown) {
    // The callback is not ours, and must not break a request; what it throws is not lost.
    process.emitWarning(thrown instanceof Error ? thrown : String(thrown))
  }
}
