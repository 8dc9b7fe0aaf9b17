/**
 * What has encoded a record stands before its head, on a line of its own: a record of other stages
 * is known for what it is, and no stage has to make sense of it.
 */
import { CacheError } from '../errors.ts'

const mark = 'serialized'
const written = /^serialized ([\w -]+)\n/

/** The line before the heads of records that these stages have encoded. */
export function labelOf(names: readonly string[]): string {
  return `${mark} ${names.join(' ')}\n`
}

/** The head without its label. @throws CacheError ERR_CACHE_ENTRY_CORRUPT where it is another */
export function withoutLabel(label: string, head: string): string {
  if (head.startsWith(label)) return head.slice(label.length)
  const reads = writerOf(label)
  const wrote = writerOf(head)
  throw corrupt(wrote === undefined ? 'its head' : `it was written by ${wrote}, not by ${reads}`)
}

/** Which serializer has written a head, as far as can be seen. */
export function writerOf(head: string): string | undefined {
  const [, names] = written.exec(head) ?? []
  if (names !== undefined) return `serializer '${names.replaceAll(' ', `', '`)}'`
  // Our own heads are JSON.
  return head.startsWith('{"') ? "serializer 'native'" : undefined
}

/** The error for a record that is not what was written. */
export function corrupt(what: string, cause?: unknown): CacheError {
  return new CacheError('ERR_CACHE_ENTRY_CORRUPT', `stored entry is corrupt: ${what}`, { cause })
}
