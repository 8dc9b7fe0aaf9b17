/** Gives the room of what was deleted back to the file system. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SqliteConnection } from './sqlite-connection.ts'

// A megabyte at a time takes about a millisecond.
const slicePages = 64
// What is free is used again: a file that breathes need not be cut each time.
const keptPages = 256
const keptShare = 4

/**
 * Cuts the file where more than 4 MiB and a quarter of it are free. A file that was made before there
 * was such a thing stays as it is.
 */
export async function shrink(connection: SqliteConnection): Promise<void> {
  for (let before = Infinity; ;) {
    const free = await connection.run(() => {
      const count = connection.prepare('PRAGMA freelist_count').pluck().get() as number
      const pages = connection.prepare('PRAGMA page_count').pluck().get() as number
      if (count < keptPages || count * keptShare < pages || count >= before) return 0
      connection.prepare(`PRAGMA incremental_vacuum(${slicePages})`).run()
      return count
    })
    if (free === 0) return
    before = free
    await nextTurn()
  }
}
