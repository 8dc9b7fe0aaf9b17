/** What a header field of a request is to the cache. */
import { isCredentialHeader } from '../secrets/credentials.ts'
import { knownAs } from '../secrets/known-names.ts'

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

/** @param written the name as written: programs write few names, and lower-casing each costs more */
export const fieldOf: (written: string) => Field = knownAs((written) =>
  classify(written.toLowerCase()),
)

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
