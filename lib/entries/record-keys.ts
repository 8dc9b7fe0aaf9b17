/**
 * The grammar of keys: what kind of record is kept under a key, and whose it is.
 *
 *   <request>                a response or a redirect, or the first of its variants
 *   <request>.v<number>      another variant (Vary)
 *   <request>.last           what a followed chain of redirects ends in, where it is of this chain alone
 *   <request>.chain          a followed chain of redirects
 *   <entry>.p<write>.<part>  a part of a long body: the parts of a write are one group of the storage
 */
import { keyInGroup } from '../storage/base-storage.ts'
import type { EpochMs } from '../units.ts'
import type { BodyParts } from './entry.ts'

const partMark = '.p'
const chainEnding = '.chain'
const endEnding = '.last'

/** What is kept under a key. */
export type RecordKind = 'response' | 'chain' | 'part'

/** The kind of a record; a redirect, and the end of a chain, are responses. */
export function kindOfRecord(key: string): RecordKind {
  if (key.includes(partMark)) return 'part'
  return key.endsWith(chainEnding) ? 'chain' : 'response'
}

/** The key that all variants of a request share. */
export function primaryKey(key: string): string {
  return key.replace(/\.v\d+$/, '')
}

// A field that changes with each request must not fill the store: a URL has that many variants at
// the most, and two that fall together replace each other (their digests are compared).
const maxVariants = 1024

/** Under which a variant other than the first is stored. @param digest of its selecting values */
export function variantKey(key: string, digest: string): string {
  const place = Buffer.from(digest.slice(0, 8), 'base64url').readUInt32BE() % maxVariants
  return `${key}.v${place}`
}

/** Under which the end of a followed chain is stored, where it is of this chain alone. */
export function endKey(key: string): string {
  return key + endEnding
}

/** Under which a followed chain is stored: beside the hop, which another composition replays. */
export function chainKey(key: string): string {
  return key + chainEnding
}

/** The key of the request whose followed chain it is. */
export function ownerOfChain(key: string): string {
  return key.slice(0, -chainEnding.length)
}

/** Under which a part of a body is stored. The parts of a body are a group: one is of no use alone. */
export function partKey(entryKey: string, id: string, index: number): string {
  return keyInGroup(`${entryKey}${partMark}${id}`, index)
}

/** Keys of all the parts of a body. */
export function partKeys(entryKey: string, { id, checks }: Omit<BodyParts, 'bytes'>): string[] {
  return checks.map((_, index) => partKey(entryKey, id, index))
}

/** The entry that a part belongs to, and the write, whose id begins with its time. */
export function ownerOfPart(key: string): { entryKey: string; id: string; writtenAt: EpochMs } {
  const at = key.lastIndexOf(partMark)
  const [id = ''] = key.slice(at + partMark.length).split('.', 1)
  return { entryKey: key.slice(0, at), id, writtenAt: Number.parseInt(id, 36) }
}
