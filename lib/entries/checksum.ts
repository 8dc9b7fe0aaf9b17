/**
 * Checksums of what is stored. Disks, memories and servers change a bit now and then, and nobody
 * tells: a record that does not match its checksum is no answer. CRC-32 finds decay, in a microsecond
 * for most heads; it is no protection against people, which `sign()` is.
 */
import { crc32 } from 'node:zlib'

/**
 * How much of what a persistent storage gives back is compared with its checksum before it is used:
 * head and body, the head only, or nothing.
 */
export type CheckStored = 'all' | 'heads' | 'none'

/** All of them, the safest first. */
export const checkStoredModes: readonly CheckStored[] = ['all', 'heads', 'none']

const opening = '{"check":"'
const closing = '",'
const digits = 8
const checked = opening.length + digits + closing.length

/** The checksum of bytes. */
export function checkOf(bytes: Uint8Array): number {
  return crc32(bytes)
}

/** Whether the value can be a checksum. */
export function isCheck(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff
}

/**
 * A head with its own checksum as the first member of its first line.
 * @param head a line of JSON, whose object has members, and whatever lines follow
 */
export function sealHead(head: string): string {
  const rest = head.slice(1)
  return opening + hex(crc32(rest)) + closing + rest
}

/**
 * Whether a head is what was written. One that states no checksum was written by a person, who has
 * taken it out, and is believed as far as it can be understood.
 */
export function isIntact(head: string): boolean {
  if (!head.startsWith(opening)) return !head.includes('"check":"')
  const stated = head.slice(opening.length, checked - closing.length)
  return (
    head.startsWith(closing, checked - closing.length) && stated === hex(crc32(head.slice(checked)))
  )
}

function hex(check: number): string {
  return check.toString(16).padStart(digits, '0')
}
