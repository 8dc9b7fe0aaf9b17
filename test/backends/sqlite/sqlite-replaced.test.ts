/** The file of a SQLite cache is deleted, or replaced, while it is open. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SqliteDriver } from '../../../lib/backends/sqlite/sqlite-file.ts'
import { SQLiteCache } from '../../../lib/backends/sqlite/sqlite-cache.ts'
import type { CacheError } from '../../../lib/errors.ts'
import { startOrigin, type Origin } from '../../../lib/testing/origin.ts'
import { viaRequest } from '../../integration/ask.ts'
import { cachedAgent, type CachedAgent } from '../../integration/caches.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const Driver = createRequire(import.meta.url)('better-sqlite3') as new (
  path: string,
) => SqliteDriver
const folder = temporaryFolder()
let made = 0

const newPath = (): string => join(folder, `${made++}.sqlite`)

interface Opened extends CachedAgent {
  readonly errors: CacheError[]
  readonly get: (path: string) => Promise<readonly [text: string, hit: boolean | undefined]>
}

function open(t: TestContext, origin: Origin, path: string): Opened {
  const errors: CacheError[] = []
  const onError = (error: CacheError): number => errors.push(error)
  const cached = cachedAgent(t, { backend: 'sqlite', cacheName: path, onError })
  const get: Opened['get'] = async (url) => {
    const { text, info } = await viaRequest(cached, origin.url + url)
    return [text, info?.hit]
  }
  return { ...cached, errors, get }
}

async function originFor(t: TestContext): Promise<Origin> {
  const origin = await startOrigin()
  t.after(() => origin.close())
  return origin
}

/** A file that holds other answers to the same requests. */
async function otherFile(t: TestContext, origin: Origin): Promise<string> {
  const path = newPath()
  const other = open(t, origin, path)
  origin.answer(({ path: asked }, response) => response.end(`other ${asked}`))
  for (let i = 0; i < 50; i++) await other.get(`/${i}`)
  await other.caching.close()
  origin.answer(({ path: asked, nth }, response) => response.end(`GET ${asked} ${nth}`))
  return path
}

// Longer than it takes the cache to look again.
const wait = (): Promise<void> => sleep(1_100)

function assertWhole(path: string): void {
  const db = new Driver(path)
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok')
  db.close()
}

const linux = process.platform !== 'win32'

describe(
  'the file of an open SQLite cache',
  { skip: !linux && 'nobody can delete it there' },
  () => {
    for (const endings of [[''], ['', '-wal', '-shm']]) {
      test(`is deleted, ${endings.length} of 3 files: told once, and made anew`, async (t) => {
        const origin = await originFor(t)
        const path = newPath()
        const [first, second] = [open(t, origin, path), open(t, origin, path)]
        await first.get('/a')
        await first.caching.cache.flush()
        assert.deepEqual(await second.get('/a'), ['GET /a 1', true])
        for (const ending of endings) rmSync(path + ending)
        await wait()
        assert.deepEqual(await first.get('/a'), ['GET /a 2', false])
        await first.caching.cache.flush()
        assert.deepEqual(await first.get('/a'), ['GET /a 2', true])
        await second.get('/b')
        assert.deepEqual(await second.get('/a'), ['GET /a 2', true])
        await second.caching.cache.flush()
        await first.get('/c')
        // The caller may have all of a body before it is handed to the storage.
        await sleep(50)
        await first.caching.cache.flush()
        assert.equal(await second.caching.cache.size(), 3)
        for (const { errors } of [first, second]) {
          assert.deepEqual(
            errors.map(({ code }) => code),
            ['ERR_CACHE_STORAGE_FAILED'],
          )
          assert.match(errors[0]!.message, /was (deleted|replaced) while it was open/)
        }
        await Promise.all([first.caching.close(), second.caching.close()])
        assertWhole(path)
      })
    }

    test('is deleted: what is to be written goes into the new one', async (t) => {
      const origin = await originFor(t)
      const path = newPath()
      const { get, caching } = open(t, origin, path)
      await get('/a')
      await caching.cache.flush()
      rmSync(path)
      await get('/b')
      await caching.cache.flush()
      assert.ok(existsSync(path))
      const other = new SQLiteCache(path)
      t.after(() => other.close())
      assert.equal(await other.size(), 1)
    })

    test('is replaced: what is in the new one is used, and the old WAL is not', async (t) => {
      const origin = await originFor(t)
      const other = await otherFile(t, origin)
      const path = newPath()
      const [first, second] = [open(t, origin, path), open(t, origin, path)]
      for (let i = 0; i < 50; i++) await first.get(`/${i}`)
      await first.caching.cache.flush()
      assert.ok(statSync(`${path}-wal`).size > 0)
      renameSync(other, path)
      await wait()
      // The first request is the one that is told.
      await Promise.all([first.get('/told'), second.get('/told')])
      for (const { get } of [first, second]) {
        for (let i = 0; i < 50; i++) assert.deepEqual(await get(`/${i}`), [`other /${i}`, true])
      }
      await first.get('/new')
      await first.caching.cache.flush()
      assert.deepEqual(await second.get('/new'), ['GET /new 1', true])
      for (const { errors } of [first, second]) assert.equal(errors.length, 1)
      await Promise.all([first.caching.close(), second.caching.close()])
      assertWhole(path)
      const third = open(t, origin, path)
      for (let i = 0; i < 50; i++) assert.deepEqual(await third.get(`/${i}`), [`other /${i}`, true])
    })

    test('is replaced by what is no database: the origin answers until it is away', async (t) => {
      const origin = await originFor(t)
      const path = newPath()
      const { get, errors, caching } = open(t, origin, path)
      await get('/a')
      await caching.cache.flush()
      const text = 'no database, but long enough for one. '.repeat(50)
      writeFileSync(`${path}.new`, text)
      renameSync(`${path}.new`, path)
      await wait()
      for (const nth of [2, 3, 4]) {
        assert.deepEqual(await get('/a'), [`GET /a ${nth}`, false])
        await caching.cache.flush()
      }
      assert.equal(readFileSync(path, 'utf8'), text)
      assert.deepEqual([...new Set(errors.map(({ code }) => code))], ['ERR_CACHE_FILE_CORRUPT'])
      rmSync(path)
      await wait()
      await get('/b')
      await caching.cache.flush()
      assert.deepEqual(await get('/b'), ['GET /b 1', true])
    })

    test('is looked at without a cost for hits: it stays open', async (t) => {
      const origin = await originFor(t)
      const path = newPath()
      const { get, errors } = open(t, origin, path)
      await get('/a')
      await wait()
      assert.deepEqual(await get('/a'), ['GET /a 1', true])
      assert.deepEqual(errors, [])
    })
  },
)
