/**
 * What a person asks of a cache fails with a `CacheError`, whatever the driver throws; on the way of a
 * request the guard does the same.
 */
import { asCacheError } from '../errors.ts'

/** Whether an error is the caller's own, and is thrown as it is. */
export type IsOwn = (error: unknown) => boolean

/**
 * Does what a person has asked for.
 * @throws CacheError ERR_CACHE_STORAGE_FAILED, with what was thrown as its cause
 */
export async function wrapErrors<T>(
  what: string,
  work: () => Promise<T>,
  isOwn: IsOwn = neverOwn,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (isOwn(error)) throw error
    throw asCacheError('ERR_CACHE_STORAGE_FAILED', `the storage failed to ${what}`, error)
  }
}

/** The same, item by item. */
export async function* wrapErrorsOfItems<T>(
  what: string,
  items: AsyncIterable<T>,
  isOwn?: IsOwn,
): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      // Not around `yield`: what the reader of the list throws is its own.
      const next = await wrapErrors(what, () => iterator.next(), isOwn)
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await iterator.return?.()
  }
}

/** Options of which the functions and the signal may throw what is the caller's own. */
export function noteOwnErrors<Options extends object>(
  options: Options,
): { readonly options: Options; readonly isOwn: IsOwn } {
  const thrown = new Set<unknown>()
  const noted = Object.entries(options).map(([name, value]) => [
    name,
    typeof value === 'function' ? notingCallback(value as Callback, thrown) : value,
  ])
  const { signal } = options as { signal?: AbortSignal }
  return {
    options: Object.fromEntries(noted) as Options,
    isOwn: (error) => thrown.has(error) || (signal?.aborted === true && error === signal.reason),
  }
}

type Callback = (...given: unknown[]) => unknown

function notingCallback(callback: Callback, thrown: Set<unknown>): Callback {
  const note = (error: unknown): never => {
    thrown.add(error)
    throw error
  }
  return (...given) => {
    try {
      const result = callback(...given)
      return result instanceof Promise ? result.catch(note) : result
    } catch (error) {
      return note(error)
    }
  }
}

function neverOwn(): boolean {
  return false
}
