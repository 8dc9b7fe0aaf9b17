/** Gives the room of what was deleted back to the file system. */
import { CacheError } from '../../errors.ts'
import type { SqliteConnection } from './sqlite-connection.ts'
import { nextTurn } from '../../timers.ts'

// A megabyte at a time takes about a millisecond.
const slicePages = 64
// So that the WAL does not grow by all that is cut.
const slicesPerCheckpoint = 16
// What is free is used again: a file that breathes need not be cut each time.
const keptPages = 256
const keptShare = 4

/**
 * Cuts the file where more than 4 MiB and a quarter of it are free. A file that was made before there
 * was such a thing is cut when it is empty only; one that others use all the time, later.
 */
export async function shrink(connection: SqliteConnection): Promise<void> {
  try {
    if (!(await connection.run(() => isWasteful(connection)))) return
    if (!(await connection.run(() => makeAnew(connection)))) await cutSlices(connection)
  } catch (error) {
    // The next one will do it.
    if (!(error instanceof CacheError) || !later.has(error.code)) throw error
  }
}

const later: ReadonlySet<string> = new Set(['ERR_CACHE_STORAGE_BUSY', 'ERR_CACHE_STORAGE_CLOSED'])

// Row ids, by which lists are paged, may change: only where there is none.
function makeAnew(connection: SqliteConnection): boolean {
  const empty = isEmpty(connection)
  if (empty) connection.exec('VACUUM')
  return empty
}

async function cutSlices(connection: SqliteConnection): Promise<void> {
  const checkpoint = connection.prepare('PRAGMA wal_checkpoint(PASSIVE)')
  for (let slice = 1, before = Infinity; ; slice++) {
    const free = await connection.run(() => {
      const count = freePages(connection)
      if (count >= before || !isWasteful(connection)) return undefined
      // A statement that is prepared would be left after the first page.
      connection.exec(`PRAGMA incremental_vacuum(${slicePages})`)
      if (slice % slicesPerCheckpoint === 0) checkpoint.all()
      return count
    })
    if (free === undefined) return
    before = free
    await nextTurn()
  }
}

function isWasteful(connection: SqliteConnection): boolean {
  const free = freePages(connection)
  return free >= keptPages && free * keptShare >= numberOf(connection, 'PRAGMA page_count')
}

function isEmpty(connection: SqliteConnection): boolean {
  const rows = 'SELECT EXISTS (SELECT 1 FROM responses) OR EXISTS (SELECT 1 FROM redirects)'
  return numberOf(connection, rows) === 0
}

function freePages(connection: SqliteConnection): number {
  return numberOf(connection, 'PRAGMA freelist_count')
}

function numberOf(connection: SqliteConnection, sql: string): number {
  return connection.prepare(sql).pluck().get() as number
}
