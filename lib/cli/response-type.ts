import type { CachedResponse } from '../entries/cached-response.ts'
import { firstLine } from '../policy/validators.ts'

/** Content-Type without parameters; undefined where there is none. */
export function typeOf({ headers }: CachedResponse): string | undefined {
  return firstLine(headers['content-type'])?.split(';')[0]?.trim().toLowerCase()
}
