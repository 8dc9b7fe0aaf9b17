/** Validators of a stored response (RFC 9111 §4.3), and what a 304 makes of it. */
import type { HeaderFields } from '../http/header-lines.ts'

/** A field that may have come in several lines, as one value (RFC 9110 §5.3). */
export function joinedField(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

/** The first line of a field that should have come in one. */
export function firstLine(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

/** Whether the origin can be asked "has it changed?". */
export function hasValidator(headers: HeaderFields): boolean {
  return headers['etag'] !== undefined || headers['last-modified'] !== undefined
}

/** The fields of a conditional request (RFC 9111 §4.3.1), as a flat array. */
export function conditionalFields(headers: HeaderFields): string[] {
  const fields: string[] = []
  const etag = firstLine(headers['etag'])
  const lastModified = firstLine(headers['last-modified'])
  if (etag !== undefined) fields.push('if-none-match', etag)
  if (lastModified !== undefined) fields.push('if-modified-since', lastModified)
  return fields
}

// RFC 9111 §3.2: what describes the bytes that were stored stays with them, whatever a 304 says.
const ofTheBody = new Set(['content-encoding', 'content-length', 'content-range', 'content-type'])
// What tells when an answer was given is the new answer's, also where that does not tell.
const ofTheAnswer = ['age', 'date']

/**
 * The stored header lines with those of a 304 in the place of their namesakes (RFC 9111 §3.2).
 * @param stored flat array of names and values
 * @param fresh likewise, of the 304
 */
export function mergeHeaders(stored: readonly string[], fresh: readonly string[]): string[] {
  const replaced = new Set(ofTheAnswer)
  const added: string[] = []
  for (let i = 0; i < fresh.length; i += 2) {
    const name = fresh[i]!.toLowerCase()
    if (ofTheBody.has(name)) continue
    replaced.add(name)
    added.push(fresh[i]!, fresh[i + 1]!)
  }
  const kept: string[] = []
  for (let i = 0; i < stored.length; i += 2) {
    if (!replaced.has(stored[i]!.toLowerCase())) kept.push(stored[i]!, stored[i + 1]!)
  }
  return [...kept, ...added]
}
