/**
 * Whether an answer of the origin can go on where a stored response breaks off: whether both are the
 * same bytes (RFC 9110 §8.8, §13.1.5, §15.3.7).
 */
import type { EpochMs } from '../units.ts'
import { parseHttpDate } from '../http/http-date.ts'
import { firstLine, joinedField } from './validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'

/** What is known of the response that breaks off. */
export interface Interrupted {
  readonly status: number
  readonly headers: HeaderFields
  /** Of the whole body, as it was stored. */
  readonly bodyBytes: number
  /** How many bytes of it the caller has. */
  readonly from: number
}

/** What the answer of the origin is good for. */
export type Continuation =
  /** Its body is what is missing. */
  | { readonly action: 'append' }
  /**
   * Its body begins anew: as many bytes as the caller has are passed over, and compared.
   * @property length of the whole, where it is known
   */
  | { readonly action: 'pass-over'; readonly length: number | undefined }
  | { readonly action: 'give-up'; readonly why: string }

/** A validator that two responses share only where they are the same, byte for byte. */
export interface StrongValidator {
  readonly field: 'etag' | 'last-modified'
  readonly value: string
}

// RFC 9110 §8.8.2.2: a date is strong where nothing can have changed within its second, by a clock
// that may go wrong by as much as this.
const clockSlack = 60_000

/** The strong validator of a response; undefined where it has none. @param now for years of two digits */
export function strongValidator(headers: HeaderFields, now: EpochMs): StrongValidator | undefined {
  const etag = firstLine(headers['etag'])
  if (etag !== undefined) return etag.startsWith('"') ? { field: 'etag', value: etag } : undefined
  const value = firstLine(headers['last-modified'])
  const modified = parseHttpDate(value, now)
  const answered = parseHttpDate(firstLine(headers['date']), now)
  if (modified === undefined || answered === undefined) return undefined
  return answered - modified >= clockSlack ? { field: 'last-modified', value: value! } : undefined
}

/** Whether the origin's answer goes on with a stored response, and how. */
export function continuationOf(
  stored: Interrupted,
  fresh: { readonly status: number; readonly headers: HeaderFields },
  validator: StrongValidator | undefined,
): Continuation {
  const giveUp = (why: string): Continuation => ({ action: 'give-up', why })
  const partial = fresh.status === 206 && stored.status === 200
  if (!partial && fresh.status !== stored.status) return giveUp(`answered with ${fresh.status}`)
  const [was, is] = [stored.headers, fresh.headers]
  const field = (name: string, from: HeaderFields): string | undefined => joinedField(from[name])
  if (
    field('content-encoding', was)?.toLowerCase() !== field('content-encoding', is)?.toLowerCase()
  ) {
    return giveUp('answered in another coding')
  }
  const same =
    validator === undefined
      ? // Without one the bytes have to be compared, and what the origin says must not speak against it.
        field('etag', was) === field('etag', is) &&
        field('last-modified', was) === field('last-modified', is)
      : firstLine(is[validator.field]) === validator.value
  if (!same) return giveUp('has another version by now')
  if (partial) {
    const fits = validator !== undefined && isRest(stored, firstLine(is['content-range']))
    return fits ? { action: 'append' } : giveUp('answered with another range')
  }
  const length = firstLine(is['content-length'])
  const known = length !== undefined || validator !== undefined
  const lengthIsRight =
    length === undefined
      ? validator !== undefined || was['content-length'] === undefined
      : Number(length) === stored.bodyBytes
  if (!lengthIsRight) return giveUp('has another version by now')
  return { action: 'pass-over', length: known ? stored.bodyBytes : undefined }
}

function isRest({ from, bodyBytes }: Interrupted, contentRange: string | undefined): boolean {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(contentRange ?? '')
  if (range === null) return false
  const [, first, last, total] = range
  const whole = total === '*' || Number(total) === bodyBytes
  return Number(first) === from && Number(last) === bodyBytes - 1 && whole
}
