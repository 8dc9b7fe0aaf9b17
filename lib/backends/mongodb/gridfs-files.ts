/**
 * Files of a GridFS bucket: written under ids that tell when, deleted many at a time, and swept where
 * no head names them, as those of a process that was killed before its head was written.
 */
import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'
import type { EpochMs, Ms } from '../../units.ts'
import {
  allOf,
  pageDocuments,
  pagesOf,
  type Ask,
  type MongoCollection,
} from './mongo-connection.ts'

/** The part of the driver's bucket that is used here. */
export interface GridFSBucket {
  openUploadStreamWithId(id: string, name: string): Writable
}

/** Where the files are. */
export interface FilesPlace {
  readonly files: MongoCollection
  readonly chunks: MongoCollection
  readonly bucket: GridFSBucket
  readonly ask: Ask
}

// What goes over the wire at once.
const sliceBytes = 2 ** 20

// A file that is younger may belong to a record that is still being written.
const orphanAge: Ms = 3_600_000

/** Writes a file. @returns its id */
export async function writeFile(
  { bucket, ask }: FilesPlace,
  name: string,
  body: Uint8Array,
): Promise<string> {
  const id = `${timeOf(Date.now())}-${randomUUID()}`
  const stream = bucket.openUploadStreamWithId(id, name)
  // Told by the call that fails.
  stream.on('error', () => {})
  try {
    for (let from = 0; from < body.byteLength; from += sliceBytes) {
      const slice = body.subarray(from, from + sliceBytes)
      await ask(() => done((end) => stream.write(slice, end)))
    }
    await ask(() => done((end) => stream.end(end)))
  } catch (error) {
    stream.destroy()
    throw error
  }
  return id
}

/** Deletes files, those that are not there any more included. */
export async function deleteFiles(
  { files, chunks, ask }: FilesPlace,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  // Not by the bucket, which does one at a time and throws where another process was faster. The
  // chunks come last: what is left of a deletion that is cut short is found by them.
  await ask(() => files.deleteMany({ _id: { $in: ids } }))
  await ask(() => chunks.deleteMany({ files_id: { $in: ids } }))
}

/** Deletes files of ours that no head names and that are not just being written; reads no bytes. */
export async function sweepFiles(place: FilesPlace, heads: MongoCollection): Promise<void> {
  const { chunks, ask } = place
  const old = { files_id: { $gte: '', $lt: timeOf(Date.now() - orphanAge) } }
  // All of this is in the index, by which files are in the order of their time.
  const projection = { _id: 0, files_id: 1 }
  const cursor = chunks.find(old, {
    projection,
    sort: { files_id: 1, n: 1 },
    batchSize: pageDocuments,
  })
  for await (const page of pagesOf<{ files_id: string }>(ask, cursor)) {
    const ids = [...new Set(page.map(({ files_id }) => files_id))].filter(isOurs)
    const named = await namedOf(place, heads, ids)
    await deleteFiles(
      place,
      ids.filter((id) => !named.has(id)),
    )
  }
}

async function namedOf(
  { files, ask }: FilesPlace,
  heads: MongoCollection,
  ids: readonly string[],
): Promise<Set<string>> {
  // A file that was not written to its end is not among the files, and no head names it.
  const written = files.find({ _id: { $in: ids } }, { projection: { filename: 1 } })
  const keys = (await allOf<{ filename: string }>(ask, written)).map(({ filename }) => filename)
  return filesNamed(ask, heads, keys)
}

/** Reads what was written last, whatever the client's reads otherwise may be content with. */
export const newest = { readPreference: 'primary', readConcern: { level: 'local' } } as const

/** The files that the heads of some keys name. */
export async function filesNamed(
  ask: Ask,
  heads: MongoCollection,
  keys: readonly string[],
): Promise<Set<string>> {
  const found = heads.find({ _id: { $in: keys } }, { projection: { file: 1 }, ...newest })
  const named = await allOf<{ file: string | null }>(ask, found)
  return new Set(named.flatMap(({ file }) => file ?? []))
}

/** In the order of the alphabet, too. */
function timeOf(instant: EpochMs): string {
  return instant.toString(36).padStart(9, '0')
}

function isOurs(id: string): boolean {
  return /^[\da-z]{9}-[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/.test(id)
}

function done(work: (end: (error?: Error | null) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()))
  })
}
