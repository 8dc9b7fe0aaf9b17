/** Where a cache lives that is a file or a folder. */
import { homedir, tmpdir } from 'node:os'
import { extname, join, resolve } from 'node:path'
import { isBoolean, type Rules } from '../check-options.ts'
import { misuse } from '../errors.ts'

/** Where relative names begin. */
export interface CachePathOptions {
  /** Relative names are below the system's folder for temporary files. Default false. */
  readonly useTemp?: boolean | undefined
  /** Relative names are below the user's folder for caches. Default false; wins over `useTemp`. */
  readonly useCacheDir?: boolean | undefined
}

/** Checks of `CachePathOptions`. */
export const pathRules: Rules<CachePathOptions> = { useTemp: isBoolean, useCacheDir: isBoolean }

/** An absolute path: `~` is the user's home, a relative name is below what the options say. */
export function cachePath(name: string, { useTemp, useCacheDir }: CachePathOptions): string {
  if (name === '' || name.includes('\0')) {
    throw misuse('ERR_CACHE_OPTION_INVALID', `option 'cacheName' must be a path, got '${name}'`)
  }
  if (name === '~' || name.startsWith('~/')) return join(homedir(), name.slice(1))
  if (useCacheDir === true) return resolve(cacheFolder(), name)
  if (useTemp === true) return resolve(tmpdir(), name)
  return resolve(name)
}

/** The file of a SQLite cache: a name without an ending gets one. */
export function sqlitePath(name: string, options: CachePathOptions): string {
  const path = cachePath(name, options)
  return extname(path) === '' ? `${path}.sqlite` : path
}

// Each platform's own convention; on Linux and the BSDs the XDG Base Directory Specification.
function cacheFolder(): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches')
  if (process.platform === 'win32') {
    return process.env['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local')
  }
  return process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
}
