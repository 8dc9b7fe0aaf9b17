/**
 * Names that the caller adds to those that tell users apart (`isolate`), or takes from them (`share`).
 * They are compared without regard to case; an asterisk at the end stands for anything.
 */
import { hash } from 'node:crypto'
import { knownAs } from './known-names.ts'
import { isCredentialHeader, mayBeCredential } from './credentials.ts'

/** What the caller says of a name. */
export type IdentityRole = 'isolates' | 'shares' | 'unsaid'

/** The lists of the caller, as they are asked. */
export interface IdentityNames {
  /** @param name in lower case */
  readonly roleOf: (name: string) => IdentityRole
  /** Of the names that isolate; undefined where there are none. */
  readonly isolatingDigest: string | undefined
  /** Names, in lower case, of credentials that tell nobody apart. */
  readonly shared: readonly string[]
}

/** @returns undefined where both lists are empty */
export function readIdentityNames(
  isolate: readonly string[],
  share: readonly string[],
): IdentityNames | undefined {
  if (isolate.length === 0 && share.length === 0) return undefined
  const apart = lowerCase(isolate)
  const together = lowerCase(share)
  return {
    // The longer name says more of what is meant; where both say the same, users are kept apart.
    roleOf: knownAs((name): IdentityRole => {
      const isolates = longestMatch(apart, name)
      const shares = longestMatch(together, name)
      if (isolates === 0 && shares === 0) return 'unsaid'
      return isolates >= shares ? 'isolates' : 'shares'
    }),
    isolatingDigest: apart.length === 0 ? undefined : digestOf(apart),
    shared: together.filter((name) => name.endsWith('*') || mayBeCredential(name)),
  }
}

/** Whether a header field tells users apart. @param name in lower case */
export function isolatesField(names: IdentityNames | undefined, name: string): boolean {
  const role = names?.roleOf(name) ?? 'unsaid'
  return role === 'unsaid' ? isCredentialHeader(name) : role === 'isolates'
}

/** Whether a header field would tell users apart, and the caller says no. @param name in lower case */
export function sharesField(names: IdentityNames | undefined, name: string): boolean {
  return names?.roleOf(name) === 'shares' && isCredentialHeader(name)
}

/** A digest of names, whatever their order. */
export function digestOf(all: readonly string[]): string {
  return hash('sha256', JSON.stringify([...new Set(all)].toSorted()), 'base64url')
}

function lowerCase(names: readonly string[]): string[] {
  return names.map((name) => name.toLowerCase())
}

// A name without an asterisk is longer than any with one that it matches.
function longestMatch(patterns: readonly string[], name: string): number {
  let longest = 0
  for (const pattern of patterns) {
    const begins = pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1))
    if (begins) longest = Math.max(longest, pattern.length)
    else if (pattern === name) longest = Math.max(longest, pattern.length + 1)
  }
  return longest
}
