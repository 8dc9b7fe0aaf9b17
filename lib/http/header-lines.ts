/**
 * Header fields as they came: flat arrays of names and values in wire order and casing. They are
 * the truth that is stored; the object by lower-case names is made from them.
 */
/** Header fields by name in lower case; an array where a field came in several lines. */
export type HeaderFields = Readonly<Record<string, string | string[] | undefined>>

/** undici's `rawHeaders`: flat and of Buffers with HTTP/1, the parsed object with HTTP/2. */
export type RawHeaders = readonly (Buffer | string)[] | HeaderFields | null | undefined

/** A flat array of strings, read as latin1 as undici does; from the object where there is none. */
export function headerLines(raw: RawHeaders, parsed: HeaderFields): string[] {
  const lines: string[] = []
  if (isFlat(raw) && raw.length > 0) {
    for (const part of raw) lines.push(typeof part === 'string' ? part : part.toString('latin1'))
    return lines
  }
  for (const [name, value] of Object.entries(isFlat(raw) ? parsed : (raw ?? parsed))) {
    if (Array.isArray(value)) for (const line of value) lines.push(name, line)
    else if (value !== undefined) lines.push(name, value)
  }
  return lines
}

/** The object that undici gives callers: names in lower case, an array for a repeated field. */
export function headerFields(lines: readonly string[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {}
  for (let i = 0; i < lines.length; i += 2) addField(fields, lines[i]!.toLowerCase(), lines[i + 1]!)
  return fields
}

/** Adds one line of a field, its name in lower case. */
export function addField(
  fields: Record<string, string | string[] | undefined>,
  name: string,
  value: string,
): void {
  // `__proto__` is a legal field name, and an assignment to it is not a field.
  const before = Object.hasOwn(fields, name) ? fields[name] : undefined
  const after =
    before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  if (name === '__proto__') {
    Object.defineProperty(fields, name, { value: after, enumerable: true, configurable: true })
  } else {
    fields[name] = after
  }
}

const ofOneConnection = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Without the fields that belong to one connection (RFC 9111 §3.1), and those that it names. */
export function endToEnd(lines: readonly string[], fields: HeaderFields): string[] {
  const connection = fields['connection']
  const named = new Set(
    connection === undefined
      ? []
      : String(connection)
          .split(',')
          .map((name) => name.trim().toLowerCase()),
  )
  const kept: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    if (!ofOneConnection.has(name) && !named.has(name)) kept.push(lines[i]!, lines[i + 1]!)
  }
  return kept
}

/** Whether these are the flat header lines of HTTP/1. */
export function isFlat(raw: RawHeaders): raw is readonly (Buffer | string)[] {
  return Array.isArray(raw)
}
