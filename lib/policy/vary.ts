/** Which request fields select a stored response among its variants (RFC 9111 §4.1). */
import type { HeaderFields } from '../http/header-lines.ts'

/**
 * Names of the selecting fields in lower case, sorted, each once; '*' where nothing can match.
 * A coded body selects by Accept-Encoding even where the origin forgot to say so: a caller that
 * cannot decode must not get what another asked for.
 */
export function selectingFields(response: HeaderFields): readonly string[] | '*' {
  const vary = response['vary']
  const coding = response['content-encoding']
  if (vary === undefined && coding === undefined) return noFields
  const names = new Set<string>()
  for (const line of Array.isArray(vary) ? vary : [vary ?? '']) {
    for (const part of line.split(',')) {
      const name = part.trim().toLowerCase()
      if (name === '*') return '*'
      if (name !== '') names.add(name)
    }
  }
  if (coding !== undefined && String(coding).toLowerCase() !== 'identity') {
    names.add('accept-encoding')
  }
  return [...names].toSorted()
}

const noFields: readonly string[] = []

/**
 * What the request says in these fields, as one text. Two requests select the same variant where
 * their texts are equal: white space around commas, and the case of codings and languages, which
 * mean nothing (RFC 9110 §12.5), are not compared.
 */
export function selectingValues(
  names: readonly string[],
  valueOf: (name: string) => string | undefined,
): string {
  return JSON.stringify(
    names.map((name) => {
      const value = valueOf(name)
      if (value === undefined) return null
      const compact = value.trim().replaceAll(/[ \t]*,[ \t]*/g, ',')
      return caseless.has(name) ? compact.toLowerCase() : compact
    }),
  )
}

const caseless = new Set(['accept-encoding', 'accept-language', 'accept-charset'])
