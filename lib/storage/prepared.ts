/**
 * Runs `prepare` before the first use and not again, unless it failed: then the next use tries anew,
 * for a server that was down may be back.
 */
export function prepared<T>(prepare: () => Promise<T>): () => Promise<T> {
  let ready: Promise<T> | undefined
  return () => {
    ready ??= prepare().catch((error: unknown) => {
      ready = undefined
      throw error
    })
    return ready
  }
}
