/**
 * Cache-Control (RFC 9111 §5.2), as far as it is obeyed whatever the caller's own lifetimes are.
 * Never throws: a malformed directive is skipped, for a broken header must not break a request.
 */

/** Directives by name in lower case; the argument without its quotes, or '' where there is none. */
export type Directives = ReadonlyMap<string, string>

const none: Directives = new Map()
// One directive, its argument a token or a quoted string; linear, for the text comes from outside.
// What is not ASCII counts as white space: a no-break space that somebody has pasted is two such bytes.
const directive =
  /[\s\x80-\uffff]*([^\s=,;"\x80-\uffff]+)[\s\x80-\uffff]*(?:=[\s\x80-\uffff]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"\x80-\uffff]*)))?[^,]*(?:,|$)/y

/** The directives of a field; none where it is absent or empty. */
export function parseCacheControl(field: string | undefined): Directives {
  if (field === undefined || field === '') return none
  const directives = new Map<string, string>()
  directive.lastIndex = 0
  while (directive.lastIndex < field.length) {
    const at = directive.lastIndex
    const match = directive.exec(field)
    if (match === null) {
      // Nothing readable before the next comma.
      const comma = field.indexOf(',', at)
      if (comma === -1) break
      directive.lastIndex = comma + 1
      continue
    }
    const name = match[1]!.toLowerCase()
    // §4.2.1: of a repeated directive the first counts.
    if (!directives.has(name)) directives.set(name, match[2] ?? match[3] ?? '')
  }
  return directives
}

/** A delta-seconds argument; undefined where it is absent or unreadable. */
export function deltaSeconds(directives: Directives, name: string): number | undefined {
  return seconds(directives.get(name))
}

/** RFC 9111 §1.2.2: what is longer than anybody can mean is 68 years. */
export function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), 2 ** 31) : undefined
}
