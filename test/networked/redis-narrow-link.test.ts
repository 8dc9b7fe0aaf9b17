/** A healthy server behind a narrow link: what is written stands in the way of no hit. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { request } from 'undici'
import type { CacheError } from '../../lib/errors.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { startRedis } from '../services/servers.ts'
import type { Server } from '../services/server.ts'
import { reasonToSkip } from './harmed-server.ts'
import { startProxy } from './tcp-proxy.ts'

const mebibyte = 2 ** 20
const long = Buffer.alloc(40 * mebibyte, 'x')
const bytesPerSecond = 10 * mebibyte
/** Together they are stored for four seconds, and behind all that a hit would wait for as long. */
const longestHit = 700

describe('redis', { skip: reasonToSkip('redis') }, () => {
  let server: Server
  before(async () => {
    server = await startRedis()
  })
  after(() => server.stop())

  for (const whose of ['a client of ours', 'a ready client'] as const) {
    test(`${whose}: hits while a long body is stored`, async (t) => {
      const proxy = await startProxy(t, server.url)
      const { port } = proxy
      const connection = whose === 'a ready client' ? new Redis({ port }) : undefined
      t.after(() => connection?.disconnect())
      const origin = await startOrigin(t, ({ path }, response) =>
        response.end(path === '/long' ? long : path),
      )
      const reports: CacheError[] = []
      const { agent, caching } = cachedAgent(t, {
        backend: 'redis',
        backendOptions: connection === undefined ? { port } : { connection },
        cacheName: whose,
        onError: (error) => reports.push(error),
      })
      const ask = async (path: string): Promise<{ hit: boolean; ms: number }> => {
        const begin = performance.now()
        const { headers, body } = await request(origin.url + path, { dispatcher: agent })
        assert.equal((await body.arrayBuffer()).byteLength, path === '/long' ? long.length : 6)
        const hit = String(headers['cache-status']).includes('; hit')
        return { hit, ms: performance.now() - begin }
      }
      await ask('/short')
      await caching.cache.flush()
      proxy.trouble({ toServer: { bytesPerSecond } })
      const [storedAt, carried] = [performance.now(), proxy.carried.toServer]
      assert.equal((await ask('/long')).hit, false)
      const stored = caching.cache.flush().then(() => performance.now() - storedAt)
      for (let done = false, asked = 0; !done; asked++) {
        const { hit, ms } = await ask('/short')
        assert.ok(hit, `the hit ${asked} is none`)
        assert.ok(ms < longestHit, `the hit ${asked} waits ${ms} ms`)
        done = await Promise.race([stored.then(() => true), later(20, false)])
      }
      assert.ok((await stored) > 3_000, `stored within ${await stored} ms`)
      assert.ok(proxy.carried.toServer - carried > long.byteLength)
      proxy.trouble()
      assert.equal((await ask('/long')).hit, true)
      assert.deepEqual(reports, [])
    })
  }
})
