import { createRequire } from 'node:module'
import { CacheError } from '../errors.ts'

/**
 * Loads the package that a backend or serializer needs, when it is asked for.
 * @throws CacheError ERR_CACHE_DRIVER_MISSING, with the line that installs it
 */
export function loadDriver(
  name: string,
  packageName: string,
  kind: 'backend' | 'serializer' = 'backend',
): unknown {
  try {
    return createRequire(import.meta.url)(packageName)
  } catch (cause) {
    const message = `${kind} '${name}' needs ${packageName}: npm install ${packageName}`
    throw new CacheError('ERR_CACHE_DRIVER_MISSING', message, { cause })
  }
}
