/** Keys as file names: escaped, spread over 256 folders, and told from files of somebody else. */
import { fileEndings, type FileEnding } from '../../storage/file-format.ts'
import { join } from 'node:path'
import { CacheError } from '../../errors.ts'
import { checkKey } from '../../storage/base-storage.ts'

const endings: readonly FileEnding[] = Object.values(fileEndings)
// A file name may have 255 bytes; what is added for an unfinished file needs some of them.
const longestName = 220

const plainKey = /^[\w-]{1,200}$/

/** Names of folders that `pathOfKey` uses. */
export const shardName: RegExp = /^[0-9a-f]{2}$/

/** Names of files that were being written. */
export const unfinishedName: RegExp = /\.(?:cached|json|yaml|bson)\.\d+-[0-9a-f]{8}\.tmp$/

/**
 * Where the record of a key is, below the storage's folder, the ending of the file aside.
 * @throws CacheError ERR_CACHE_KEY_INVALID where a file cannot have that name
 */
export function pathOfKey(key: string): string {
  // As all of ours are.
  if (plainKey.test(key)) return join(shardOf(key), key)
  checkKey(key)
  // Escaped, a name holds no separator. Dots stay, so those that mean folders are refused; so are
  // separators, though escaping would do, for who uses them has something else in mind.
  const name = escape(key)
  if (name.length > longestName || key.startsWith('.') || /[/\\\0]/.test(key)) {
    const message = `a file cannot have the key ${JSON.stringify(key)} as its name: no path separator, no dot at the beginning, at most ${longestName} characters when escaped`
    throw new CacheError('ERR_CACHE_KEY_INVALID', message)
  }
  return join(shardOf(name), name)
}

/** The key of a file; undefined where it is none of ours. */
export function keyOfFile(shard: string, file: string): string | undefined {
  const ending = endings.find((each) => file.endsWith(each))
  if (ending === undefined) return undefined
  const name = file.slice(0, -ending.length)
  try {
    const key = decodeURIComponent(name)
    return pathOfKey(key) === join(shard, name) ? key : undefined
  } catch {
    // No name that we could have given.
    return undefined
  }
}

/** The endings that the file of a key has when another serializer has written it. */
export function otherEndings(ending: FileEnding): readonly FileEnding[] {
  return endings.filter((each) => each !== ending)
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
