import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test, type TestContext } from 'node:test'
import { request } from 'undici'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { CacheError } from '../../lib/errors.ts'
import { cachedAgent } from './caches.ts'
import { startAssetOrigin, type Asset } from './ranged-origin.ts'
import { kindOfRecord } from '../../lib/entries/record-keys.ts'

/** Reads of one part fail so often, as where a connection is lost. */
class DroppingStorage extends MemoryStorage {
  failsAt = ''
  times = 0
  how: 'throws' | 'rejects' | 'hangs' = 'throws'

  override get(key: string): StoredRecord | undefined {
    if (this.times === 0 || kindOfRecord(key) !== 'part' || !key.endsWith(this.failsAt))
      return super.get(key)
    this.times--
    const lost = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    if (this.how === 'throws') throw lost
    const answer = this.how === 'rejects' ? Promise.reject(lost) : new Promise(() => {})
    return answer as unknown as StoredRecord
  }
}

class DroppingCache extends BaseCache {
  override readonly responses: DroppingStorage = new DroppingStorage()
}

const body = randomBytes(3.5 * 2 ** 20)

async function stored(t: TestContext, how: DroppingStorage['how']) {
  const asset: Asset = { body, headers: { etag: '"one"' } }
  const origin = await startAssetOrigin(t, asset)
  const cache = new DroppingCache()
  const reported: CacheError[] = []
  const { agent } = cachedAgent(t, {
    backend: cache,
    storageTimeout: 200,
    onError: (error) => reported.push(error),
  })
  const read = async (): Promise<Buffer> => {
    const response = await request(origin.url, { dispatcher: agent })
    return Buffer.from(await response.body.arrayBuffer())
  }
  await read()
  await cache.flush()
  cache.responses.how = how
  return { origin, cache, reported, read, asset }
}

for (const part of ['.0', '.2']) {
  describe(`a connection that is lost at part ${part}`, () => {
    for (const how of ['throws', 'rejects'] as const) {
      test(`${how} once: the part is read again`, async (t) => {
        const { origin, cache, reported, read } = await stored(t, how)
        Object.assign(cache.responses, { failsAt: part, times: 1 })
        assert.ok((await read()).equals(body))
        assert.equal(origin.requests.length, 1)
        assert.deepEqual(reported, [])
      })
    }

    for (const [how, code] of [
      ['throws', 'ERR_CACHE_STORAGE_FAILED'],
      ['rejects', 'ERR_CACHE_STORAGE_FAILED'],
      ['hangs', 'ERR_CACHE_STORAGE_TIMEOUT'],
    ] as const) {
      test(`${how} for good: the origin goes on, one report, and the entry stays`, async (t) => {
        const { origin, cache, reported, read } = await stored(t, how)
        Object.assign(cache.responses, { failsAt: part, times: Infinity })
        const begin = performance.now()
        assert.ok((await read()).equals(body))
        assert.ok(performance.now() - begin < 1500)
        assert.equal(origin.requests.length, 2)
        assert.deepEqual(
          reported.map((error) => error.code),
          [code],
        )
        if (how !== 'hangs') assert.equal(cache.responses.times, Infinity)
        assert.equal(await cache.size(), 1)
      })

      test(`${how} for good, and the origin cannot go on: an error of the cache`, async (t) => {
        const { origin, cache, read } = await stored(t, how)
        Object.assign(cache.responses, { failsAt: '.2', times: Infinity })
        await origin.close()
        await assert.rejects(read(), (error: CacheError) => {
          assert.ok(error instanceof CacheError)
          assert.equal(error.code, code)
          return true
        })
      })
    }
  })
}
