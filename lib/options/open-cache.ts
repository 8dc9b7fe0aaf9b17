/** The cache that the options name. What its surroundings do not allow breaks no program. */
import { BaseCache } from '../cache/base-cache.ts'
import { openBackend } from '../backends/open-backend.ts'
import { CacheError, misuse, type CacheErrorCode } from '../errors.ts'
import type { CacheOptions } from './options.ts'

/** A cache, or an empty one in its place. */
export interface OpenedCache {
  readonly cache: BaseCache
  /** Why it could not be opened; requests go to the origin then. */
  readonly unavailable: CacheError | undefined
}

// What a permission, a full disk, a lock, a crash or another version of this library has brought
// about. It may come and go without a change of the program, which has to run all the same. Another
// program's database is none of these: the name is wrong, and stays wrong.
const surroundings: ReadonlySet<CacheErrorCode> = new Set([
  'ERR_CACHE_STORAGE_FAILED',
  'ERR_CACHE_STORAGE_BUSY',
  'ERR_CACHE_FILE_CORRUPT',
  'ERR_CACHE_FILE_NEWER',
])

/**
 * @throws TypeError ERR_CACHE_OPTION_…, ERR_CACHE_BACKEND_UNKNOWN; CacheError ERR_CACHE_DRIVER_MISSING,
 * ERR_CACHE_FILE_FOREIGN
 */
export function openCache({ backend, ...given }: CacheOptions): OpenedCache {
  const { cacheName, backendOptions, serializer } = given
  if (backend instanceof BaseCache) {
    // Both say what only one can decide.
    for (const [name, value] of Object.entries({ cacheName, backendOptions, serializer })) {
      if (value === undefined) continue
      const message = `option '${name}' goes with an alias; give it to the cache itself`
      throw misuse('ERR_CACHE_OPTION_INVALID', message)
    }
    return { cache: backend, unavailable: undefined }
  }
  const options = serializer === undefined ? backendOptions : { ...backendOptions, serializer }
  try {
    return { cache: openBackend(backend, cacheName, options), unavailable: undefined }
  } catch (error) {
    if (!(error instanceof CacheError) || !surroundings.has(error.code)) throw error
    return { cache: new BaseCache(), unavailable: error }
  }
}
