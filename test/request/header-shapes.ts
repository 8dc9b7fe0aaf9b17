/** Every shape in which undici takes request header fields, of the same field lines. */
export type HeaderLine = readonly [name: string, value: string]

export const headerShapes: readonly [
  name: string,
  shape: (lines: readonly HeaderLine[]) => unknown,
][] = [
  ['an object', (lines) => objectOf(lines)],
  ['a flat array', (lines) => lines.flat()],
  ['a flat array of Buffers', (lines) => lines.flat().map((text) => Buffer.from(text, 'latin1'))],
  ['an array of pairs', (lines) => lines.map((line) => [...line])],
  [
    'Headers',
    (lines) => new Headers(lines.map(([name, value]): [string, string] => [name, value])),
  ],
  ['a Map', (lines) => new Map(Object.entries(objectOf(lines)))],
  ['a generator', (lines) => generate(lines)],
]

// A field of several lines has an array.
function objectOf(lines: readonly HeaderLine[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {}
  for (const [name, value] of lines) {
    const before = fields[name]
    fields[name] = before === undefined ? value : [before, value].flat()
  }
  return fields
}

function* generate(lines: readonly HeaderLine[]): Generator<HeaderLine> {
  yield* lines
}
