/**
 * The clock and the timers of the event loop, taken when this module is loaded. Test runners replace
 * the global ones with fakes that stand still (vitest, jest, sinon); the cache has to go on then. Only
 * the date (`Date.now`) stays the program's own: whoever moves it wants lifetimes to end.
 */
import type { Ms } from './units.ts'

const { performance } = globalThis

export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate
export const clearImmediate: typeof globalThis.clearImmediate = globalThis.clearImmediate
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask
export const nextTick: typeof process.nextTick = process.nextTick.bind(process)

/** Milliseconds by a clock that only goes forward. */
export const monotonicNow: () => Ms = performance.now.bind(performance)

/** The time, and what waits for it; a test may bring its own. */
export interface Clock {
  readonly monotonicNow: () => Ms
  readonly setTimeout: (callback: () => void, delay: Ms) => NodeJS.Timeout
  readonly clearTimeout: (timer: NodeJS.Timeout) => void
}

/** The real one. */
export const systemClock: Clock = { monotonicNow, setTimeout, clearTimeout }

/** Resolves after so many milliseconds. */
export function sleep(delay: Ms): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delay)
  })
}

/** Resolves when the event loop has turned. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
