/** Where requests-cache's backends lose, hang or throw (defects 2, 5, 6, 10 and 11): not so here. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import {
  BaseCache,
  cacheInterceptor,
  FileCache,
  SQLiteCache,
  type CacheError,
} from '../../lib/index.ts'
import { setUp, type Desk } from '../coming-from-requests-cache/desk.ts'
import { temporaryFolder } from '../integration/caches.ts'

interface Database {
  exec(sql: string): unknown
  close(): unknown
}
const Driver = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => Database

const record = { head: 'head', body: Buffer.from('body') }

interface Reporting extends Desk {
  readonly codes: string[]
}

/** What is reported is looked at, and fails nothing. */
async function reporting(t: TestContext, backend: BaseCache): Promise<Reporting> {
  const codes: string[] = []
  const onError = ({ code }: CacheError): number => codes.push(code)
  return { ...(await setUp(t, { backend, onError })), codes }
}

function openSqlite(t: TestContext): SQLiteCache {
  const cache = new SQLiteCache(join(temporaryFolder(t), 'cache'), { hotTierBytes: 0 })
  t.after(() => cache.close())
  return cache
}

describe('SQLite', () => {
  test('a write that fails is reported, what is stored is read, and later writes succeed', async (t) => {
    const cache = openSqlite(t)
    const { hits, codes } = await reporting(t, cache)
    await hits('/before')
    await cache.flush()
    const other = new Driver(cache.path)
    other.exec(
      `CREATE TRIGGER full BEFORE INSERT ON responses BEGIN SELECT RAISE(FAIL, 'disk full'); END`,
    )
    assert.deepEqual(await hits('/before', '/new'), [true, false])
    await cache.flush()
    assert.deepEqual(await hits('/new'), [false])
    await cache.flush()
    assert.deepEqual(codes, ['ERR_CACHE_STORAGE_FAILED'], 'once')
    other.exec('DROP TRIGGER full')
    other.close()
    await hits('/new')
    await cache.flush()
    assert.deepEqual(await hits('/new'), [true])
  })

  test('many writes of which one fails leave nothing open, and nothing spins', async (t) => {
    const { responses } = openSqlite(t)
    const records = [
      ['a', record],
      ['', record],
      ['b', record],
    ] as const
    await assert.rejects(responses.setMany(records), { code: 'ERR_CACHE_KEY_INVALID' })
    await responses.set('c', record)
    assert.equal((await responses.get('c'))?.head, 'head')
  })

  test('any key is a key', async (t) => {
    const { responses } = openSqlite(t)
    for (const key of [`it's`, `'; DROP TABLE responses; --`, '"', '%_', '\\', 'ü\n']) {
      await responses.set(key, { ...record, head: key })
      assert.equal((await responses.get(key))?.head, key)
      assert.equal(await responses.delete(key), true)
    }
  })

  test('filter() heeds olderThan, and so does delete()', async (t) => {
    const cache = openSqlite(t)
    const { hits } = await setUp(t, { backend: cache })
    await hits('/')
    assert.equal((await Array.fromAsync(cache.filter({ olderThan: '1h' }))).length, 0)
    assert.equal(await cache.delete({ olderThan: '1h' }), 0)
    assert.equal((await Array.fromAsync(cache.filter({ olderThan: 0 }))).length, 1)
  })

  test('a custom key with a quote', async (t) => {
    const { ask } = await setUp(t, { backend: openSqlite(t) })
    for (const hit of [false, true]) {
      assert.equal((await ask('/', { key: `it's ../x` })).info?.hit, hit)
    }
  })
})

describe('files', () => {
  test('no key leaves the folder', async (t) => {
    const folder = temporaryFolder(t)
    const cache = new FileCache(join(folder, 'cache'))
    const { ask } = await setUp(t, { backend: cache })
    for (const key of ['../outside', '/etc/outside', 'a/b', '..', 'x'.repeat(300)]) {
      for (const hit of [false, true]) assert.equal((await ask('/', { key })).info?.hit, hit, key)
      await assert.rejects(
        async () => cache.responses.set(key, record),
        { code: 'ERR_CACHE_KEY_INVALID' },
        key,
      )
    }
    assert.deepEqual(readdirSync(folder), ['cache'])
  })

  test('a write that fails breaks no request, and is reported', async (t) => {
    const folder = temporaryFolder(t)
    // Where the folder should be, there is a file.
    writeFileSync(join(folder, 'cache'), '')
    const { hits, codes } = await reporting(t, new FileCache(join(folder, 'cache')))
    assert.deepEqual(await hits('/', '/'), [false, false])
    assert.deepEqual([...new Set(codes)], ['ERR_CACHE_STORAGE_FAILED'])
    rmSync(join(folder, 'cache'))
    await hits('/')
    assert.deepEqual(await hits('/'), [true], 'and it recovers')
  })

  test('clear() leaves files of others', async (t) => {
    const folder = temporaryFolder(t)
    const cache = new FileCache(folder)
    const { hits } = await setUp(t, { backend: cache })
    await hits('/')
    mkdirSync(join(folder, 'responses'), { recursive: true })
    const foreign = ['notes.txt', 'responses/notes.txt'].map((name) => join(folder, name))
    for (const path of foreign) writeFileSync(path, 'of somebody else')
    await cache.clear()
    assert.equal(await cache.size(), 0)
    for (const path of foreign) assert.ok(existsSync(path), path)
  })

  test('one that somebody has cut short is a miss', async (t) => {
    const cache = new FileCache(temporaryFolder(t))
    const { hits, codes } = await reporting(t, cache)
    await hits('/')
    const [path] = await Array.fromAsync(cache.paths())
    writeFileSync(path!, 'torn')
    assert.deepEqual(await hits('/', '/'), [false, true])
    assert.deepEqual(codes, ['ERR_CACHE_ENTRY_CORRUPT'])
  })
})

describe('copies', () => {
  for (const serializer of ['native', 'json', 'yaml', 'bson'] as const) {
    test(`every hit and redirect survives, from SQLite to files in ${serializer}`, async (t) => {
      const folder = temporaryFolder(t)
      const from = new SQLiteCache(join(folder, 'from'))
      const { hits, origin } = await setUp(t, { backend: from })
      const paths = ['/', '/old', '/varies', '/?api_key=one1one1']
      await hits(...paths)
      const to = new FileCache(join(folder, 'to'), { serializer })
      const { copied } = await to.update(from)
      assert.equal(copied, (await from.size()) + 1)
      const there = await setUp(t, { backend: to, onlyIfCached: true }, origin)
      assert.deepEqual(await there.hits(...paths), [true, true, true, true])
      await from.close()
    })
  }
})

describe('what is ignored there without a word', () => {
  const wrong: [name: string, options: object][] = [
    ['an option that there is not', { expire: 60 }],
    ['another word for cacheName', { backend: 'sqlite', db_path: 'mydb' }],
    ['an option of a backend in the wrong place', { backend: 'sqlite', useTemp: true }],
    ['an option of another backend', { backend: 'sqlite', backendOptions: { host: 'a' } }],
    ['a cacheName beside a cache', { backend: new BaseCache(), cacheName: 'x' }],
    ['a lifetime that is none', { expireAfter: '1 second' }],
    ['a status that is none', { allowableCodes: ['200'] }],
  ]
  for (const [name, options] of wrong) {
    test(name, () => {
      assert.throws(() => cacheInterceptor(options), { code: /^ERR_CACHE_OPTION_/ })
    })
  }
})
