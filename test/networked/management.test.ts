/** What a person asks of a cache whose server is away: a CacheError that says why, and what was done. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { openBackend } from '../../lib/backends/open-backend.ts'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { CacheError } from '../../lib/errors.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { startRedisCluster, type RedisCluster } from '../services/redis-groups.ts'
import { startRedis } from '../services/servers.ts'
import type { Server } from '../services/server.ts'
import { harmedKinds, reasonToSkip, type HarmedServer } from './harmed-server.ts'
import { openClient } from './outage-client.ts'
import { startProxy } from './tcp-proxy.ts'

const url = 'http://host.example/'

/** Everything that asks a storage. */
const calls: Readonly<Record<string, (cache: BaseCache) => Promise<unknown>>> = {
  'has()': (cache) => cache.has(url),
  'get()': (cache) => cache.get(url),
  'delete() of a URL': (cache) => cache.delete(url),
  'delete() of a selection': (cache) => cache.delete({ urlPrefix: url }),
  'filter()': (cache) => Array.fromAsync(cache.filter()),
  'urls()': (cache) => Array.fromAsync(cache.urls()),
  'size()': (cache) => cache.size(),
  'stats()': (cache) => cache.stats(),
  'resetExpiration()': (cache) => cache.resetExpiration(1),
  'history()': (cache) => cache.history(url),
  'clear()': (cache) => cache.clear(),
  'update()': (cache) => cache.update(cache),
  'recreateKeys()': (cache) => cache.recreateKeys(),
  'prune()': (cache) => cache.prune(),
  'verify()': (cache) => cache.verify(),
}

for (const kind of harmedKinds) {
  const { service } = kind
  describe(service, { skip: reasonToSkip(service) }, () => {
    let server: HarmedServer
    before(async () => {
      server = await kind.start()
      await server.kill()
    })
    after(() => server.stop())

    test('nothing but a CacheError comes out of a server that is away', async (t) => {
      for (const [name, { backend, backendOptions }] of Object.entries(server.places)) {
        const quick = backend === 'redis' ? { commandTimeout: 300 } : { operationTimeout: 300 }
        const cache = openBackend(backend as string, undefined, { ...backendOptions, ...quick })
        t.after(() => cache.close())
        for (const [call, ask] of Object.entries(calls)) {
          const failed = await ask(cache).then(
            () => assert.fail(`${name}: ${call} ends well`),
            (error: unknown) => error,
          )
          assert.ok(failed instanceof CacheError, `${name}: ${call} throws ${String(failed)}`)
          assert.match(failed.code, /^ERR_CACHE_STORAGE_(FAILED|TIMEOUT)$/)
          assert.ok(!/undefined|\[object/.test(failed.message), failed.message)
        }
      }
    })
  })
}

describe('redis-cluster', { skip: reasonToSkip('redis-cluster') }, () => {
  let servers: RedisCluster
  before(async () => {
    servers = await startRedisCluster()
  })
  after(() => Promise.all(servers.nodes.map((node) => node.stop())))

  test('a node that is away keeps nobody from the others, and the error says so', async (t) => {
    const cluster = servers.nodes.map((node) => node.url)
    const client = await openClient(t, 'cluster', {
      backend: 'redis',
      backendOptions: { cluster, cacheName: 'partial' },
    })
    const paths = Array.from({ length: 30 }, (_, index) => `/${index}`)
    for (const path of paths) await client.ask(path)
    await client.caching.cache.flush()
    const [frozen] = servers.nodes
    frozen!.freeze()
    try {
      const cache = new RedisCache('partial', { cluster, commandTimeout: 3_000 })
      t.after(() => cache.close())
      await assert.rejects(cache.size(), (error: CacheError) => {
        assert.match(error.message, /1 of 3 nodes of the Cluster did not answer/)
        return error instanceof CacheError
      })
      await assert.rejects(cache.clear(), (error: CacheError) => {
        assert.match(error.message, /^deleted \d+ keys; 1 of 3 nodes of the Cluster did not answer/)
        return error instanceof CacheError
      })
    } finally {
      frozen!.thaw()
    }
    const left = await client.caching.cache.size()
    assert.ok(left > 0 && left < paths.length, `${left} are left`)
    await client.caching.clear()
    assert.equal(await client.caching.cache.size(), 0)
  })
})

describe('redis', { skip: reasonToSkip('redis') }, () => {
  let server: Server
  before(async () => {
    server = await startRedis()
  })
  after(() => server.stop())

  test('what a function of the caller throws, and a signal, come out as they are', async (t) => {
    const client = await openClient(t, 'own', {
      backend: 'redis',
      backendOptions: { url: server.url, cacheName: 'own' },
    })
    await client.untilHit('/', 5_000)
    const { cache } = client.caching
    const own = new RangeError('mine')
    const fail = (): never => {
      throw own
    }
    const failLater = async (): Promise<never> => fail()
    const isOwn = (error: unknown): boolean => error === own
    await assert.rejects(Array.fromAsync(cache.filter({ filter: fail })), isOwn)
    await assert.rejects(cache.delete({ filter: failLater }), isOwn)
    await assert.rejects(cache.resetExpiration(1, { filter: failLater }), isOwn)
    await assert.rejects(cache.update(cache, { filter: fail }), isOwn)
    await assert.rejects(cache.update(cache, { onProgress: fail }), isOwn)
    await assert.rejects(cache.recreateKeys({ onProgress: fail }), isOwn)
    await assert.rejects(cache.verify({ onProgress: fail }), isOwn)
    const signal = AbortSignal.abort(own)
    await assert.rejects(cache.update(cache, { signal }), isOwn)
    await assert.rejects(cache.verify({ signal }), isOwn)
    assert.equal(await cache.size(), 1)
  })

  test('close() waits for a slow server no longer than it is told to', async (t) => {
    const proxy = await startProxy(t, server.url)
    const long = Buffer.alloc(20 * 2 ** 20, 'x')
    const origin = await startOrigin(t, (_, response) => response.end(long))
    for (const [timeout, stored] of [
      [1_000, false],
      [60_000, true],
    ] as const) {
      const reports: CacheError[] = []
      const { agent, caching } = cachedAgent(t, {
        onError: (error) => reports.push(error),
        backend: 'redis',
        backendOptions: { port: proxy.port },
        cacheName: `closing in ${timeout}`,
        storageTimeout: 5_000,
      })
      proxy.trouble({ toClient: { delay: 150 } })
      const { body } = await agent.request({ origin: origin.url, path: '/', method: 'GET' })
      await body.dump({ limit: 2 * long.length })
      const begin = performance.now()
      await caching.close({ timeout })
      const took = performance.now() - begin
      assert.ok(took < timeout + 500, `it took ${took} ms`)
      proxy.trouble()
      await later(100)
      assert.deepEqual(
        reports.map(({ code }) => code),
        stored ? [] : ['ERR_CACHE_STORAGE_CLOSED'],
      )
      const cache = new RedisCache(`closing in ${timeout}`, { url: server.url })
      t.after(() => cache.close())
      assert.equal(await cache.has(`${origin.url}/`), stored)
    }
    const { caching } = cachedAgent(t, { backend: 'memory' })
    const wrong = { timeout: '1s' } as unknown as { timeout: number }
    assert.throws(() => void caching.close(wrong), { code: 'ERR_CACHE_OPTION_INVALID' })
  })
})
