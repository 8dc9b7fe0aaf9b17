/** Ends a body that nobody is going to read. */

interface Ending {
  on?(event: 'error', listener: () => void): unknown
  destroy?(reason?: Error): void
  cancel?(reason?: unknown): Promise<unknown>
  return?(): unknown
}

/**
 * Ends the source of a body as undici does where a request fails: streams are destroyed or cancelled,
 * iterators returned; what is at hand stays as it is. Never throws.
 * @param reason of the end, where there is an error to tell
 */
export function discardBody(body: unknown, reason?: Error): void {
  if (typeof body !== 'object' || body === null) return
  const source = body as Ending
  try {
    if (typeof source.destroy === 'function') {
      // Nobody else may be listening, and an error without a listener would end the process.
      source.on?.('error', () => {})
      source.destroy(reason)
    } else if (typeof source.cancel === 'function') {
      // A stream that somebody else reads refuses.
      source.cancel(reason).catch(() => {})
    } else if (typeof source.return === 'function') {
      Promise.resolve(source.return()).catch(() => {})
    }
  } catch {
    // What a source of the caller's throws at its end changes nothing for the request.
  }
}
