/** A Redis that is full drops what it holds as it sees fit: a long body as a whole, or not at all. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Redis } from 'ioredis'
import { request } from 'undici'
import type { CacheError } from '../../lib/errors.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { redisCli } from '../services/redis-groups.ts'
import { startRedis } from '../services/servers.ts'
import type { Server } from '../services/server.ts'
import { reasonToSkip } from './harmed-server.ts'

const urls = 20
const requests = 150
const bodyBytes = 3_000_003
const partsOfBody = 3

describe('redis', { skip: reasonToSkip('redis') }, () => {
  let server: Server
  before(async () => {
    // Room for some eight of the twenty.
    server = await startRedis({ args: ['--maxmemory', '28mb'] })
  })
  after(() => server.stop())

  for (const policy of ['allkeys-lru', 'allkeys-lfu', 'volatile-lfu']) {
    test(`${policy}: no request fails, and no body is half there`, async (t) => {
      const seen = new Redis({ port: server.port })
      t.after(() => seen.disconnect())
      await seen.flushall()
      await redisCli(server.port, 'config', 'set', 'maxmemory-policy', policy)
      await redisCli(server.port, 'config', 'resetstat')
      const bodies = Array.from({ length: urls }, (_, n) => Buffer.alloc(bodyBytes, n))
      const bodyOf = (path: string): Buffer => bodies[Number(path.slice(1))]!
      const origin = await startOrigin(t, ({ path }, response) => response.end(bodyOf(path)))
      const reports: CacheError[] = []
      const { agent, caching } = cachedAgent(t, {
        backend: 'redis',
        backendOptions: { port: server.port },
        expireAfter: '1h',
        storageTimeout: 10_000,
        onError: (error) => reports.push(error),
      })
      let hits = 0
      for (let n = 0; n < requests; n++) {
        // A few are asked for more often than the others.
        const path = `/${Math.floor(urls * Math.random() ** 2)}`
        const response = await request(origin.url + path, { dispatcher: agent })
        const body = Buffer.from(await response.body.arrayBuffer())
        assert.ok(body.equals(bodyOf(path)), `${path} is another body`)
        if (String(response.headers['cache-status']).includes('; hit')) hits++
        await caching.cache.flush()
      }
      assert.ok(hits > 0)
      assert.match(await seen.info('stats'), /evicted_keys:[1-9]/)
      const hashes = (await seen.keys('*')).filter((key) => key.includes('.p'))
      assert.ok(hashes.length > 0)
      for (const key of hashes) {
        const fields = await seen.hkeys(key)
        // One that went while it was being written has lost its beginning, and promises nothing.
        if (fields.includes('h0')) assert.equal(fields.length, 2 * partsOfBody, key)
      }
      // That a body is gone is no news but to whom it was promised.
      for (const { code } of reports) assert.equal(code, 'ERR_CACHE_ENTRY_CORRUPT')
    })
  }
})
