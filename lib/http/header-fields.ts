/**
 * The shapes in which callers hand request header fields to undici: an object (values may be
 * arrays), a flat array, an array of pairs, or any iterable of pairs such as `Headers` or a Map.
 */

/** One field line; a field that occurs more than once comes once for each. */
export type HeaderVisitor = (name: string, value: string) => void

/** Calls `visit` with each field line, the name in the case in which it was written. */
export function eachHeader(headers: unknown, visit: HeaderVisitor): void {
  if (headers === undefined || headers === null) return
  if (Array.isArray(headers)) {
    if (Array.isArray(headers[0])) visitPairs(headers, visit)
    else
      for (let i = 0; i + 1 < headers.length; i += 2) visitValue(headers[i], headers[i + 1], visit)
  } else if (isIterable(headers)) {
    visitPairs(headers, visit)
  } else {
    const fields = headers as Record<string, unknown>
    // eslint-disable-next-line guard-for-in -- undici takes inherited fields along as well
    for (const name in fields) visitValue(name, fields[name], visit)
  }
}

/** The value of a field, its lines joined as RFC 9110 §5.3 allows; undefined where it is absent. */
export function headerValue(headers: unknown, name: string): string | undefined {
  let found: string | undefined
  eachHeader(headers, (written, value) => {
    if (written.length !== name.length || written.toLowerCase() !== name) return
    found = found === undefined ? value : `${found}, ${value}`
  })
  return found
}

/**
 * Whether an Accept wants an event stream and nothing else. Clients that take one besides others, as
 * those of GraphQL and MCP do, mostly get the others: their Content-Type tells.
 */
export function asksForStream(accept: string): boolean {
  if (!/text\/event-stream/i.test(accept)) return false
  const members = accept.split(',').filter((member) => member.trim() !== '')
  return members.every((member) => /^\s*text\/event-stream\s*(?:;|$)/i.test(member))
}

/** As a flat array, the one shape to which fields can be added whatever it was before. */
export function flatHeaders(headers: unknown): string[] {
  const flat: string[] = []
  eachHeader(headers, (name, value) => flat.push(name, value))
  return flat
}

/** An iterator can be read once only: by us, and then undici would see no header at all. */
export function isOneShot(headers: unknown): headers is Iterable<unknown> {
  return (
    isIterable(headers) &&
    !Array.isArray(headers) &&
    headers[Symbol.iterator]() === (headers as unknown)
  )
}

/** What an iterator gives, as often as it is asked: flat, or, where that is no header, as it came. */
export function readOnce(headers: Iterable<unknown>): string[] | Iterable<[string, string]> {
  const items: unknown[] = []
  let failed: { readonly error: unknown } | undefined
  const again = {
    *[Symbol.iterator](): Iterator<unknown> {
      yield* items
      if (failed !== undefined) throw failed.error
    },
  }
  try {
    for (const item of headers) items.push(item)
  } catch (error) {
    failed = { error }
  }
  try {
    return flatHeaders(again)
  } catch {
    return again as Iterable<[string, string]>
  }
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof (value as Iterable<unknown> | null)?.[Symbol.iterator] === 'function'
}

function visitPairs(pairs: Iterable<unknown>, visit: HeaderVisitor): void {
  for (const pair of pairs) {
    const [name, value] = pair as [unknown, unknown]
    visitValue(name, value, visit)
  }
}

function visitValue(name: unknown, value: unknown, visit: HeaderVisitor): void {
  if (value === undefined) return
  // undici sends null as nothing, behind the name.
  if (Array.isArray(value)) for (const one of value) visit(text(name), text(one ?? ''))
  else visit(text(name), text(value ?? ''))
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  return String(value)
}
