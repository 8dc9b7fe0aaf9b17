/**
 * Opens a SQLite file that cannot be written, or whose folder cannot: fixtures in a container, the
 * cache of another user. What is in it can be read all the same.
 */
import { readFileSync, statSync } from 'node:fs'
import { CacheError } from '../../errors.ts'
import type { DriverClass, SqliteDriver } from './sqlite-file.ts'

// What is read into memory: more would look like a leak, and fixtures are smaller.
const maxSnapshotBytes = 512 * 2 ** 20

/** Whether the error says that something cannot be written here, and nothing worse. */
export function isUnwritable(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^(SQLITE_(CANTOPEN|READONLY)|EACCES|EPERM|EROFS)/.test(code)
}

/**
 * @param check looks whether the database is ours, and throws where it is not
 * @returns undefined where there is no file
 * @throws what SQLite and `check` throw; CacheError ERR_CACHE_STORAGE_FAILED
 */
export function openForReading(
  Driver: DriverClass,
  path: string,
  check: (db: SqliteDriver) => void,
): SqliteDriver | undefined {
  if (bytesOf(path) === undefined) return undefined
  try {
    return checked(new Driver(path, { readonly: true, fileMustExist: true }), check)
  } catch (error) {
    // It works with the files of the WAL beside it, which last as long as somebody has it open.
    if (!isUnwritable(error)) throw error
    return checked(openCopy(Driver, path), check)
  }
}

function checked(db: SqliteDriver, check: (db: SqliteDriver) => void): SqliteDriver {
  try {
    check(db)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

// SQLite makes the files of the WAL even to read, unless it is told by the name, as a URI, that the
// file is immutable; better-sqlite3 is compiled without such names. A copy in memory needs no WAL.
function openCopy(Driver: DriverClass, path: string): SqliteDriver {
  if ((bytesOf(`${path}-wal`) ?? 0) > 0) {
    throw failed(`'${path}' has changes in its -wal; open it once where they can be written back`)
  }
  const before = statSync(path)
  if (before.size > maxSnapshotBytes) {
    throw failed(`'${path}' is too large to be used in a folder that cannot be written`)
  }
  const bytes = readFileSync(path)
  const after = statSync(path)
  if (after.mtimeMs !== before.mtimeMs || after.size !== before.size) {
    throw failed(`'${path}' was changed while it was read`)
  }
  // The versions of the file's format: 2 is that with a WAL, 1 the same without.
  if (bytes[18] === 2) bytes[18] = bytes[19] = 1
  return new Driver(bytes, { readonly: true })
}

function failed(message: string): CacheError {
  return new CacheError('ERR_CACHE_STORAGE_FAILED', message)
}

function bytesOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}
