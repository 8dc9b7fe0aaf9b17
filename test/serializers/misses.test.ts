/** What a cache cannot read is a miss, reported, and replaced by the next response. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { request } from 'undici'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import { compress } from '../../lib/serializers/compress.ts'
import { encrypt } from '../../lib/serializers/encrypt.ts'
import type { Serializer } from '../../lib/serializers/serializer.ts'
import { sign } from '../../lib/serializers/sign.ts'
import { temporaryFolder } from '../backends/temporary-folder.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'

const folder = temporaryFolder()
const [key, otherKey] = [randomBytes(32), randomBytes(32)]
let made = 0

const changes: readonly [what: string, before: Serializer, after: Serializer, code: string][] = [
  ['another secret', sign('a'), sign('b'), 'ERR_CACHE_SIGNATURE_INVALID'],
  ['another key', encrypt(key), encrypt(otherKey), 'ERR_CACHE_DECRYPT_FAILED'],
  ['no signature', 'native', sign('b'), 'ERR_CACHE_ENTRY_CORRUPT'],
  ['a signature, and none expected', sign('a'), 'native', 'ERR_CACHE_ENTRY_CORRUPT'],
  ['another format', 'json', 'bson', 'ERR_CACHE_ENTRY_CORRUPT'],
  ['a format, and none expected', 'json', 'native', 'ERR_CACHE_ENTRY_CORRUPT'],
  ['other stages', compress(), ['json', compress()], 'ERR_CACHE_ENTRY_CORRUPT'],
]

describe('a stored response', () => {
  for (const [what, before, after, code] of changes) {
    test(`with ${what}: is a miss, reported each time, and replaced`, async (t) => {
      const origin = await startOrigin(t, ({ path }, response, nth) => {
        if (path === '/moved') return response.writeHead(302, { location: '/a' }).end()
        return response.end(`${path} ${nth}`)
      })
      const path = join(folder, String(made++))
      const ask = async (
        cache: BaseCache,
        paths: string[],
        errors: CacheError[],
      ): Promise<string[]> => {
        const { agent } = cachedAgent(t, { backend: cache, onError: (error) => errors.push(error) })
        const bodies: string[] = []
        for (const each of paths) {
          const { body } = await request(origin.url + each, { dispatcher: agent })
          bodies.push(await body.text())
        }
        await cache.flush()
        return bodies
      }
      const errors: CacheError[] = []
      const first = new SQLiteCache(path, { serializer: before })
      assert.deepEqual(await ask(first, ['/a', '/b'], errors), ['/a 1', '/b 1'])
      await first.close()
      assert.equal(errors.length, 0)

      const second = new SQLiteCache(path, { serializer: after })
      t.after(() => second.close())
      assert.deepEqual(await ask(second, ['/a', '/b'], errors), ['/a 2', '/b 2'])
      assert.deepEqual(
        errors.map((error) => error.code),
        [code, code],
      )
      // Who reads it is told what it is, where that can be seen.
      const says = code === 'ERR_CACHE_ENTRY_CORRUPT' ? /it was written by serializer '/ : /./
      assert.match(errors[0]!.message, says)
      assert.deepEqual(await ask(second, ['/a', '/b'], errors), ['/a 2', '/b 2'])
      assert.equal(errors.length, 2)
      assert.equal(await second.size(), 2)
    })
  }

  test('with a previous key: is a hit', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
    const path = join(folder, String(made++))
    for (const serializer of [encrypt(key), encrypt(otherKey, { previousKeys: [key] })]) {
      const cache = new SQLiteCache(path, { serializer })
      const { agent } = cachedAgent(t, { backend: cache })
      const { body } = await request(origin.url, { dispatcher: agent })
      assert.equal(await body.text(), '1')
      await cache.close()
    }
  })

  test('that is compressed later does not hide behind what was there before', async (t) => {
    const bodies = ['first ', 'second '].map((text) => Buffer.alloc(700_000, text))
    const origin = await startOrigin(t, (_, response, nth) => response.end(bodies[nth - 1]))
    const serializer = compress('brotli')
    const cache = new SQLiteCache(join(folder, String(made++)), { serializer })
    t.after(() => cache.close())
    const { agent, caching } = cachedAgent(t, { backend: cache })
    const ask = async (): Promise<Buffer> => {
      const { body } = await request(origin.url, { dispatcher: agent })
      return Buffer.from(await body.arrayBuffer())
    }
    assert.ok((await ask()).equals(bodies[0]!))
    await cache.flush()
    assert.ok((await ask()).equals(bodies[0]!))
    assert.ok((await caching.with({ forceRefresh: true }, ask)).equals(bodies[1]!))
    // At once, while the second is still being compressed.
    assert.ok((await ask()).equals(bodies[1]!))
    await cache.flush()
    assert.ok((await ask()).equals(bodies[1]!))
    assert.equal(origin.requests.length, 2)
  })
})
