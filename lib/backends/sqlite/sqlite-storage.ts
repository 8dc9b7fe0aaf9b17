import {
  BaseStorage,
  checkKey,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from '../../storage/base-storage.ts'
import { loopTurn } from '../../loop-turn.ts'
import { CacheError } from '../../errors.ts'
import type { EpochMs } from '../../units.ts'
import { torn } from '../../storage/frame.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import type { SqliteStatement, SqliteTable } from './sqlite-file.ts'
import { shrink } from './sqlite-shrink.ts'
import { changeInSlices, SliceLength } from './sqlite-slices.ts'
import { unreadableHead } from '../../storage/unreadable-head.ts'

// Of an index of keys, as many are counted in a millisecond or two.
const countedKeys = 20_000
// A file that has no more pages is cleared as fast in one go.
const fewPages = 512

// Columns have the types of the schema, unless the file has decayed.
type Row = [expires: EpochMs | null, head: unknown, body: unknown]

/** Records as rows of one table; see `sqlite-connection.ts` for when they are written. */
export class SQLiteStorage extends BaseStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: false,
    // SQLite holds up to 2^31 bytes in a value; well below it memory is the limit.
    maxBodyBytes: 2 ** 28,
    savesAtExit: true,
  }
  readonly #connection: SqliteConnection
  readonly #table: SqliteTable
  readonly #get: SqliteStatement
  readonly #has: SqliteStatement
  readonly #count: SqliteStatement
  readonly #keyPage: SqliteStatement
  readonly #headPage: SqliteStatement
  readonly #replaceHead: SqliteStatement
  readonly #deleteExpired: SqliteStatement

  constructor(connection: SqliteConnection, table: SqliteTable) {
    super()
    this.#connection = connection
    this.#table = table
    this.#get = connection.prepare(`SELECT expires, head, body FROM ${table} WHERE key = ?`).raw()
    this.#has = connection.prepare(`SELECT 1 FROM ${table} WHERE key = ?`).pluck()
    this.#count = connection
      .prepare(
        `SELECT count(*), max(key) FROM
          (SELECT key FROM ${table} WHERE key > ? ORDER BY key LIMIT ${countedKeys})`,
      )
      .raw()
    const page = `FROM ${table} WHERE rowid > ? ORDER BY rowid LIMIT ?`
    this.#keyPage = connection.prepare(`SELECT rowid, key ${page}`).raw()
    this.#headPage = connection.prepare(`SELECT rowid, key, head, expires ${page}`).raw()
    this.#replaceHead = connection.prepare(
      `UPDATE ${table} SET head = ?, expires = ? WHERE key = ? AND head = ?`,
    )
    this.#deleteExpired = connection.prepare(
      `DELETE FROM ${table} WHERE rowid IN
        (SELECT rowid FROM ${table} WHERE expires IS NOT NULL AND expires <= ?
          AND key NOT IN (SELECT value FROM json_each(?)) LIMIT ?)`,
    )
  }

  override changeToken(): number {
    return this.#connection.changeToken(this.#table)
  }

  override get(key: string): StoredRecord | undefined {
    const record = this.peek(key)
    // What still waits for its commit is shared with the one who commits it.
    return this.#connection.pending(this.#table, key) ? record && copyOf(record) : record
  }

  override peek(key: string): StoredRecord | undefined {
    checkKey(key)
    this.#connection.assertCurrent()
    const pending = this.#connection.pending(this.#table, key)
    if (pending !== undefined) return pending ?? undefined
    const row = this.#get.get(key) as Row | undefined
    if (row === undefined) return undefined
    const [expires, head, body] = row
    if (typeof head !== 'string' || !(body instanceof Uint8Array)) throw torn()
    return { head, body, expiresAt: expires ?? undefined }
  }

  override has(key: string): boolean {
    checkKey(key)
    this.#connection.assertOpen()
    const pending = this.#connection.pending(this.#table, key)
    return pending === undefined ? this.#has.get(key) !== undefined : pending !== null
  }

  override set(key: string, record: StoredRecord): Promise<void> {
    return this.adopt(key, copyOf(record))
  }

  override adopt(key: string, record: StoredRecord): Promise<void> {
    checkKey(key)
    return this.#connection.write(this.#table, key, record)
  }

  override async delete(key: string): Promise<boolean> {
    const had = this.has(key)
    await this.#connection.write(this.#table, key, undefined)
    return had
  }

  override replaceHead(
    key: string,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): Promise<boolean> {
    return this.#connection.run(() => {
      this.#connection.changed(this.#table)
      return this.#replaceHead.run(head, expiresAt ?? null, key, from).changes > 0
    })
  }

  override async *keys(): AsyncIterable<string> {
    for await (const [, key] of this.#pages<[number, unknown]>(this.#keyPage)) {
      // Nobody can ask for a row whose key is none.
      if (typeof key === 'string') yield key
    }
  }

  override async *heads(): AsyncIterable<StoredHead> {
    type HeadRow = [rowid: number, key: unknown, head: unknown, expires: EpochMs | null]
    for await (const [, key, head, expires] of this.#pages<HeadRow>(this.#headPage)) {
      if (typeof key !== 'string') continue
      const expiresAt = expires ?? undefined
      yield typeof head === 'string'
        ? { key, head, expiresAt }
        : unreadableHead(key, expiresAt, torn())
    }
  }

  override async size(): Promise<number> {
    let size = 0
    for (let after = ''; ;) {
      const [count, last] = await this.#connection.run(
        () => this.#count.get(after) as [number, string],
      )
      size += count
      if (count < countedKeys) return size
      after = last
      const pause = loopTurn.pause()
      if (pause !== undefined) await pause
    }
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    const deleted = await Promise.all(keys.map((key) => this.delete(key)))
    return deleted.filter(Boolean).length
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    await Promise.all(Array.from(records, ([key, record]) => this.set(key, record)))
  }

  override async deleteExpired(
    now: EpochMs,
    limit: number,
    kept: ReadonlySet<string> = noKeys,
  ): Promise<number> {
    const stay = JSON.stringify([...kept])
    const remove = (rows: number): number => {
      const { changes } = this.#deleteExpired.run(now, stay, rows)
      if (changes > 0) this.#connection.changed(this.#table)
      return changes
    }
    const deleted = await changeInSlices(this.#connection, remove, limit)
    if (deleted < limit) await shrink(this.#connection)
    return deleted
  }

  // In the order of row ids, up to the last one that there is now: what is stored meanwhile comes
  // after it and stays, unless it takes the place of a row that has not been deleted yet.
  override async clear(): Promise<void> {
    const last = await this.#connection.run(() => this.#clearAtOnce())
    if (last !== undefined) {
      const removal = this.#connection.prepare(
        `DELETE FROM ${this.#table} WHERE rowid IN
          (SELECT rowid FROM ${this.#table} WHERE rowid <= ? ORDER BY rowid LIMIT ?)`,
      )
      await changeInSlices(this.#connection, (rows) => {
        this.#connection.changed(this.#table)
        return removal.run(last, rows).changes
      })
    }
    await shrink(this.#connection)
  }

  /** @returns undefined where all is done; else the last row id, for whoever does it in slices */
  #clearAtOnce(): number | undefined {
    const pages = this.#connection.prepare('PRAGMA page_count').pluck().get() as number
    if (pages > fewPages) {
      const max = this.#connection.prepare(`SELECT max(rowid) FROM ${this.#table}`).pluck().get()
      return (max as number | null) ?? undefined
    }
    this.#connection.changed(this.#table)
    this.#connection.prepare(`DELETE FROM ${this.#table}`).run()
    return undefined
  }

  override close(): Promise<void> {
    return this.#connection.close()
  }

  // Pages by row id: an upsert keeps the id, so no row comes twice, and none is passed over.
  async *#pages<R extends [rowid: number, ...unknown[]]>(page: SqliteStatement): AsyncIterable<R> {
    const length = new SliceLength()
    for (let after = 0; ;) {
      let wanted = 0
      const rows = await this.#connection.run(() =>
        length.measure((count) => page.all(after, (wanted = count)) as R[]),
      )
      for (const row of rows) {
        const pause = loopTurn.pause()
        if (pause !== undefined) await pause
        yield row
      }
      if (rows.length < wanted) return
      const [last] = rows.at(-1)!
      // In a file that has decayed it would begin anew, without end.
      if (!(last > after)) throw new CacheError('ERR_CACHE_FILE_CORRUPT', 'the rows have no order')
      after = last
    }
  }
}

const noKeys: ReadonlySet<string> = new Set()

function copyOf({ head, body, expiresAt }: StoredRecord): StoredRecord {
  return { head, body: Uint8Array.prototype.slice.call(body), expiresAt }
}
