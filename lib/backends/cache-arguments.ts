import { isMs } from '../check-options.ts'
import { invalidOption } from '../errors.ts'

/** What the class of a networked cache is given: a name, options, or both. */
export interface CacheArguments<O> {
  readonly cacheName: string
  readonly options: O
}

/** Reads `(name, options)`, `(name)`, `(options)` with a `cacheName` among them, or `()`. */
export function cacheArguments<O extends { readonly cacheName?: string | undefined }>(
  first: string | O | undefined,
  second: O | undefined,
): CacheArguments<Omit<O, 'cacheName'>> {
  const isName = first === undefined || typeof first === 'string'
  if (!isName && (typeof first !== 'object' || first === null || Array.isArray(first))) {
    throw invalidOption('cacheName', 'a text that is not empty', first)
  }
  const { cacheName, ...options } = (typeof first === 'object' ? first : (second ?? {})) as O
  const name = (typeof first === 'string' ? first : cacheName) ?? 'http_cache'
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw invalidOption('cacheName', 'a text that is not empty', name)
  }
  return { cacheName: name, options }
}

/** Checks how long an answer is waited for. @throws TypeError ERR_CACHE_OPTION_INVALID */
export function checkTimeout(option: string, value: unknown): void {
  if (!isMs.test(value)) throw invalidOption(option, isMs.expected, value)
}
