/** What a header field of a request is to the cache. */
import { isCredentialHeader } from './credentials.ts'

/** The kinds of fields that are looked at; all others are 'none'. */
export type Field =
  | 'none'
  | 'credential'
  | 'conditional'
  | 'range'
  | 'accept'
  | 'cache-control'
  | 'pragma'
  | 'content-type'
  | 'of-fetch'
  | 'host'

// By the name as written: programs write few names, and lower-casing each costs more than this.
// Bounded, for a name may come from outside.
const fields = new Map<string, Field>()
const maxFields = 1000

/** @param written the name, in the case in which it was written */
export function fieldOf(written: string): Field {
  const known = fields.get(written)
  if (known !== undefined) return known
  const field = classify(written.toLowerCase())
  if (fields.size < maxFields) fields.set(written, field)
  return field
}

function classify(name: string): Field {
  switch (name) {
    case 'if-none-match':
    case 'if-modified-since':
    case 'if-match':
    case 'if-unmodified-since':
    case 'if-range':
      return 'conditional'
    case 'range':
    case 'accept':
    case 'cache-control':
    case 'pragma':
    case 'content-type':
    case 'host':
      return name
    case 'accept-language':
    case 'accept-encoding':
    case 'user-agent':
      return 'of-fetch'
    default:
      return isCredentialHeader(name) ? 'credential' : 'none'
  }
}
