import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { Client, fetch, request, type Dispatcher } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { WrappedStorage } from '../cache/wrapped-storage.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

/** Storages behind a network that is slow to delete. */
class LateStorage extends WrappedStorage {
  override async get(key: string): Promise<StoredRecord | undefined> {
    return super.get(key)
  }

  override async delete(key: string): Promise<boolean> {
    await later(200)
    return super.delete(key)
  }
}

class LateCache extends BaseCache {
  override readonly responses: LateStorage = new LateStorage()
  override readonly redirects: LateStorage = new LateStorage()
}

interface Caller {
  readonly url: string
  readonly cache: BaseCache
  /** Whether a GET is a hit. */
  readonly isHit: (path: string, headers?: Record<string, string>) => Promise<boolean>
  readonly change: (
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: string,
  ) => Promise<number>
}

async function setUp(t: TestContext, options: CacheOptions = {}): Promise<Caller> {
  const origin = await startOrigin(t, ({ method, path, headers }, response) => {
    if (path.startsWith('/varies')) response.setHeader('vary', 'accept-language')
    if (method === 'GET' && path === '/hop') {
      return void response.writeHead(302, { location: '/other' }).end()
    }
    if (method === 'GET') {
      return void response.end(path === '/long' ? Buffer.alloc(2_500_000) : path)
    }
    for (const name of ['location', 'content-location']) {
      const value = headers[`x-${name}`]
      if (value !== undefined) response.setHeader(name, value)
    }
    response.writeHead(Number(headers['x-status'] ?? 200)).end()
  })
  const { caching, agent: dispatcher } = cachedAgent(t, options)
  return {
    url: origin.url,
    cache: caching.cache,
    async isHit(path, headers = {}) {
      const response = await fetch(origin.url + path, { dispatcher, headers })
      await response.text()
      await caching.cache.flush()
      return getCacheInfo(response)!.hit
    },
    async change(method, path, headers = {}, body = 'x') {
      const url = origin.url + path
      const given = { ...headers }
      const { statusCode, body: answer } = await request(url, {
        ...{ dispatcher, headers: given, body },
        method: method as 'POST',
      })
      await answer.dump()
      return statusCode
    },
  }
}

describe('a request that changes something', () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PURGE']) {
    test(`${method} makes what is stored for its URL a miss, once`, async (t) => {
      const { isHit, change } = await setUp(t)
      for (const path of ['/a', '/b']) await isHit(path)
      await change(method, '/a')
      assert.deepEqual(
        [await isHit('/a'), await isHit('/a'), await isHit('/b')],
        [false, true, true],
      )
    })
  }

  for (const backend of embedded) {
    test(`${backend}: deletes a long body, a redirect and all variants`, async (t) => {
      const cache = openCache(backend, temporaryFolder(t))
      t.after(() => cache.close())
      const { url, isHit, change } = await setUp(t, { backend: cache })
      const languages = ['de', 'en', 'fr'].map((language) => ({ 'accept-language': language }))
      const hits = async (): Promise<boolean[]> => {
        const all = []
        for (const headers of languages) all.push(await isHit('/varies', headers))
        return all
      }
      await hits()
      assert.deepEqual(await hits(), [true, true, true])
      await change('PUT', '/varies')
      assert.deepEqual(await hits(), [false, false, false])
      assert.deepEqual(await hits(), [true, true, true])
      for (const path of ['/long', '/hop']) {
        await isHit(path)
        const asked = await cache.get(`${url}${path}`)
        assert.ok(asked !== undefined, path)
        await change('PUT', path)
        assert.equal(await cache.has(`${url}${path}`), false, path)
      }
    })
  }

  test('also where the response says that the result is', async (t) => {
    const { isHit, change } = await setUp(t)
    const paths = ['/list', '/item/1', '/item/2', '/other']
    for (const path of paths) await isHit(path)
    await change('POST', '/list', {
      'x-location': '/item/1',
      'x-content-location': '/item/2',
    })
    const hits = []
    for (const path of paths) hits.push(await isHit(path))
    assert.deepEqual(hits, [false, false, false, true])
  })

  test('not where it fails, nor where the cache may not be changed', async (t) => {
    const { isHit, change, cache } = await setUp(t)
    await isHit('/a')
    for (const status of ['400', '404', '500']) {
      assert.equal(await change('POST', '/a', { 'x-status': status }), Number(status))
    }
    assert.equal(await isHit('/a'), true)
    const readOnly = await setUp(t, { backend: cache, readOnly: true })
    await readOnly.change('POST', '/a')
    assert.equal(await isHit('/a'), true)
  })

  test('whatever its URL and its fields look like', async (t) => {
    const paths = ["/x?q='a'", '/a|b', '/a/../b', '/plain']
    const { cache, url } = await setUp(t)
    const { agent } = cachedAgent(t, { backend: cache, matchHeaders: ['accept'] })
    const ask = (method: 'GET' | 'PUT', path: string, accept: string): Promise<boolean> =>
      new Promise((resolve, reject) => {
        let hit = false
        const options = { origin: new URL(url), path, method, headers: { accept } }
        agent.dispatch(options, {
          onRequestStart() {},
          onResponseStart(_, __, headers) {
            hit = String(headers['cache-status']).includes('; hit')
          },
          onResponseData() {},
          onResponseEnd: () => resolve(hit),
          onResponseError: (_, error) => reject(error),
        })
      })
    for (const path of paths) {
      const accept = 'application/json'
      await ask('GET', path, accept)
      assert.equal(await ask('GET', path, accept), true, path)
      await ask('PUT', path, accept)
      assert.equal(await ask('GET', path, accept), false, path)
    }
  })

  test('also where it takes a stream of events', async (t) => {
    const { isHit, change } = await setUp(t)
    await isHit('/a')
    await change('POST', '/a', { accept: 'application/json, text/event-stream' })
    assert.equal(await isHit('/a'), false)
  })

  test('with conditions of its own, and for its user only', async (t) => {
    const { isHit, change } = await setUp(t)
    const [one, two] = [{ authorization: 'Bearer one' }, { authorization: 'Bearer two' }]
    for (const user of [one, two, {}]) await isHit('/a', user)
    const conditional = { ...one, 'if-match': '"1"', 'content-type': 'text/plain' }
    await change('PUT', '/a', conditional)
    const hits = []
    for (const user of [one, two, {}]) hits.push(await isHit('/a', user))
    assert.deepEqual(hits, [false, true, true])
  })

  test('what is cached with POST changes nothing', async (t) => {
    const { isHit, change } = await setUp(t, { allowableMethods: ['GET', 'POST'] })
    await isHit('/a')
    await change('POST', '/a')
    assert.equal(await isHit('/a'), true)
  })

  test('goes by the origin of the options where a client names none', async (t) => {
    const { url, cache } = await setUp(t)
    const caching = cacheInterceptor({ backend: cache, origin: url })
    const client = new Client(url)
    t.after(() => client.destroy())
    // As a Client of undici 7 is handed requests.
    const dispatch = caching((options, handler) => client.dispatch(options, handler))
    const ask = (method: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const options = { path: '/a', method } as Dispatcher.DispatchOptions
        dispatch(options, {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData() {},
          onResponseEnd: () => resolve(),
          onResponseError: (_, error) => reject(error),
        })
      })
    await ask('GET')
    assert.equal(await cache.has(`${url}/a`), true)
    await ask('POST')
    assert.equal(await cache.has(`${url}/a`), false)
  })

  test('fails for no failure of the cache', async (t) => {
    const errors: string[] = []
    const cache = new BaseCache()
    cache.invalidate = () => {
      throw new Error('for this test')
    }
    const { change } = await setUp(t, { backend: cache, onError: ({ code }) => errors.push(code) })
    assert.equal(await change('POST', '/a'), 200)
    assert.deepEqual(errors, ['ERR_CACHE_STORAGE_FAILED'])
  })

  test('is felt at once where the storage takes its time', async (t) => {
    const { isHit, change } = await setUp(t, { backend: new LateCache() })
    await isHit('/a')
    assert.equal(await isHit('/a'), true)
    await change('POST', '/a')
    assert.equal(await isHit('/a'), false)
  })
})
