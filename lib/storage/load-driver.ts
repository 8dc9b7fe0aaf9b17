/**
 * Loads the package that a backend or serializer needs, when it is asked for. It may be installed where
 * this library is, where the bundle is that has taken this library in, or where the program runs.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import process from 'node:process'
import { asCacheError, CacheError } from '../errors.ts'

/** @throws CacheError ERR_CACHE_DRIVER_MISSING: with the line that installs it, or why it fails */
export function loadDriver(
  name: string,
  packageName: string,
  kind: 'backend' | 'serializer' = 'backend',
): unknown {
  const found = find(packageName)
  if (found instanceof Error) {
    const message = `${kind} '${name}' needs ${packageName}: npm install ${packageName}`
    throw new CacheError('ERR_CACHE_DRIVER_MISSING', message, { cause: found })
  }
  try {
    return found()
  } catch (error) {
    // Built for another version of Node, say, or without something that it needs itself.
    const message = `${kind} '${name}' needs ${packageName}, which is installed and cannot be loaded`
    throw asCacheError('ERR_CACHE_DRIVER_MISSING', message, error)
  }
}

/** @returns what loads the package, or why there is none */
function find(packageName: string): (() => unknown) | Error {
  let notFound: Error | undefined
  for (const place of places()) {
    const require = createRequire(place)
    try {
      const path = require.resolve(packageName)
      return () => require(path)
    } catch (error) {
      // It is there, and has nothing that can be loaded: no other place is better.
      if (!isNotFound(error)) return () => require(packageName)
      notFound ??= error as Error
    }
  }
  return notFound ?? new Error(`there is no place to look for ${packageName}`)
}

// A bundle in CommonJS has no `import.meta.url`, and one in ES modules no `__filename`. A script that is run
// by `node:vm` has neither; of a single executable the last two are the executable itself.
function places(): string[] {
  const { url } = import.meta as { url?: unknown }
  const file = typeof __filename === 'string' ? __filename : undefined
  const known = [url, file, process.argv[1], join(process.cwd(), 'program')]
  return known.filter((place): place is string => typeof place === 'string' && isPlace(place))
}

function isPlace(place: string): boolean {
  try {
    createRequire(place)
    return true
  } catch {
    // A URL of the network, a relative path, a word like '[eval]'.
    return false
  }
}

// Of a package that is there without the file that it names as its main one, the error has a path.
function isNotFound(error: unknown): boolean {
  const { code, path } = error as NodeJS.ErrnoException
  return code === 'MODULE_NOT_FOUND' && path === undefined
}
