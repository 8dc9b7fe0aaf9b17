import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { request } from 'undici'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

const kib = 1024
const maxCacheBytes = 1000 * kib
const openers: Readonly<Record<string, (folder: string) => BaseCache>> = {
  memory: () => new BaseCache({ maxCacheBytes }),
  sqlite: (folder) => new SQLiteCache(join(folder, 'c'), { maxCacheBytes }),
  filesystem: (folder) => new FileCache(join(folder, 'c'), { maxCacheBytes }),
}

type Ask = (path: string) => Promise<{ hit: boolean; reason: string }>

async function setUp(t: TestContext, cache: BaseCache): Promise<Ask> {
  const origin = await startOrigin(t, ({ path }, response) => {
    response.end(Buffer.alloc(Number(path.split('/')[2]) * kib, path))
  })
  const { agent } = cachedAgent(t, { backend: cache })
  return async (path) => {
    const response = await request(origin.url + path, { dispatcher: agent })
    await response.body.dump({ limit: 2 ** 30 })
    await cache.flush()
    return getCacheInfo(response)!
  }
}

describe('maxCacheBytes', () => {
  for (const [name, open] of Object.entries(openers)) {
    test(`${name}: what has not been used for the longest goes`, async (t) => {
      const cache = open(temporaryFolder(t))
      t.after(() => cache.close())
      const ask = await setUp(t, cache)
      for (let n = 0; n < 30; n++) {
        await ask(`/${n}/100`)
        // Last uses are told apart by milliseconds.
        await later(2)
        if (n > 0) assert.equal((await ask('/0/100')).hit, true, `after ${n}`)
        await later(2)
        const { bodyBytes } = await cache.stats()
        assert.ok(bodyBytes <= maxCacheBytes, `${bodyBytes} bytes after ${n}`)
      }
      assert.ok((await cache.size()) >= 7, 'no more than has to')
      for (const n of [28, 29]) assert.equal((await ask(`/${n}/100`)).hit, true)
      assert.equal((await ask('/1/100')).hit, false)
    })

    test(`${name}: long bodies go, parts and all, and one that is too long is not stored`, async (t) => {
      const cache = open(temporaryFolder(t))
      t.after(() => cache.close())
      const ask = await setUp(t, cache)
      assert.equal((await ask('/0/1001')).reason, 'too-large')
      assert.equal(await cache.size(), 0)
      for (let n = 0; n < 5; n++) await ask(`/${n}/900`)
      await cache.flush()
      assert.equal(await cache.size(), 1)
    })
  }

  test('what is stored at the same moment is counted together', async (t) => {
    const source = new BaseCache()
    const ask = await setUp(t, source)
    for (let n = 0; n < 50; n++) await ask(`/${n}/1`)
    const cache = new SQLiteCache(join(temporaryFolder(t), 'c'), { maxCacheBytes })
    t.after(() => cache.close())
    let listings = 0
    const heads = cache.responses.heads.bind(cache.responses)
    cache.responses.heads = () => {
      listings++
      return heads()
    }
    await cache.update(source)
    await cache.flush()
    assert.equal(listings, 1)
  })

  for (const name of ['sqlite', 'filesystem']) {
    test(`${name}: what was there before counts`, async (t) => {
      const folder = temporaryFolder(t)
      const before =
        name === 'sqlite' ? new SQLiteCache(join(folder, 'c')) : new FileCache(join(folder, 'c'))
      const ask = await setUp(t, before)
      for (let n = 0; n < 30; n++) await ask(`/${n}/100`)
      await before.close()
      const cache = openers[name]!(folder)
      t.after(() => cache.close())
      assert.equal(await cache.size(), 30)
      await (
        await setUp(t, cache)
      )('/new/100')
      assert.ok((await cache.stats()).bodyBytes <= maxCacheBytes)
    })
  }

  test('nonsense is refused', () => {
    assert.throws(() => new BaseCache({ maxCacheBytes: -1 }), /option 'maxCacheBytes' must be/)
  })
})
