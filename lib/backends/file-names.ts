/** Keys as file names: escaped, spread over 256 folders, and told from files of somebody else. */
import { join } from 'node:path'
import { CacheError } from '../errors.ts'
import { checkKey } from './base-storage.ts'

const ending = '.cached'
// A file name may have 255 bytes; what is added for an unfinished file needs some of them.
const longestName = 220

const plainKey = /^[\w-]{1,200}$/

/** Names of folders that `pathOfKey` uses. */
export const shardName: RegExp = /^[0-9a-f]{2}$/

/** Names of files that were being written. */
export const unfinishedName: RegExp = /\.cached\.\d+-[0-9a-f]{8}\.tmp$/

/**
 * Where the record of a key is, below the storage's folder.
 * @throws CacheError ERR_CACHE_KEY_INVALID where a file cannot have that name
 */
export function pathOfKey(key: string): string {
  // As all of ours are.
  if (plainKey.test(key)) return join(shardOf(key), key + ending)
  checkKey(key)
  // Escaped, a name holds no separator. Dots stay, so those that mean folders are refused; so are
  // separators, though escaping would do, for who uses them has something else in mind.
  const name = escape(key)
  if (name.length > longestName || key.startsWith('.') || /[/\\\0]/.test(key)) {
    const message = `a file cannot have the key ${JSON.stringify(key)} as its name: no path separator, no dot at the beginning, at most ${longestName} characters when escaped`
    throw new CacheError('ERR_CACHE_KEY_INVALID', message)
  }
  return join(shardOf(name), name + ending)
}

/** The key of a file; undefined where it is none of ours. */
export function keyOfFile(shard: string, file: string): string | undefined {
  if (!file.endsWith(ending)) return undefined
  try {
    const key = decodeURIComponent(file.slice(0, -ending.length))
    return pathOfKey(key) === join(shard, file) ? key : undefined
  } catch {
    // No name that we could have given.
    return undefined
  }
}

function escape(key: string): string {
  return encodeURIComponent(key).replaceAll('*', '%2A')
}

// Eight bits of FNV-1a: any spread will do, as long as it never changes.
function shardOf(name: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return ((hash >>> 24) ^ (hash & 0xff)).toString(16).padStart(2, '0')
}
