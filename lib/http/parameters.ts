/** `name=value` pairs, of queries and of forms. */

/**
 * Sorts pairs by name; those of one name keep their order, for it may mean something.
 */
export function sortParameters(parameters: string[]): string {
  return parameters.toSorted(byName).join('&')
}

function byName(a: string, b: string): number {
  const left = nameOf(a)
  const right = nameOf(b)
  return left < right ? -1 : left > right ? 1 : 0
}

function nameOf(parameter: string): string {
  const equals = parameter.indexOf('=')
  return equals === -1 ? parameter : parameter.slice(0, equals)
}

/** A name or a value as it stands in a form: a plus sign is a space. */
export function decodeField(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}

/** A name or a value as it stands in a query, after `escapePath`. */
export function decodeParameter(text: string): string {
  return decodeField(unescapePath(text))
}

const notPlain = /[^\w\-.~!$'()*+,;:@/%?=&[\]]/gu

/**
 * What a URL cannot hold becomes `{code point}`, which it cannot hold either: no two paths fall
 * together, as they would if it were percent-encoded.
 */
export function escapePath(path: string): string {
  return path.replaceAll(notPlain, (character) => `{${character.codePointAt(0)!.toString(16)}}`)
}

/** Undoes `escapePath`. */
export function unescapePath(path: string): string {
  if (!path.includes('{')) return path
  return path.replaceAll(/\{([0-9a-f]+)\}/g, (_, hex: string) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  )
}

/** `name=value`, encoded as in a URL. */
export function writtenPair(name: string, value: string): string {
  return `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`
}
