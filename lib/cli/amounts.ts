/** Sizes, times and counts as people read them. */
import type { EpochMs, Ms } from '../units.ts'

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB']

/** `'1.2 kB'`. */
export function bytesText(bytes: number): string {
  let amount = bytes
  let unit = 0
  for (; amount >= 999.5 && unit < byteUnits.length - 1; unit++) amount /= 1000
  const digits = unit > 0 && amount < 99.95 ? 1 : 0
  return `${amount.toFixed(digits)} ${byteUnits[unit]}`
}

const timeUnits: readonly (readonly [unit: string, length: Ms])[] = [
  ['y', 31_557_600_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
]

/** `'3 min'`: the largest unit of which there is one. */
export function durationText(duration: Ms): string {
  const [unit, length] = timeUnits.find(([, each]) => duration >= each) ?? timeUnits.at(-1)!
  return `${Math.floor(Math.max(0, duration) / length)} ${unit}`
}

/** When something expires: `'never'`, `'in 3 min'`, `'2 h ago'`. */
export function expiryText(expiresAt: EpochMs | undefined, now: EpochMs): string {
  if (expiresAt === undefined) return 'never'
  return expiresAt > now
    ? `in ${durationText(expiresAt - now)}`
    : `${durationText(now - expiresAt)} ago`
}

/** An instant, for programs and for people who want to know exactly. */
export function instantText(instant: EpochMs): string {
  return Number.isNaN(new Date(instant).getTime())
    ? String(instant)
    : new Date(instant).toISOString()
}

/** `'1 entry'`, `'2 entries'`. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`
}
