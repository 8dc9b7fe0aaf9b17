import { createRequire } from 'node:module'
import { CacheError } from '../errors.ts'

/**
 * Loads the package that a backend needs, when the backend is asked for.
 * @throws CacheError ERR_CACHE_DRIVER_MISSING, with the line that installs it
 */
export function loadDriver(backend: string, packageName: string): unknown {
  try {
    return createRequire(import.meta.url)(packageName)
  } catch (cause) {
    const message = `backend '${backend}' needs ${packageName}: npm install ${packageName}`
    throw new CacheError('ERR_CACHE_DRIVER_MISSING', message, { cause })
  }
}
