/**
 * The head of a record as members of a document. Our own heads are two lines of JSON, what is known
 * of the response and of the request; stages may have put lines before them.
 */

/** A head in a document: as request and response, as one object, or as the text that it is. */
export interface HeadMembers {
  /** What stages have put before the rest. */
  readonly stages?: readonly string[]
  readonly request?: object
  readonly response?: object
  readonly head?: object | string
}

/** The members that show a head as well as it can be; whether they give it back has to be tried. */
export function membersOf(head: string): HeadMembers {
  const lines = head.split('\n')
  const [last, before] = [objectOf(lines.at(-1)), objectOf(lines.at(-2))]
  if (last === undefined) return { head }
  if (before === undefined) return { ...stagesOf(lines.slice(0, -1)), head: last }
  return { ...stagesOf(lines.slice(0, -2)), request: last, response: before }
}

/** The head that the members show; undefined where they show none. */
export function headOf({ stages = [], request, response, head }: HeadMembers): string | undefined {
  if (typeof head === 'string') return head
  const lines = isObject(head) ? [head] : [response, request]
  if (!lines.every(isObject) || !isTexts(stages)) return undefined
  return [...stages, ...lines.map((line) => JSON.stringify(line, storedValue))].join('\n')
}

/** An instant as people write it; one that is no whole millisecond stays a number. */
export function shownInstant(instant: unknown): unknown {
  const whole = Number.isInteger(instant) && Math.abs(instant as number) <= 8.64e15
  return whole ? new Date(instant as number).toISOString() : instant
}

/** An instant as records have it. */
export function storedInstant(shown: unknown): unknown {
  return typeof shown === 'string' ? Date.parse(shown) : shown
}

// In a record, header fields are flat, names and values, and instants are numbers.
const fieldLists: ReadonlySet<string> = new Set(['headers', 'rawHeaders', 'rawTrailers'])
const instants: ReadonlySet<string> = new Set(['storedAt', 'expiresAt'])
const separator = ': '

function shownValue(name: string, value: unknown): unknown {
  if (instants.has(name)) return shownInstant(value)
  if (!fieldLists.has(name) || !isTexts(value) || value.length % 2 !== 0) return value
  const fieldNames = value.filter((_, index) => index % 2 === 0)
  return fieldNames.map((field, index) => field + separator + value[index * 2 + 1]!)
}

function storedValue(name: string, value: unknown): unknown {
  if (instants.has(name)) return storedInstant(value)
  if (!fieldLists.has(name) || !isTexts(value)) return value
  return value.flatMap((line) => {
    const at = line.indexOf(separator)
    return at === -1 ? [line] : [line.slice(0, at), line.slice(at + separator.length)]
  })
}

function stagesOf(stages: readonly string[]): { stages?: readonly string[] } {
  return stages.length === 0 ? {} : { stages }
}

function objectOf(line: string | undefined): object | undefined {
  if (line?.startsWith('{') !== true) return undefined
  try {
    return JSON.parse(line, shownValue) as object
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
