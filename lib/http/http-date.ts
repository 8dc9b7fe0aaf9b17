/** Dates as HTTP writes them (RFC 9110 §5.6.7). */
import type { EpochMs } from '../units.ts'

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const month = `(?<month>${months.join('|')})`
const time = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})'

// The one form that is still generated, and the two that have to be understood.
const forms = [
  `[A-Z][a-z]{2}, (?<day>\\d{2}) ${month} (?<year>\\d{4}) ${time} GMT`,
  `[A-Z][a-z]{5,8}, (?<day>\\d{2})-${month}-(?<year>\\d{2}) ${time} GMT`,
  `[A-Z][a-z]{2} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})`,
].map((source) => new RegExp(`^${source}$`))

/**
 * Strict, where `Date.parse` is not: that takes `3600` for a year, and the last form for local time.
 * @param now by which a year of two digits gets its century
 * @returns undefined where the text is no such date
 */
export function parseHttpDate(text: string | undefined, now: EpochMs): EpochMs | undefined {
  if (text === undefined) return undefined
  for (const form of forms) {
    const parts = form.exec(text)?.groups
    if (parts !== undefined) return instantOf(parts, now)
  }
  return undefined
}

function instantOf(parts: Record<string, string>, now: EpochMs): EpochMs | undefined {
  const [day, hour, minute, second] = [
    parts['day'],
    parts['hour'],
    parts['minute'],
    parts['second'],
  ].map(Number) as [number, number, number, number]
  const at = (year: number): EpochMs =>
    Date.UTC(year, months.indexOf(parts['month']!), day, hour, minute, second)
  // A leap second is the first of the next minute.
  if (day < 1 || hour > 23 || minute > 59 || second > 60) return undefined
  const year = Number(parts['year'])
  if (parts['year']!.length === 4) {
    const instant = at(year)
    // The 31st of a shorter month is none; neither is a year that Date takes for one of 1900.
    const read = new Date(instant - second * 1000)
    return read.getUTCDate() === day && read.getUTCFullYear() === year ? instant : undefined
  }
  // What seems to be more than 50 years ahead is of the last century with these digits.
  const century = Math.floor(new Date(now).getUTCFullYear() / 100) * 100
  const instant = at(century + year)
  const latest = Date.UTC(new Date(now).getUTCFullYear() + 50, 11, 31)
  return instant > latest ? at(century - 100 + year) : instant
}
