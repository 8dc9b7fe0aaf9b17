/**
 * Measures cases side by side. Each round runs every case once, beginning with another one each
 * time, so that what slows the machine down meets them all; what counts is the ratio of two cases
 * in the same round, and the median of it over the rounds.
 *
 * Four things make such a measurement lie; the first three were found by measuring, the hard way:
 *
 * 1. A loop of `await`s on answers that come at once never turns the event loop. No timer fires,
 *    and undici frees the bodies it has handed out only in a later turn: 20 000 hits of 64 KB hold
 *    on to 1.2 GB, and each takes four times as long. So the loop is let turn every few operations,
 *    as a program that does anything else would let it.
 * 2. Each fresh page of memory costs more than copying what goes into it. Whether a large Buffer
 *    gets fresh pages is up to malloc, and 1 MB takes 50 us or 450. `restart.ts` sets malloc so
 *    that freed memory is used again.
 * 3. SQLite does not write an overflow page whose bytes have not changed, so a body that is stored
 *    twice costs next to nothing the second time. What writes has to vary its bodies (an operation
 *    gets a number that never comes again), and has to include its commit: see `settle`.
 * 4. A transpiler that keeps function names calls a helper for every closure that is created; what
 *    is installed does not. `restart.ts` runs the sources as Node itself strips them.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long to measure. */
export interface Effort {
  readonly rounds: number
  /** Of one case in one round. */
  readonly batchMs: number
  /** Of each case, before anything is measured. */
  readonly warmupMs: number
}

export const fullEffort: Effort = { rounds: 21, batchMs: 40, warmupMs: 120 }
export const quickEffort: Effort = { rounds: 9, batchMs: 12, warmupMs: 50 }

export interface Case {
  readonly name: string
  /** One call; a promise is awaited. @param index grows by one with each call of this case */
  readonly run: (index: number) => unknown
  /** The case of the same group that this one is compared with. */
  readonly against?: string | undefined
  /** How many operations one call makes. Default 1. */
  readonly opsPerCall?: number | undefined
  /** Most calls in a round, where each holds on to memory. */
  readonly maxCalls?: number | undefined
  /** Before each round, not measured. */
  readonly prepare?: (() => unknown) | undefined
  /** At the end of each round, measured: what `run` has only begun. */
  readonly settle?: (() => unknown) | undefined
}

/** Cases that are measured in the same rounds. */
export interface Group {
  readonly title: string
  readonly cases: readonly Case[]
  /** The case that nothing can be faster than. */
  readonly floor?: string | undefined
}

/** What one case took, per operation. */
export interface CaseResult {
  readonly name: string
  readonly wallNs: number
  readonly cpuNs: number
  readonly against: string | undefined
  /** Times as fast as `against`; the median of the rounds' ratios. */
  readonly ratio: number | undefined
  /** Likewise in CPU time, which holds where other programs keep the machine busy. */
  readonly cpuRatio: number | undefined
  /** Likewise, of the floor. */
  readonly ofFloor: number | undefined
  readonly rounds: { readonly wallNs: readonly number[]; readonly cpuNs: readonly number[] }
}

export interface GroupResult {
  readonly title: string
  readonly cases: readonly CaseResult[]
}

interface Track {
  readonly each: Case
  readonly wallNs: number[]
  readonly cpuNs: number[]
  calls: number
  index: number
}

/** Warms every case up, then measures all of them round by round. */
export async function measure(group: Group, effort: Effort): Promise<GroupResult> {
  const tracks = group.cases.map((each): Track => ({
    each,
    wallNs: [],
    cpuNs: [],
    calls: 1,
    index: 0,
  }))
  for (const track of tracks) await calibrate(track, effort)
  for (let round = 0; round < effort.rounds; round++) {
    for (let i = 0; i < tracks.length; i++) {
      const track = tracks[(i + round) % tracks.length]!
      const { wallNs, cpuNs } = await batch(track, track.calls)
      track.wallNs.push(wallNs)
      track.cpuNs.push(cpuNs)
    }
  }
  return { title: group.title, cases: tracks.map((track) => summarize(track, tracks, group.floor)) }
}

// Ever more calls until the compiler has seen enough; the last batch tells how many fill a round.
async function calibrate(track: Track, { batchMs, warmupMs }: Effort): Promise<void> {
  const { maxCalls = Infinity, opsPerCall = 1 } = track.each
  const end = performance.now() + warmupMs
  for (let calls = 1; ; calls = Math.min(calls * 2, maxCalls)) {
    const { wallNs } = await batch(track, calls)
    const perCall = wallNs * opsPerCall
    track.calls = Math.max(1, Math.min(maxCalls, Math.round((batchMs * 1e6) / perCall)))
    if (performance.now() >= end) return
    // A single long batch at the end would make the warm-up much longer than it was meant to be.
    if (calls > track.calls) calls = Math.max(1, track.calls >> 1)
  }
}

const callsPerTurn = 32

async function batch(track: Track, calls: number): Promise<{ wallNs: number; cpuNs: number }> {
  const { run, prepare, settle, opsPerCall = 1 } = track.each
  await prepare?.()
  // What the case before has left to do is not this one's.
  await nextTurn()
  const cpuBefore = cpuNow()
  const before = process.hrtime.bigint()
  const first = run(track.index)
  if (isThenable(first)) {
    await first
    for (let i = 1; i < calls; i++) {
      await run(track.index + i)
      if (i % callsPerTurn === 0) await nextTurn()
    }
  } else {
    for (let i = 1; i < calls; i++) kept = run(track.index + i)
  }
  await settle?.()
  const wall = Number(process.hrtime.bigint() - before)
  const cpu = cpuNow() - cpuBefore
  track.index += calls
  const ops = calls * opsPerCall
  return { wallNs: wall / ops, cpuNs: cpu / ops }
}

/** Results go here, so that the compiler cannot do away with what makes them. */
export let kept: unknown

// Of the main thread, where Node can tell: the collector's threads are not what callers wait for.
function cpuNow(): number {
  const { user, system } =
    typeof process.threadCpuUsage === 'function' ? process.threadCpuUsage() : process.cpuUsage()
  return (user + system) * 1000
}

function summarize(track: Track, all: readonly Track[], floor: string | undefined): CaseResult {
  const { name, against } = track.each
  // Kernels count CPU time in ticks of up to 4 ms, which a single round does not even out.
  const cpuNs = mean(track.cpuNs)
  const other = find(all, against)
  return {
    name,
    wallNs: median(track.wallNs),
    cpuNs,
    against,
    ratio: other && ratioTo(other, track),
    cpuRatio: other && mean(other.cpuNs) / cpuNs,
    ofFloor: floor === undefined ? undefined : ratioTo(find(all, floor)!, track),
    rounds: { wallNs: track.wallNs, cpuNs: track.cpuNs },
  }
}

function ratioTo(other: Track, track: Track): number {
  return median(track.wallNs.map((ns, round) => other.wallNs[round]! / ns))
}

function find(all: readonly Track[], name: string | undefined): Track | undefined {
  if (name === undefined) return undefined
  const found = all.find(({ each }) => each.name === name)
  if (found === undefined) throw new Error(`there is no case '${name}' to compare with`)
  return found
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | undefined)?.then === 'function'
}
