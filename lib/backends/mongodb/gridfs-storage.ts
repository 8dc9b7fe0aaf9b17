/**
 * Bodies in a GridFS bucket, the heads beside them in a collection. Each write makes a new file, and
 * the head that names it is switched last: readers and other writers see the old record or the new
 * one, never a mix. Nothing in the bucket expires by itself, for a TTL index on its files would
 * leave their chunks behind.
 */
import type { StorageTraits, StoredRecord } from '../../storage/base-storage.ts'
import { monotonicNow } from '../../timers.ts'
import type { EpochMs, Ms } from '../../units.ts'
import { torn } from '../../storage/frame.ts'
import {
  deleteFiles,
  filesNamed,
  newest,
  sweepFiles,
  writeFile,
  type FilesPlace,
} from './gridfs-files.ts'
import { allOf, pageDocuments } from './mongo-connection.ts'
import {
  anyOf,
  DocumentStorage,
  idOf,
  instantOf,
  isDuplicate,
  type DocumentPlace,
  type HeadDocument,
} from './mongo-documents.ts'
import { slicesOf } from '../../storage/slices.ts'

export type { GridFSBucket } from './gridfs-files.ts'

/** What a storage needs of a database: `documents` are the heads. */
export type GridFSPlace = DocumentPlace & FilesPlace

interface FileDocument extends HeadDocument {
  /** Of the bucket's file; null where the body is empty. */
  readonly file: string | null
  readonly bodyBytes: number
}

/** What a head names; anything, where it is none of ours. */
interface FoundFile {
  readonly file?: unknown
}

interface Chunk {
  readonly n: number
  readonly data: Buffer
}

interface FoundDocument extends FileDocument {
  /** One of the body's, each of which comes with the head. */
  readonly chunk?: Chunk
}

// A body that is replaced while it is read is read anew; nobody replaces it that often.
const attempts = 5
const sweepEvery: Ms = 3_600_000
const writesAtOnce = 8
const none: ReadonlySet<string> = new Set()
const fileOptions = { projection: { file: 1 } }
const upsert = { upsert: true }
// No such command, not supported, not implemented (FerretDB), no such stage.
const cannotJoin: ReadonlySet<unknown> = new Set([59, 115, 238, 40_324])

/** Records whose bodies are files in a GridFS bucket; see the top of the file. */
export class GridFSStorage extends DocumentStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: false,
    maxBodyBytes: 2 ** 28,
  }
  readonly #place: GridFSPlace
  readonly #bodyStages: readonly object[]
  /** Until a server has said that it cannot read from two collections at once. */
  #joins = true
  #sweptAt = -Infinity

  constructor(place: GridFSPlace) {
    super(place)
    this.#place = place
    // The head knows the length, so the bucket's own list of files need not be asked.
    const from = place.chunks.collectionName
    this.#bodyStages = [
      { $lookup: { from, localField: 'file', foreignField: 'files_id', as: 'chunk' } },
      // One document a chunk: together they may be too long for one.
      { $unwind: { path: '$chunk', preserveNullAndEmptyArrays: true } },
    ]
  }

  override async get(key: string): Promise<StoredRecord | undefined> {
    const filter = idOf(key)
    let before: string | null = null
    for (let attempt = 0; attempt < attempts; attempt++) {
      const found = await this.#read(filter)
      if (found[0] === undefined) return undefined
      const body = bodyOf(found)
      const { head, bodyBytes, file } = found[0]
      if (typeof head !== 'string') break
      if (body.byteLength === bodyBytes) return { head, body, expiresAt: instantOf(found[0]) }
      // Nobody is replacing it: its file is not whole.
      if (file === before) break
      before = file
    }
    throw torn()
  }

  override async set(key: string, record: StoredRecord): Promise<void> {
    // The driver writes later than it is told to, and callers may change what they handed over.
    await this.adopt(key, { ...record, body: Buffer.from(record.body) })
  }

  override async adopt(key: string, record: StoredRecord): Promise<void> {
    const filter = idOf(key)
    await this.ready()
    await this.writes.write(record.body.byteLength, () => this.#write(filter, record))
  }

  async #write(filter: { _id: string }, { head, body, expiresAt }: StoredRecord): Promise<void> {
    const file = body.byteLength === 0 ? null : await writeFile(this.#place, filter._id, body)
    const document = {
      ...(await this.expiryOf(expiresAt)),
      head,
      file,
      bodyBytes: body.byteLength,
    }
    await this.#deleteFileOf(await this.#switchHead(filter, document))
  }

  override async delete(key: string): Promise<boolean> {
    const filter = idOf(key)
    const before = await this.#whereFound(filter, async (found) => {
      if (found === null) return true
      return (await this.documents.deleteOne({ ...filter, ...sameFile(found) })).deletedCount > 0
    })
    await this.#deleteFileOf(before)
    return before !== null
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    // Of several records for one key the last counts.
    const last = [...new Map(records)]
    for (const slice of slicesOf(last, writesAtOnce)) {
      await Promise.all(slice.map(([key, record]) => this.set(key, record)))
    }
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    let deleted = 0
    for (const slice of slicesOf(keys, pageDocuments)) {
      const cursor = this.documents.find(anyOf(slice), fileOptions)
      deleted += await this.#deleteFound(await allOf(this.ask, cursor))
    }
    return deleted
  }

  override async deleteExpired(now: EpochMs, limit: number): Promise<number> {
    const past = await this.pastOf(now)
    let deleted = 0
    for (;;) {
      const wanted = limit - deleted
      const cursor = this.documents.find(past, { ...fileOptions, limit: wanted })
      const expired = await allOf<FileDocument>(this.ask, cursor)
      // Others delete as well.
      deleted += await this.#deleteFound(expired, past)
      if (deleted >= limit) return deleted
      if (expired.length < wanted) break
    }
    await this.#sweep()
    return deleted
  }

  // Not all of the bucket: what another process is just writing has its head yet to come.
  override async clear(): Promise<void> {
    for await (const page of this.pages<FileDocument>(fileOptions)) await this.#deleteFound(page)
    await sweepFiles(this.#place, this.documents)
  }

  async #read(filter: object): Promise<FoundDocument[]> {
    if (!this.#joins) return this.#readTwice(filter)
    try {
      const stages = [{ $match: filter }, ...this.#bodyStages]
      return await allOf(this.ask, this.documents.aggregate(stages))
    } catch (error) {
      if (!cannotJoin.has((error as { code?: unknown }).code)) throw error
      this.#joins = false
      return this.#readTwice(filter)
    }
  }

  async #readTwice(filter: object): Promise<FoundDocument[]> {
    const found = (await this.ask(() => this.documents.findOne(filter))) as FileDocument | null
    if (found === null) return []
    if (!isFile(found.file)) return [found]
    const cursor = this.#place.chunks.find({ files_id: found.file })
    const chunks = await allOf<Chunk>(this.ask, cursor)
    return chunks.length === 0 ? [found] : chunks.map((chunk) => ({ ...found, chunk }))
  }

  // Heads first: a file without a head is nothing to readers, a head without a file is an error.
  async #deleteFound(found: readonly FileDocument[], condition: object = {}): Promise<number> {
    let deleted = 0
    for (const slice of slicesOf(found, pageDocuments)) {
      const keys = slice.map(({ _id }) => _id)
      const files = slice.map(({ file }) => file)
      const filter = { ...anyOf(keys), file: { $in: files }, ...condition }
      const { deletedCount } = await this.ask(() => this.documents.deleteMany(filter))
      deleted += deletedCount
      // Where some were not as they were found any more, they may have been renewed only.
      const kept =
        deletedCount === slice.length ? none : await filesNamed(this.ask, this.documents, keys)
      const gone = files.filter(isFile).filter((file) => !kept.has(file))
      await deleteFiles(this.#place, gone)
    }
    return deleted
  }

  async #switchHead(filter: { _id: string }, document: object): Promise<FoundFile | null> {
    return this.#whereFound(filter, async (found) => {
      if (found !== null) {
        const same = { ...filter, ...sameFile(found) }
        return (await this.documents.replaceOne(same, document)).matchedCount > 0
      }
      try {
        await this.documents.replaceOne({ ...filter, file: { $exists: false } }, document, upsert)
        return true
      } catch (error) {
        // Another writer was the first.
        if (isDuplicate(error)) return false
        throw error
      }
    })
  }

  // What `findOneAnd…` does, but by a head that is still as it was found: there are servers that tell
  // several of the same head (SecantusDB), and then the file of another one would stay for ever.
  async #whereFound(
    filter: object,
    change: (found: FoundFile | null) => Promise<boolean>,
  ): Promise<FoundFile | null> {
    for (;;) {
      const found: FoundFile | null = await this.ask(() =>
        this.documents.findOne(filter, { ...fileOptions, ...newest }),
      )
      if (await this.ask(() => change(found))) return found
    }
  }

  async #deleteFileOf(head: FoundFile | null): Promise<void> {
    if (isFile(head?.file)) await deleteFiles(this.#place, [head.file])
  }

  async #sweep(): Promise<void> {
    const now = monotonicNow()
    if (now - this.#sweptAt < sweepEvery) return
    this.#sweptAt = now
    await sweepFiles(this.#place, this.documents)
  }
}

function isFile(file: unknown): file is string {
  return typeof file === 'string'
}

/** Null is also the one that is missing. */
function sameFile({ file = null }: FoundFile): object {
  return { file: { $eq: file } }
}

function bodyOf(found: readonly FoundDocument[]): Buffer {
  const chunks = found.flatMap(({ chunk }) => chunk ?? [])
  const parts = chunks.toSorted((a, b) => a.n - b.n).map(({ data }) => data)
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}
