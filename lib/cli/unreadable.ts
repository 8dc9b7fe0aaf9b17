/** Entries that cannot be read: they are passed over, and counted. */
import type { CachedResponse } from '../cache/cached-response.ts'
import { counted } from './amounts.ts'
import type { Job } from './command.ts'

/**
 * The last condition of a selection: what is wrong with a request shows when it is looked at, and is
 * reported by the cache.
 */
export function readable({
  pause,
}: Pick<Job<object>, 'pause'>): (response: CachedResponse) => Promise<boolean> {
  return async (response) => {
    await pause()
    return response.request.method !== ''
  }
}

/** Says how many there are. */
export function sayUnreadable(
  { output, address }: Pick<Job<object>, 'output' | 'address'>,
  count: number,
): void {
  if (count === 0) return
  const what = `${counted(count, 'entry', 'entries')} of ${address.shown} cannot be read`
  output.say(`${what}, and ${count === 1 ? 'was' : 'were'} passed over; 'verify' names them`)
}
