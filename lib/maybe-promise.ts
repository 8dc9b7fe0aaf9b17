/**
 * Values that may be at hand already. A storage that answers synchronously makes a hit that never
 * waits for the event loop, so nothing on the way of a hit turns a value into a promise.
 */
export type MaybePromise<T> = T | Promise<T>

/** Whether the answer still has to come. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function'
}

/** Goes on with the value: at once where it is there, later where it is not. */
export function chain<T, U>(
  value: MaybePromise<T>,
  onward: (value: T) => MaybePromise<U>,
): MaybePromise<U> {
  return isPromise(value) ? value.then(onward) : onward(value)
}

/** Goes on with the failure of work, whether that throws or rejects. */
export function rescued<T>(
  work: () => MaybePromise<T>,
  rescue: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  try {
    const result = work()
    return isPromise(result) ? result.catch(rescue) : result
  } catch (error) {
    return rescue(error)
  }
}
