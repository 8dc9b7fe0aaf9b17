/**
 * The clock and the timers of the event loop, taken when this module is loaded. Test runners replace
 * them with fakes that stand still (vitest, jest, sinon, node:test); the cache has to go on then, also
 * where the fakes were there first. Only the date (`Date.now`) stays the program's own: whoever moves
 * it wants lifetimes to end.
 */
import { performance } from 'node:perf_hooks'
import process from 'node:process'
import * as timers from 'node:timers'
import { promisify } from 'node:util'
import { LoopTimers } from './loop-timers.ts'
import type { Ms } from './units.ts'

/**
 * What a fake stands for. @sinonjs/fake-timers, which vitest and jest have inside, keeps what it
 * replaces beside its fakes.
 */
function unfaked<T, Name extends keyof T & string>(holder: T, name: Name): T[Name] {
  const given = holder[name] as T[Name] & { readonly clock?: Record<string, unknown> }
  const original = given.clock?.[`_${name}`]
  return typeof original === 'function' ? (original as T[Name]) : given
}

// From the module, not from the global object: under jsdom those are a browser's, and jest fakes them
// for each file before anything is loaded.
const known = {
  setTimeout: unfaked(timers, 'setTimeout'),
  clearTimeout: unfaked(timers, 'clearTimeout'),
  setImmediate: unfaked(timers, 'setImmediate'),
  clearImmediate: unfaked(timers, 'clearImmediate'),
}

// The fakes of node:test keep the real ones to themselves. Node's own can be made promises of.
const areReal = promisify.custom in known.setTimeout && promisify.custom in known.setImmediate
const taken = areReal ? known : (new LoopTimers() as unknown as typeof known)

export const setTimeout: typeof timers.setTimeout = taken.setTimeout
export const clearTimeout: typeof timers.clearTimeout = taken.clearTimeout
export const setImmediate: typeof timers.setImmediate = taken.setImmediate
export const clearImmediate: typeof timers.clearImmediate = taken.clearImmediate
export const queueMicrotask: typeof globalThis.queueMicrotask = unfaked(
  globalThis,
  'queueMicrotask',
)
export const nextTick: typeof process.nextTick = unfaked(process, 'nextTick')

/** Milliseconds by a clock that only goes forward. */
export const monotonicNow: () => Ms = standsStill()
  ? () => process.uptime() * 1_000
  : performance.now.bind(performance)

/** The time, and what waits for it; a test may bring its own. */
export interface Clock {
  readonly monotonicNow: () => Ms
  readonly setTimeout: (callback: () => void, delay: Ms) => NodeJS.Timeout
  readonly clearTimeout: (timer: NodeJS.Timeout | undefined) => void
}

/** What a timer can wait: one that is to wait for longer fires at once. */
export const longestDelay: Ms = 2 ** 31 - 1

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

// A real clock counts nanoseconds: it moves between two looks, or a few more.
function standsStill(): boolean {
  const before = performance.now()
  for (let looks = 0; looks < 10_000; looks++) if (performance.now() !== before) return false
  return true
}
