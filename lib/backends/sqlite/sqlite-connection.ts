/**
 * One connection to a SQLite file, shared by the storages in it. Writes of one turn of the loop are
 * committed together; until then they are read from memory. A file that another process has locked
 * is tried again a little later: the loop never waits for it, nor spins.
 */
import { CacheError } from '../../errors.ts'
import { loopTurn } from '../../loop-turn.ts'
import {
  clearImmediate,
  clearTimeout,
  monotonicNow,
  setImmediate,
  setTimeout,
  sleep,
} from '../../timers.ts'
import type { Ms } from '../../units.ts'
import type { StoredRecord } from '../../storage/base-storage.ts'
import { SqliteHandle } from './sqlite-handle.ts'
import { SliceLength } from './sqlite-slices.ts'
import {
  isBusy,
  openSqliteFile,
  type OnCorrupt,
  type SqliteStatement,
  type SqliteTable,
} from './sqlite-file.ts'

/** Options of a SQLite file. */
export interface SqliteOptions {
  /** How long a write goes on trying while others hold the lock. Default 5 seconds. */
  readonly timeout?: Ms | undefined
  /** `'replace'` sets an unusable file aside and begins anew. Default `'error'`. */
  readonly onCorrupt?: OnCorrupt | undefined
  /** Faster writes that a power cut, not a crash, may lose or break. Default false. */
  readonly fastSave?: boolean | undefined
}

/** A change that waits for its commit. */
interface Change {
  /** Undefined for a deletion. */
  record: StoredRecord | undefined
  /** Settles with the commit. */
  readonly committed: PromiseWithResolvers<void>
}

type Pending = Map<string, Change>

const tables: readonly SqliteTable[] = ['responses', 'redirects']

// More than this in one transaction would hold up the loop for longer than a blink.
const maxFlushBytes = 2 * 2 ** 20
const maxFlushTime: Ms = 4
const firstChanges = 128
const firstDelay: Ms = 2
const longestDelay: Ms = 50
// How stale the view of what other processes have written may be.
const pollEvery: Ms = 5

/** A connection, and the writes that wait for their commit; see the top of the file. */
export class SqliteConnection {
  readonly path: string
  readonly #handle: SqliteHandle
  readonly #timeout: Ms
  readonly #pending: Record<SqliteTable, Pending> = { responses: new Map(), redirects: new Map() }
  readonly #upsert: Record<SqliteTable, SqliteStatement>
  readonly #remove: Record<SqliteTable, SqliteStatement>
  readonly #dataVersion: SqliteStatement
  #immediate: NodeJS.Immediate | undefined
  #retry: NodeJS.Timeout | undefined
  #busySince: number | undefined
  #delay: Ms = firstDelay
  /** Of a transaction: its commit takes its time as well, the more the more pages have changed. */
  readonly #flushLength = new SliceLength(firstChanges)
  #version: unknown
  #polledAt = 0
  #closed = false
  /** Moves on by one with each change of ours, and with what another process has changed. */
  readonly #changes: Record<SqliteTable, number> = { responses: 0, redirects: 0 }

  constructor(path: string, options: SqliteOptions = {}) {
    this.path = path
    this.#timeout = options.timeout ?? 5_000
    const { onCorrupt = 'error', fastSave = false } = options
    this.#handle = new SqliteHandle(
      path,
      () => openSqliteFile(path, onCorrupt, fastSave),
      () => tables.forEach((table) => this.changed(table)),
    )
    const perTable = (
      sql: (table: SqliteTable) => string,
    ): Record<SqliteTable, SqliteStatement> => ({
      responses: this.#handle.prepare(sql('responses')),
      redirects: this.#handle.prepare(sql('redirects')),
    })
    // An update keeps the row's id, which the listing counts on.
    this.#upsert = perTable(
      (table) => `INSERT INTO ${table} (key, expires, head, body) VALUES (?, ?, ?, ?)
        ON CONFLICT (key) DO UPDATE SET expires = excluded.expires, head = excluded.head, body = excluded.body`,
    )
    this.#remove = perTable((table) => `DELETE FROM ${table} WHERE key = ?`)
    this.#dataVersion = this.#handle.prepare('PRAGMA data_version').pluck()
    this.#version = this.#dataVersion.get()
  }

  /** @throws CacheError ERR_CACHE_STORAGE_CLOSED */
  prepare(sql: string): SqliteStatement {
    this.assertOpen()
    return this.#handle.prepare(sql)
  }

  /** Runs statements to their end that give nothing back. */
  exec(sql: string): void {
    this.assertOpen()
    this.#handle.db.exec(sql)
  }

  changeToken(table: SqliteTable): number {
    const now = monotonicNow()
    if (now - this.#polledAt >= pollEvery && !this.#closed) {
      this.#polledAt = now
      this.#handle.lookNowAndThen()
      const version = this.#dataVersion.get()
      if (version !== this.#version) {
        this.#version = version
        for (const each of tables) this.changed(each)
      }
    }
    return this.#changes[table]
  }

  /** Told of a change that was made past `write`. */
  changed(table: SqliteTable): void {
    this.#changes[table]++
  }

  /** What waits to be committed; null for a deletion, undefined where nothing does. */
  pending(table: SqliteTable, key: string): StoredRecord | null | undefined {
    const changes = this.#pending[table]
    if (changes.size === 0) return undefined
    const change = changes.get(key)
    return change && (change.record ?? null)
  }

  /** @returns a promise that settles with the commit */
  write(table: SqliteTable, key: string, record: StoredRecord | undefined): Promise<void> {
    this.assertOpen()
    this.changed(table)
    const changes = this.#pending[table]
    let change = changes.get(key)
    if (change === undefined) change = { record, committed: Promise.withResolvers() }
    else {
      change.record = record
      // To the end of the Map: what was written last is committed last.
      changes.delete(key)
    }
    changes.set(key, change)
    this.#schedule()
    return change.committed.promise
  }

  /**
   * Runs a statement that sees what was written before it and not what is written after; tries
   * again while the file is locked.
   */
  async run<T>(statement: () => T): Promise<T> {
    let busySince: number | undefined
    for (let delay = firstDelay; ;) {
      this.assertOpen()
      try {
        this.#handle.look()
        if (this.#commitSome()) return statement()
        busySince = undefined
      } catch (error) {
        if (!isBusy(error)) throw error
        busySince ??= monotonicNow()
        if (monotonicNow() - busySince > this.#timeout) throw busyError(this.path, error)
        await sleep(delay * (0.5 + Math.random()))
        delay = Math.min(delay * 2, longestDelay)
      }
      const pause = loopTurn.pause()
      if (pause !== undefined) await pause
    }
  }

  /** Settles when everything written so far is committed. */
  async flush(): Promise<void> {
    const waiting = tables.flatMap((table) => [...this.#pending[table].values()])
    if (waiting.length === 0) return
    if (this.#retry === undefined) this.#flushNow()
    await Promise.all(waiting.map((change) => change.committed.promise))
  }

  async close(): Promise<void> {
    if (this.#closed) return
    try {
      await this.flush()
    } finally {
      this.#closed = true
      this.#cancel()
      this.#handle.close()
    }
  }

  #schedule(): void {
    if (this.#immediate !== undefined || this.#retry !== undefined) return
    unsaved.add(this)
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined
      this.#flushNow()
    })
  }

  #flushNow(): void {
    this.#cancel()
    try {
      const done = this.#commitSome()
      this.#busySince = undefined
      this.#delay = firstDelay
      if (done) unsaved.delete(this)
      else this.#schedule()
    } catch (error) {
      if (!isBusy(error)) return this.#giveUp(error as Error)
      this.#busySince ??= monotonicNow()
      if (monotonicNow() - this.#busySince < this.#timeout) this.#retryLater()
      else this.#giveUp(busyError(this.path, error))
    }
  }

  /** @returns whether that was all */
  #commitSome(): boolean {
    if (tables.every((table) => this.#pending[table].size === 0)) return true
    this.#flushLength.measure((most) => this.#commit(most))
    return tables.every((table) => this.#pending[table].size === 0)
  }

  #commit(most: number): void {
    const committed: [Pending, string, Change][] = []
    let bytes = 0
    this.#handle.look()
    const { db } = this.#handle
    const began = monotonicNow()
    // What is short takes its time as well, when it is many.
    const isEnough = (): boolean =>
      bytes > maxFlushBytes ||
      committed.length >= most ||
      (committed.length % 16 === 15 && monotonicNow() - began > maxFlushTime)
    db.exec('BEGIN IMMEDIATE')
    try {
      for (const table of tables) {
        for (const [key, change] of this.#pending[table]) {
          if (isEnough()) break
          committed.push([this.#pending[table], key, change])
          if (change.record === undefined) this.#remove[table].run(key)
          else {
            const { expiresAt, head, body } = change.record
            this.#upsert[table].run(key, expiresAt ?? null, head, body)
            bytes += body.byteLength + head.length
          }
        }
      }
      db.exec('COMMIT')
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK')
      throw error
    }
    for (const [changes, key, change] of committed) {
      changes.delete(key)
      change.committed.resolve()
    }
  }

  #retryLater(): void {
    const jittered = this.#delay * (0.5 + Math.random())
    this.#delay = Math.min(this.#delay * 2, longestDelay)
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      this.#flushNow()
    }, jittered)
  }

  // What could not be written is lost, and whoever waits is told; memory must not fill up with it.
  #giveUp(error: Error): void {
    this.#busySince = undefined
    this.#delay = firstDelay
    unsaved.delete(this)
    for (const table of tables) {
      this.changed(table)
      const changes = [...this.#pending[table].values()]
      this.#pending[table].clear()
      for (const change of changes) change.committed.reject(error)
    }
  }

  #cancel(): void {
    clearImmediate(this.#immediate)
    clearTimeout(this.#retry)
    this.#immediate = undefined
    this.#retry = undefined
  }

  /**
   * Before something is read: the file of the path is the one that is open.
   * @throws CacheError ERR_CACHE_STORAGE_CLOSED; once, where it was another one
   */
  assertCurrent(): void {
    this.assertOpen()
    this.#handle.lookNowAndThen()
    this.#handle.tell()
  }

  /** @throws CacheError ERR_CACHE_STORAGE_CLOSED */
  assertOpen(): void {
    if (!this.#closed) return
    throw new CacheError('ERR_CACHE_STORAGE_CLOSED', `the cache '${this.path}' is closed`)
  }

  static {
    // A program that ends with `process.exit()` right after its last response has stored it, too.
    process.on('exit', () => {
      for (const connection of unsaved) {
        try {
          while (!connection.#commitSome());
        } catch {
          // There is nobody left to tell.
        }
      }
    })
  }
}

const unsaved = new Set<SqliteConnection>()

function busyError(path: string, cause: unknown): CacheError {
  return new CacheError('ERR_CACHE_STORAGE_BUSY', `'${path}' is locked by another process`, {
    cause,
  })
}
