/**
 * What the head of a record has to be like. The same rules hold for what is written and for what is
 * read: a head that would be refused later must not be stored.
 */
import { isCheck } from './checksum.ts'
import type { BodyParts, EntryHead } from './entry.ts'

/** Of the format of heads; a reader refuses a newer one. */
export const recordVersion = 1

/** The first line of a response's head. */
export interface ResponseLine extends EntryHead {
  readonly version: typeof recordVersion
  readonly bodyBytes: number
  readonly bodyCheck?: number | undefined
  readonly parts?: BodyParts | undefined
}

/** Whether it is the first line of a response's head; `isClean` looks at its texts. */
export function isResponseLine(line: Partial<ResponseLine>): line is ResponseLine {
  return (
    line.version === recordVersion &&
    typeof line.text === 'string' &&
    Number.isInteger(line.status) &&
    line.status! >= 200 &&
    line.status! <= 999 &&
    typeof line.statusText === 'string' &&
    !control.test(line.statusText) &&
    isTexts(line.rawHeaders) &&
    isTexts(line.rawTrailers) &&
    line.rawHeaders.length % 2 === 0 &&
    line.rawTrailers.length % 2 === 0 &&
    Number.isFinite(line.storedAt) &&
    (line.expiresAt === undefined || Number.isFinite(line.expiresAt)) &&
    isCount(line.bodyBytes, Number.MAX_SAFE_INTEGER) &&
    (line.bodyCheck === undefined || isCheck(line.bodyCheck)) &&
    (line.parts === undefined || isParts(line.parts, line.bodyBytes)) &&
    (line.selectedBy === undefined ||
      (isTexts(line.selectedBy?.names) &&
        typeof line.selectedBy.digest === 'string' &&
        (line.selectedBy.since === undefined || Number.isFinite(line.selectedBy.since)))) &&
    (line.tags === undefined || isTexts(line.tags)) &&
    isEchoes(line.echoes, line.rawHeaders.length)
  )
}

/** Whether a head that is written so would be read again. */
export function isReadable(head: EntryHead): boolean {
  const line = { ...head, version: recordVersion, bodyBytes: 0 } as const
  return isResponseLine(line) && areClean(head.rawHeaders) && areClean(head.rawTrailers)
}

/**
 * Whether the header lines can be handed on.
 * @param text the line that they stand in, as JSON writes it
 */
export function isClean(
  { rawHeaders, rawTrailers }: Pick<EntryHead, 'rawHeaders' | 'rawTrailers'>,
  text: string,
): boolean {
  return !isSuspicious(text) || (areClean(rawHeaders) && areClean(rawTrailers))
}

/** Whether it is a list of texts. */
export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

/** Whether it is a list of echoes in as many lines, or none at all. */
export function isEchoes(value: unknown, lineCount: number): boolean {
  if (value === undefined) return true
  return (
    Array.isArray(value) &&
    value.every(
      (echo) =>
        Array.isArray(echo) &&
        echo.length === 3 &&
        Number.isInteger(echo[1]) &&
        (typeof echo[2] === 'string' || Number.isInteger(echo[2])) &&
        isCount(echo[0], lineCount - 1),
    )
  )
}

function isCount(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most
}

// There are as many parts as checksums, and no number that was read makes them more; what the parts
// can hold has to be what the body has.
function isParts(value: unknown, bodyBytes: number): boolean {
  const { id, bytes, checks } = (value ?? {}) as Partial<BodyParts>
  return (
    typeof id === 'string' &&
    isCount(bytes, Number.MAX_SAFE_INTEGER) &&
    Array.isArray(checks) &&
    checks.length > 0 &&
    checks.every(isCheck) &&
    bodyBytes <= bytes * checks.length &&
    bodyBytes > bytes * (checks.length - 1)
  )
}

// A line break in a value would be a header of its own to whoever passes it on (RFC 9110 §5.5), and
// so would a character that latin1 cuts down to one.
// oxlint-disable-next-line no-control-regex -- to find them
const unfit = /[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/

// undici reads the reason phrase as UTF-8, and nobody writes it as latin1: any letter may stand in it.
// oxlint-disable-next-line no-control-regex -- to find them
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/

// How JSON writes them: where none of it is, no value needs a look of its own.
const escaped = /\\[bfnru]/
// oxlint-disable-next-line no-control-regex -- as the beginning of a range
const unescaped = /[^\u0000-\u007e\u0080-\u00ff]/

function isSuspicious(text: string): boolean {
  // Heads are ASCII nearly always, and that is quickly seen.
  const ascii = Buffer.byteLength(text) === text.length
  return escaped.test(text) || (ascii ? text.includes('\x7f') : unescaped.test(text))
}

function areClean(lines: readonly string[]): boolean {
  return lines.every((text) => !unfit.test(text))
}
