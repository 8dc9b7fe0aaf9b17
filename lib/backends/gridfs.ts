/**
 * Bodies in a GridFS bucket, the head beside them in a collection. Each write makes a new file, and
 * the head that names it is switched last: readers and other writers see the old record or the new
 * one, never a mix. Nothing in the bucket expires by itself, for a TTL index on its files would
 * leave their chunks behind.
 */
import { randomUUID } from 'node:crypto'
import { finished } from 'node:stream/promises'
import type { Writable } from 'node:stream'
import {
  BaseStorage,
  checkKey,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from './base-storage.ts'
import type { EpochMs } from '../units.ts'
import type { MongoCollection } from './mongodb.ts'

/** The part of the driver's bucket that is used here. */
export interface GridFSBucket {
  openUploadStreamWithId(id: string, name: string, options?: object): Writable
  delete(id: string): Promise<void>
}

/** What a storage needs of a database. */
export interface GridFSPlace {
  readonly heads: MongoCollection
  readonly files: MongoCollection
  readonly chunks: MongoCollection
  readonly bucket: GridFSBucket
}

interface HeadDocument {
  readonly _id: string
  readonly head: string
  readonly expiresAt?: Date | null
  /** Of the bucket's file; null where the body is empty. */
  readonly file: string | null
  readonly bodyBytes: number
}

// A body that is replaced while it is read is read anew; nobody replaces it that often.
const attempts = 5
const keyOptions = { projection: { _id: 1 } }
const headOptions = { projection: { head: 1, expiresAt: 1 } }

/** Records whose bodies are files in a GridFS bucket; see the top of the file. */
export class GridFSStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: false,
    maxBodyBytes: 2 ** 28,
  }
  readonly #place: () => Promise<GridFSPlace>

  /** @param place ready to be used, once it is asked for; a failed attempt is made again */
  constructor(place: () => Promise<GridFSPlace>) {
    super()
    this.#place = place
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    const place = await this.#place()
    for (let attempt = 0; attempt < attempts; attempt++) {
      const found = (await place.heads.findOne(idOf(key))) as HeadDocument | null
      if (found === null) return undefined
      const body = await readBody(place, found)
      if (body !== undefined) return { head: found.head, body, expiresAt: instantOf(found) }
    }
    return undefined
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    const filter = idOf(key)
    const body = Buffer.from(record.body)
    const place = await this.#place()
    const file = body.byteLength === 0 ? null : await upload(place, key, body)
    const { head, expiresAt } = record
    const document = {
      ...(expiresAt !== undefined && { expiresAt: new Date(Math.ceil(expiresAt)) }),
      head,
      file,
      bodyBytes: body.byteLength,
    }
    const before = (await place.heads.findOneAndReplace(filter, document, {
      upsert: true,
      returnDocument: 'before',
    })) as HeadDocument | null
    await deleteFile(place, before)
  }

  override async delete(key: string): Promise<boolean> {
    const filter = idOf(key)
    const place = await this.#place()
    const before = (await place.heads.findOneAndDelete(filter)) as HeadDocument | null
    await deleteFile(place, before)
    return before !== null
  }

  override async has(key: string): Promise<boolean> {
    const filter = idOf(key)
    return (await (await this.#place()).heads.findOne(filter, keyOptions)) !== null
  }

  override async replaceHead(
    key: string,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    const filter = { ...idOf(key), head: from }
    const { heads } = await this.#place()
    const update =
      expiresAt === undefined
        ? { $set: { head }, $unset: { expiresAt: '' } }
        : { $set: { head, expiresAt: new Date(Math.ceil(expiresAt)) } }
    return (await heads.updateOne(filter, update)).matchedCount > 0
  }

  override async *keys(): AsyncIterable<string> {
    const { heads } = await this.#place()
    for await (const found of heads.find({}, keyOptions)) yield (found as HeadDocument)._id
  }

  override async *heads(): AsyncIterable<StoredHead> {
    const { heads } = await this.#place()
    for await (const each of heads.find({}, headOptions)) {
      const found = each as HeadDocument
      yield { key: found._id, head: found.head, expiresAt: instantOf(found) }
    }
  }

  override async size(): Promise<number> {
    return (await this.#place()).heads.countDocuments({})
  }

  override async deleteExpired(now: EpochMs, limit: number): Promise<number> {
    const { heads } = await this.#place()
    const expired: string[] = []
    const past = heads.find({ expiresAt: { $lte: new Date(now) } }, keyOptions)
    for await (const each of past.limit(limit)) expired.push((each as HeadDocument)._id)
    return this.deleteMany(expired)
  }

  // Heads first: a file without a head is nothing to readers, a head without a file is an error.
  override async clear(): Promise<void> {
    const { heads, files, chunks } = await this.#place()
    await heads.deleteMany({})
    await files.deleteMany({})
    await chunks.deleteMany({})
  }
}

/** @returns undefined where the file has been replaced meanwhile */
async function readBody(place: GridFSPlace, found: HeadDocument): Promise<Buffer | undefined> {
  if (found.file === null) return Buffer.alloc(0)
  const parts: Buffer[] = []
  // The head knows the length, so the bucket's own list of files need not be asked.
  const chunks = place.chunks.find(
    { files_id: found.file },
    { sort: { n: 1 }, promoteBuffers: true },
  )
  for await (const chunk of chunks) parts.push((chunk as { data: Buffer }).data)
  const body = Buffer.concat(parts)
  return body.byteLength === found.bodyBytes ? body : undefined
}

async function upload({ bucket }: GridFSPlace, key: string, body: Buffer): Promise<string> {
  const id = randomUUID()
  const stream = bucket.openUploadStreamWithId(id, key)
  stream.end(body)
  await finished(stream)
  return id
}

async function deleteFile(
  { files, chunks }: GridFSPlace,
  head: HeadDocument | null,
): Promise<void> {
  if (head === null || head.file === null) return
  // Not by the bucket, which throws where another writer was faster.
  await files.deleteOne({ _id: head.file })
  await chunks.deleteMany({ files_id: head.file })
}

function idOf(key: string): { _id: string } {
  checkKey(key)
  return { _id: key }
}

function instantOf({ expiresAt }: HeadDocument): EpochMs | undefined {
  return expiresAt?.getTime()
}
