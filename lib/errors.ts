import { inspect } from 'node:util'

/** Every code this library throws or reports; README, "Errors", has one paragraph per code. */
export const cacheErrorCodes = [
  'ERR_CACHE_OPTION_INVALID',
  'ERR_CACHE_OPTION_UNKNOWN',
  'ERR_CACHE_BACKEND_UNKNOWN',
  'ERR_CACHE_DRIVER_MISSING',
  'ERR_CACHE_STORAGE_FAILED',
  'ERR_CACHE_STORAGE_TIMEOUT',
  'ERR_CACHE_STORAGE_BUSY',
  'ERR_CACHE_STORAGE_CLOSED',
  'ERR_CACHE_FILE_CORRUPT',
  'ERR_CACHE_FILE_FOREIGN',
  'ERR_CACHE_FILE_NEWER',
  'ERR_CACHE_TABLE_FOREIGN',
  'ERR_CACHE_KEY_INVALID',
  'ERR_CACHE_ENTRY_CORRUPT',
  'ERR_CACHE_SIGNATURE_INVALID',
  'ERR_CACHE_DECRYPT_FAILED',
  'ERR_CACHE_CALLBACK_FAILED',
  'ERR_CACHE_ONLY_IF_CACHED',
  'ERR_CACHE_ORIGIN_UNKNOWN',
  'ERR_CACHE_RUNTIME_UNSUPPORTED',
] as const

/** One of `cacheErrorCodes`. */
export type CacheErrorCode = (typeof cacheErrorCodes)[number]

/**
 * The one error class of this library. Branch on `code`, never on `message`.
 * A driver's own error, where there is one, is the `cause`.
 */
export class CacheError extends Error {
  readonly code: CacheErrorCode

  constructor(code: CacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  static {
    // On the prototype, as Node's own errors do, so that it is not printed as a field.
    Object.defineProperty(this.prototype, 'name', { value: 'CacheError', configurable: true })
  }
}

/** Whether the error is about one stored entry, and says nothing about others. */
export function isEntryError(error: unknown): error is CacheError {
  return error instanceof CacheError && entryErrors.has(error.code)
}

const entryErrors: ReadonlySet<CacheErrorCode> = new Set([
  'ERR_CACHE_ENTRY_CORRUPT',
  'ERR_CACHE_SIGNATURE_INVALID',
  'ERR_CACHE_DECRYPT_FAILED',
])

/** Any failure as a `CacheError`: one of ours as it is, another as the cause of a new one. */
export function asCacheError(code: CacheErrorCode, message: string, cause: unknown): CacheError {
  if (cause instanceof CacheError) return cause
  // Where several addresses of a host failed there is no message, but a code.
  const { message: why, code: driverCode } = (cause ?? {}) as { message?: string; code?: string }
  const reason = why || driverCode
  return new CacheError(code, reason ? `${message}: ${reason}` : message, { cause })
}

/** A mistake in the calling code: a TypeError, as Node's own argument errors are. */
export function invalidOption(option: string, expected: string, got: unknown): TypeError {
  const shown = inspect(got, { depth: 0, maxStringLength: 60, breakLength: Infinity })
  return misuse('ERR_CACHE_OPTION_INVALID', `option '${option}' must be ${expected}, got ${shown}`)
}

/**
 * An option that does not exist; names the nearest one that does.
 * @param hint what is known to be meant
 */
export function unknownOption(
  option: string,
  known: Iterable<string>,
  where = '',
  hint?: string,
): TypeError {
  const nearest = hint === undefined ? nearestName(option, known) : undefined
  const meant = nearest === undefined ? hint : `did you mean '${nearest}'?`
  const end = meant === undefined ? '' : `; ${meant}`
  return misuse('ERR_CACHE_OPTION_UNKNOWN', `unknown option '${option}'${where}${end}`)
}

/** A TypeError with one of our codes. */
export function misuse(code: CacheErrorCode, message: string): TypeError {
  return Object.assign(new TypeError(message), { code })
}

/** The known name that is fewest edits away, where that is at most half of what was written. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let best = Math.max(2, Math.floor(name.length / 2)) + 1
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance < best) [nearest, best] = [candidate, distance]
  }
  return nearest
}

// Levenshtein by rows; the names are a dozen letters long.
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1))
    }
    above = current
  }
  return above[b.length]!
}
