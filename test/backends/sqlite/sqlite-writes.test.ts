import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SqliteDriver } from '../../../lib/backends/sqlite/sqlite-file.ts'
import type { SQLiteStorage } from '../../../lib/backends/sqlite/sqlite-storage.ts'
import { SQLiteCache, type SQLiteCacheOptions } from '../../../lib/backends/sqlite/sqlite-cache.ts'
import { endOf, firstOutput, startChild } from '../child.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { wholeOf, writeOf } from '../writes.ts'

const Driver = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
) => SqliteDriver
const folder = temporaryFolder()
let made = 0

function newPath(): string {
  return join(folder, `${made++}.sqlite`)
}

// Without a serializer the storages are SQLite's own, which read at once.
interface BareCache extends SQLiteCache {
  readonly responses: SQLiteStorage
}

function open(t: TestContext, path: string, options?: SQLiteCacheOptions): BareCache {
  const cache = new SQLiteCache(path, options) as BareCache
  // Where a write was given up, closing says so once more.
  t.after(() => cache.close().catch(() => {}))
  return cache
}

/** Another connection, which holds the lock for writing until it is told to let go. */
function lock(t: TestContext, path: string): () => void {
  const db = new Driver(path)
  db.exec('BEGIN IMMEDIATE')
  const release = (): void => {
    if (db.inTransaction) db.exec('ROLLBACK')
  }
  t.after(() => {
    release()
    db.close()
  })
  return release
}

describe('SQLite writes', () => {
  test('are read before they are committed', async (t) => {
    const { responses } = open(t, newPath())
    const written = responses.set('a', writeOf(1))
    assert.equal(responses.get('a')?.head, '1')
    assert.equal(responses.has('a'), true)
    assert.deepEqual(await Array.fromAsync(responses.keys()), ['a'])
    await written
    const deleted = responses.delete('a')
    assert.equal(responses.get('a'), undefined)
    assert.equal(responses.has('a'), false)
    assert.equal(await responses.size(), 0)
    await deleted
  })

  test('take their own copy at once', async (t) => {
    const { responses } = open(t, newPath())
    const record = writeOf(7)
    const written = responses.set('a', record)
    record.body.fill(0)
    responses.get('a')?.body.fill(0)
    await written
    const stored = responses.get('a')
    assert.equal(stored?.head, '7')
    wholeOf(stored)
  })

  test('of one turn keep their order', async (t) => {
    const path = newPath()
    const { responses } = open(t, path)
    await Promise.all([
      responses.set('a', writeOf(1)),
      responses.set('b', writeOf(2)),
      responses.delete('b'),
      responses.set('a', writeOf(3)),
      responses.set('b', writeOf(4)),
      responses.delete('a'),
    ])
    const again = open(t, path)
    assert.equal(again.responses.get('a'), undefined)
    assert.equal(again.responses.get('b')?.head, '4')
  })

  test('go through a hundred mebibytes without holding up the loop', async (t) => {
    const { responses } = open(t, newPath())
    const delay = monitorEventLoopDelay({ resolution: 5 })
    const body = new Uint8Array(2 ** 20)
    const writes: Promise<void>[] = []
    delay.enable()
    for (let i = 0; i < 100; i++) {
      writes.push(responses.set(`k${i}`, { head: String(i), body }))
      await sleep(1)
    }
    await Promise.all(writes)
    delay.disable()
    assert.equal(await responses.size(), 100)
    t.diagnostic(`longest delay ${Math.round(delay.max / 1e6)} ms`)
    // The median says it for a machine that is busy with other things, too.
    assert.ok(delay.percentile(50) / 1e6 < 100)
  })

  test('fail where the database refuses them', async (t) => {
    const path = newPath()
    const { responses } = open(t, path)
    const db = new Driver(path)
    t.after(() => void db.close())
    db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON responses BEGIN SELECT RAISE(ABORT, 'no'); END`)
    await assert.rejects(async () => responses.set('a', writeOf(1)))
    assert.equal(responses.get('a'), undefined)
    db.exec('DROP TRIGGER refuse')
    await responses.set('a', writeOf(1))
    assert.equal(responses.get('a')?.head, '1')
  })

  test('to a closed cache are refused, and so are reads', async (t) => {
    const cache = open(t, newPath())
    await cache.close()
    const uses: (() => unknown)[] = [
      () => cache.responses.set('a', writeOf(1)),
      () => cache.responses.get('a'),
      () => cache.responses.has('a'),
      () => cache.responses.delete('a'),
      () => cache.responses.size(),
      () => cache.responses.clear(),
      () => Array.fromAsync(cache.responses.keys()),
    ]
    for (const use of uses) {
      await assert.rejects(async () => use(), { code: 'ERR_CACHE_STORAGE_CLOSED' })
    }
  })
})

describe('SQLite, while another connection holds the lock', () => {
  test('writes are tried again, reads answer, and the loop goes on', async (t) => {
    const path = newPath()
    const { responses } = open(t, path)
    await responses.set('before', writeOf(1))
    const release = lock(t, path)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    let settled = false
    const written = responses.set('a', writeOf(2)).then(() => (settled = true))
    await sleep(400)
    assert.equal(settled, false)
    assert.equal(responses.get('before')?.head, '1')
    assert.equal(responses.get('a')?.head, '2')
    delay.disable()
    // A tenth of what a wait for the lock would be; a busy machine stands still for some of it.
    assert.ok(delay.max / 1e6 < 300, `the loop stood still for ${delay.max / 1e6} ms`)
    release()
    await written
    assert.equal(open(t, path).responses.get('a')?.head, '2')
  })

  test('clear, deleteExpired and replaceHead are tried again', async (t) => {
    const path = newPath()
    const { responses } = open(t, path)
    await responses.set('a', { ...writeOf(1), expiresAt: 1_000 })
    await responses.set('b', writeOf(2))
    const release = lock(t, path)
    setTimeout(release, 100)
    assert.equal(await responses.deleteExpired(2_000, 10), 1)
    const releaseAgain = lock(t, path)
    setTimeout(releaseAgain, 100)
    assert.equal(await responses.replaceHead('b', '2', { head: '102' }), true)
    const releaseAtLast = lock(t, path)
    setTimeout(releaseAtLast, 100)
    await responses.clear()
    assert.equal(await responses.size(), 0)
  })

  test('for longer than the timeout, writes fail and later ones do not', async (t) => {
    const path = newPath()
    const { responses } = open(t, path, { timeout: 200 })
    const release = lock(t, path)
    const busy = { name: 'CacheError', code: 'ERR_CACHE_STORAGE_BUSY' }
    const begun = performance.now()
    await assert.rejects(async () => responses.set('a', writeOf(1)), busy)
    assert.ok(performance.now() - begun >= 150)
    assert.equal(responses.get('a'), undefined, 'what was given up is still served')
    await assert.rejects(async () => responses.clear(), busy)
    release()
    await responses.set('b', writeOf(2))
    assert.equal(responses.get('b')?.head, '2')
  })
})

describe('SQLite and other processes', () => {
  test('process.exit() right after a set keeps it', async (t) => {
    const path = newPath()
    assert.equal(await endOf(startChild('exit', 'sqlite', path)), 0)
    const { responses } = open(t, path)
    assert.equal(responses.get('last')?.head, '1')
    wholeOf(responses.get('last'))
  })

  test('8 of them write and read one file', async (t) => {
    const path = newPath()
    const names = Array.from({ length: 8 }, (_, i) => `child${i}`)
    const ends = names.map((name) => endOf(startChild('share', 'sqlite', path, name)))
    assert.deepEqual(await Promise.all(ends), Array<number>(8).fill(0))
    const { responses } = open(t, path)
    assert.equal(await responses.size(), 8 * 100 + 5)
    for await (const record of responses.values()) wholeOf(record)
  })

  test('4 of them begin the same files', async () => {
    const path = newPath()
    const ends = [1, 2, 3, 4].map(() => endOf(startChild('begin', 'sqlite', path)))
    assert.deepEqual(await Promise.all(ends), [0, 0, 0, 0])
  })

  test('one that is killed in the middle of writing leaves whole records', async (t) => {
    const path = newPath()
    const child = startChild('endless', 'sqlite', path)
    await firstOutput(child)
    await sleep(50)
    child.kill('SIGKILL')
    assert.equal(await endOf(child), 'SIGKILL')
    const { responses } = open(t, path)
    assert.equal(await responses.size(), 20)
    for await (const record of responses.values()) wholeOf(record)
    const db = new Driver(path)
    t.after(() => void db.close())
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  })
})
