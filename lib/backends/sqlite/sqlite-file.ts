/**
 * Opens a SQLite file and sees that it is ours: not another program's, not broken, not of a newer
 * version of this library.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { asCacheError, CacheError } from '../../errors.ts'
import { monotonicNow } from '../../timers.ts'
import type { Ms } from '../../units.ts'
import { loadDriver } from '../../storage/load-driver.ts'
import { isUnwritable, openForReading } from './sqlite-read-only.ts'

/** The part of better-sqlite3 that is used here. */
export interface SqliteDriver {
  prepare(sql: string): SqliteStatement
  exec(sql: string): unknown
  pragma(sql: string, options?: { simple: boolean }): unknown
  close(): unknown
  readonly inTransaction: boolean
}

/** A prepared statement of better-sqlite3, as far as it is used here. */
export interface SqliteStatement {
  run(...parameters: unknown[]): { readonly changes: number }
  get(...parameters: unknown[]): unknown
  all(...parameters: unknown[]): unknown[]
  raw(): SqliteStatement
  pluck(): SqliteStatement
}

/** What to do with a file that is not a usable database. */
export type OnCorrupt = 'error' | 'replace'

// "udch": SQLite's place for saying whose file it is.
const applicationId = 0x75646368
const schemaVersion = 1

const tables = ['responses', 'redirects'] as const
/** The tables of a file: one for each storage. */
export type SqliteTable = (typeof tables)[number]

// The body is the last column: what is read before it leaves its pages untouched.
const schema = tables
  .map(
    (table) => `
  CREATE TABLE ${table} (key TEXT NOT NULL UNIQUE, expires INTEGER, head TEXT NOT NULL, body BLOB NOT NULL);
  CREATE INDEX ${table}_expires ON ${table} (expires) WHERE expires IS NOT NULL;`,
  )
  .join('')

// Long bodies are read and written twice as fast as with SQLite's 4 KiB, short ones as fast. Mapping
// the file would do as much for reading, but what is mapped counts as memory of the process, and a
// cache must not look like a leak.
const pageBytes = 16 * 1024
const cacheKibibytes = 16 * 1024
// What the WAL is cut back to when it has grown longer.
const journalBytes = 4 * 2 ** 20
const checkpointBytes = 2 ** 20

/** How long opening may wait for other processes that open the same file. */
const openTimeout: Ms = 5_000

// While open the loop is never held up for longer than this; what takes longer is tried again later.
const busyTimeout: Ms = 10

/**
 * @throws CacheError ERR_CACHE_DRIVER_MISSING, ERR_CACHE_FILE_CORRUPT, ERR_CACHE_FILE_FOREIGN,
 * ERR_CACHE_FILE_NEWER, ERR_CACHE_STORAGE_FAILED
 */
export function openSqliteFile(
  path: string,
  onCorrupt: OnCorrupt,
  fastSave: boolean,
): SqliteDriver {
  const Driver = loadDriver('sqlite', 'better-sqlite3') as DriverClass
  try {
    return openOrRead(Driver, path, fastSave)
  } catch (error) {
    const known = describe(error, path)
    if (known.code !== 'ERR_CACHE_FILE_CORRUPT' || onCorrupt !== 'replace') throw known
  }
  try {
    setAside(path)
    return openPatiently(Driver, path, fastSave)
  } catch (error) {
    throw describe(error, path)
  }
}

/** The class of better-sqlite3; bytes are a database in memory. */
export type DriverClass = new (
  database: string | Buffer,
  options: {
    readonly timeout?: number
    readonly readonly?: boolean
    readonly fileMustExist?: boolean
  },
) => SqliteDriver

function openOrRead(Driver: DriverClass, path: string, fastSave: boolean): SqliteDriver {
  try {
    if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true })
    return openPatiently(Driver, path, fastSave)
  } catch (error) {
    if (!isUnwritable(error)) throw error
    const db = openForReading(Driver, path, (opened) => checkReadable(opened, path))
    if (db === undefined) throw error
    return db
  }
}

function checkReadable(db: SqliteDriver, path: string): void {
  checkOwner(db, path)
  if (db.pragma('user_version', { simple: true }) === schemaVersion) return
  const message = `'${path}' is empty, and cannot be written`
  throw new CacheError('ERR_CACHE_STORAGE_FAILED', message)
}

// SQLite's own wait does not cover everything: two that turn the same file to WAL, or one that opens
// while the last one closes, are refused at once.
function openPatiently(Driver: DriverClass, path: string, fastSave: boolean): SqliteDriver {
  const since = monotonicNow()
  for (;;) {
    try {
      return open(Driver, path, fastSave)
    } catch (error) {
      if (!isBusy(error) || monotonicNow() - since > openTimeout) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + 4 * Math.random())
    }
  }
}

function open(Driver: DriverClass, path: string, fastSave: boolean): SqliteDriver {
  const db = new Driver(path, { timeout: openTimeout })
  try {
    // One snapshot: between two, another process may make our tables in what was empty.
    inTransaction(db, 'BEGIN', () => checkOwner(db, path))
    // Reading it first: setting it needs a lock, even where nothing changes.
    if (db.pragma('journal_mode', { simple: true }) !== 'wal') {
      // Both count only before the first table is made.
      db.pragma(`page_size = ${pageBytes}`)
      db.pragma('auto_vacuum = INCREMENTAL')
      db.pragma('journal_mode = WAL')
    }
    db.pragma(`synchronous = ${fastSave ? 'OFF' : 'NORMAL'}`)
    db.pragma(`cache_size = -${cacheKibibytes}`)
    db.pragma(`journal_size_limit = ${journalBytes}`)
    // What is copied into the file at once: with what is synchronized then, some milliseconds. By default it
    // is sixteen times as much.
    db.pragma(`wal_autocheckpoint = ${checkpointBytes / pageBytes}`)
    createSchema(db, path)
    db.pragma(`busy_timeout = ${busyTimeout}`)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function checkOwner(db: SqliteDriver, path: string): void {
  const owner = db.pragma('application_id', { simple: true })
  const tableCount = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number
  if (owner !== applicationId && (owner !== 0 || tableCount > 0)) {
    const message = `'${path}' is a database of another program; name another file as cacheName`
    throw new CacheError('ERR_CACHE_FILE_FOREIGN', message)
  }
  const version = db.pragma('user_version', { simple: true }) as number
  if (version > schemaVersion) {
    const message = `'${path}' was written by a newer version of undici-cache (format ${version}, this one reads ${schemaVersion})`
    throw new CacheError('ERR_CACHE_FILE_NEWER', message)
  }
}

function createSchema(db: SqliteDriver, path: string): void {
  if (db.pragma('user_version', { simple: true }) === schemaVersion) return
  inTransaction(db, 'BEGIN IMMEDIATE', () => {
    // Another process may have been faster.
    checkOwner(db, path)
    if (db.pragma('user_version', { simple: true }) === schemaVersion) return
    db.exec(schema)
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${schemaVersion}`)
  })
}

function inTransaction(db: SqliteDriver, begin: string, work: () => void): void {
  db.exec(begin)
  try {
    work()
    db.exec('COMMIT')
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** Whether an error of SQLite says that somebody else holds the lock. */
export function isBusy(error: unknown): boolean {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && /^SQLITE_(BUSY|LOCKED)/.test(code)
}

function describe(error: unknown, path: string): CacheError {
  if (error instanceof CacheError) return error
  const code = (error as { code?: string }).code ?? ''
  if (code.startsWith('SQLITE_NOTADB') || code.startsWith('SQLITE_CORRUPT')) {
    const message = `'${path}' is no usable database; delete it, or set onCorrupt: 'replace'`
    return new CacheError('ERR_CACHE_FILE_CORRUPT', message, { cause: error })
  }
  return asCacheError('ERR_CACHE_STORAGE_FAILED', `cannot open '${path}'`, error)
}

// Set aside, not deleted: it may be somebody's only copy of something.
function setAside(path: string): void {
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, `${path}.corrupt-${stamp}${suffix}`)
  }
}
