/** What is under the path of a cache, told without making or changing anything. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cachePath, sqlitePath } from '../backends/cache-path.ts'
import type { Address } from './address.ts'

/** A SQLite file that is more than an empty one; whose it is shows when it is opened. */
export function fileIsThere(cacheName: string): boolean {
  const file = sqlitePath(cacheName, {})
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false
  // What was written last may be in the file beside it.
  return hasTables(file) || sizeOf(`${file}-wal`) > 0
}

/** A folder with at least one of ours in it. */
export function folderIsThere(cacheName: string): boolean {
  const folder = cachePath(cacheName, {})
  return existsSync(join(folder, 'responses')) || existsSync(join(folder, 'redirects'))
}

/** Whether two addresses name one place, however they are written. */
export function isSamePlace(one: Address, other: Address): boolean {
  return placeOf(one) === placeOf(other)
}

function placeOf({ backend, cacheName, options }: Address): string {
  const name =
    backend === 'sqlite'
      ? sqlitePath(cacheName, {})
      : backend === 'filesystem'
        ? cachePath(cacheName, {})
        : cacheName
  const names = Object.keys(options).toSorted()
  return JSON.stringify([backend, name, names.map((each) => [each, options[each]])])
}

// The file format's "schema cookie", which counts the changes of the schema.
const schemaCookieAt = 40

function hasTables(file: string): boolean {
  const opened = openSync(file, 'r')
  try {
    const header = Buffer.alloc(100)
    const read = readSync(opened, header, 0, header.byteLength, 0)
    // Something else than a database is for the class to refuse.
    if (read > 0 && !header.toString('latin1').startsWith('SQLite format 3\0')) return true
    return read === header.byteLength && header.readUInt32BE(schemaCookieAt) > 0
  } finally {
    closeSync(opened)
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}
