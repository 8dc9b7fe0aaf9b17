import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fetch, request } from 'undici'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { WrappedStorage } from '../cache/wrapped-storage.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

describe('lifetimes', () => {
  test('expireAfter: what has expired is asked for again', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
    const { agent } = cachedAgent(t, { expireAfter: 0.3 })
    const ask = async (): Promise<string> =>
      (await request(origin.url, { dispatcher: agent })).body.text()
    assert.deepEqual([await ask(), await ask()], ['1', '1'])
    await later(320)
    assert.equal(await ask(), '2')
  })

  test('a function of request and response', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.setHeader('x-ttl', '7')
      response.end('x')
    })
    const { agent } = cachedAgent(t, {
      expireAfter: ({ method, url }, { status, headers }) => {
        assert.deepEqual([method, url, status], ['GET', `${origin.url}/f`, 200])
        return Number(headers['x-ttl'])
      },
    })
    const info = getCacheInfo(await request(`${origin.url}/f`, { dispatcher: agent }))
    assert.equal(info!.expiresAt! - info!.storedAt!, 7000)
  })

  test('immediately: stored with a validator only, and validated at each use', async (t) => {
    const origin = await startOrigin(t, ({ path, headers }, response) => {
      if (headers['if-none-match'] === '"1"') return response.writeHead(304).end()
      if (path === '/etag') response.setHeader('etag', '"1"')
      return response.end('body')
    })
    const { agent, caching } = cachedAgent(t, { expireAfter: 'immediately' })
    for (const path of ['/etag', '/plain']) {
      for (let round = 0; round < 2; round++) {
        const response = await fetch(origin.url + path, { dispatcher: agent })
        assert.equal(await response.text(), 'body')
        assert.equal(getCacheInfo(response)?.revalidated, path === '/etag' && round === 1)
      }
    }
    assert.equal(origin.requests.length, 4)
    assert.equal(await caching.cache.size(), 1)
  })

  test('no-store is obeyed both ways', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      if (path === '/secret') response.setHeader('cache-control', 'private, No-Store')
      response.end('x')
    })
    const { agent, caching } = cachedAgent(t)
    const headers = { 'cache-control': 'no-store' }
    const ours = await request(`${origin.url}/a`, { headers, dispatcher: agent })
    assert.equal(getCacheInfo(ours)?.reason, 'request-no-store')
    await ours.body.dump()
    const theirs = await request(`${origin.url}/secret`, { dispatcher: agent })
    assert.equal(getCacheInfo(theirs)?.reason, 'response-no-store')
    await theirs.body.dump()
    assert.equal(await caching.cache.size(), 0)
  })

  test('Vary: variants side by side, * never', async (t) => {
    const origin = await startOrigin(t, ({ path, headers }, response) => {
      response.setHeader('vary', path === '/star' ? 'Accept, *' : 'accept-language')
      response.end(String(headers['accept-language']))
    })
    const { agent, caching } = cachedAgent(t)
    const ask = async (language: string, path = '/'): Promise<string> => {
      const headers = { 'Accept-Language': language }
      return (await request(origin.url + path, { headers, dispatcher: agent })).body.text()
    }
    for (let round = 0; round < 2; round++) {
      for (const language of ['de', 'en', 'fr']) assert.equal(await ask(language), language)
    }
    assert.equal(await ask('DE'), 'de')
    assert.equal(origin.requests.length, 3)
    assert.equal(await caching.cache.size(), 3)
    await ask('de', '/star')
    await ask('de', '/star')
    assert.equal(origin.count('/star'), 2)
  })

  test('what fetch has got gzipped is not given to who cannot decode it', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) => {
      // No Vary, as many origins have none.
      if (!headers['accept-encoding']?.includes('gzip')) return response.end('content')
      return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipped)
    })
    const { agent } = cachedAgent(t)
    for (let round = 0; round < 2; round++) {
      assert.equal(await (await fetch(origin.url, { dispatcher: agent })).text(), 'content')
      assert.equal(await (await request(origin.url, { dispatcher: agent })).body.text(), 'content')
    }
    assert.equal(origin.requests.length, 2)
  })
})

const gzipped = gzipSync('content')

for (const backend of embedded) {
  test(`${backend}: a 304 refreshes headers and lifetime, and keeps the body`, async (t) => {
    const body = Buffer.alloc(2_500_000, 'part of a long body ')
    const origin = await startOrigin(t, ({ headers }, response, nth) => {
      response.setHeader('etag', '"v1"')
      response.setHeader('x-nth', String(nth))
      if (headers['if-none-match'] === '"v1"') {
        return response.writeHead(304, { 'content-type': 'text/wrong' }).end()
      }
      return response.writeHead(200, { 'content-type': 'text/plain' }).end(body)
    })
    const { agent } = cachedAgent(t, {
      backend,
      cacheName: `${temporaryFolder(t)}/c`,
      expireAfter: '1h',
    })
    const ask = async (cache?: object) => {
      const response = await request(origin.url, { dispatcher: agent, ...(cache && { cache }) })
      assert.deepEqual(Buffer.from(await response.body.arrayBuffer()), body)
      return response
    }
    await ask({ expireAfter: 0.05 })
    await later(60)
    const confirmed = await ask()
    const info = getCacheInfo(confirmed)!
    assert.equal(info.revalidated, true)
    assert.equal(confirmed.headers['x-nth'], '2')
    assert.equal(confirmed.headers['content-type'], 'text/plain')
    assert.match(String(confirmed.headers['cache-status']), /fwd=stale; fwd-status=304/)
    await later(20)
    const again = await ask()
    assert.equal(getCacheInfo(again)!.reason, 'fresh')
    assert.equal(again.headers['x-nth'], '2')
    assert.equal(getCacheInfo(again)!.expiresAt, info.expiresAt)
    assert.equal(origin.requests.length, 2)
  })
}

describe('from-cache facts', () => {
  test('Cache-Status and Age, for each caller the same', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.setHeader('cache-status', 'cdn; fwd=miss')
      response.setHeader('age', '100')
      response.end('x')
    })
    const { agent } = cachedAgent(t, { expireAfter: '1h' })
    const miss = await request(origin.url, { dispatcher: agent })
    await miss.body.dump()
    const missInfo = getCacheInfo(miss)!
    assert.deepEqual([missInfo.hit, missInfo.stored, missInfo.reason], [false, true, 'uri-miss'])
    assert.match(String(miss.headers['cache-status']), /^cdn; fwd=miss,undici-cache; fwd=uri-miss/)
    assert.equal(miss.headers['age'], '100')

    const hit = await request(origin.url, { dispatcher: agent })
    await hit.body.dump()
    const viaFetch = await fetch(origin.url, { dispatcher: agent })
    for (const info of [getCacheInfo(hit), getCacheInfo(viaFetch)]) {
      assert.deepEqual(info, {
        hit: true,
        key: missInfo.key,
        stored: true,
        storedAt: missInfo.storedAt,
        expiresAt: missInfo.expiresAt,
        stale: false,
        revalidated: false,
        reason: 'fresh',
      })
    }
    assert.equal(hit.headers['age'], '100')
    assert.match(
      viaFetch.headers.get('cache-status')!,
      /^cdn; fwd=miss, undici-cache; hit; ttl=3(600|599)/,
    )
  })

  test('can be left out', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    const { agent } = cachedAgent(t, { statusHeaders: false })
    for (const hit of [false, true]) {
      const response = await request(origin.url, { dispatcher: agent })
      await response.body.dump()
      assert.equal(response.headers['cache-status'], undefined)
      assert.equal(response.headers['age'], undefined)
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
  })
})

/** A storage that answers later, as those behind a network do. */
class LateStorage extends WrappedStorage {
  override async get(key: string): Promise<StoredRecord | undefined> {
    await later(10)
    return super.get(key)
  }
}

class LateCache extends BaseCache {
  override readonly responses: LateStorage = new LateStorage()
  override readonly redirects: LateStorage = new LateStorage()
}

test('what is told of the cache is not stored, however late the storage answers', async (t) => {
  const origin = await startOrigin(t, ({ headers }, response) => {
    response.setHeader('etag', '"1"')
    if (headers['if-none-match'] === undefined) response.end('body')
    else response.writeHead(304).end()
  })
  const { agent, caching } = cachedAgent(t, {
    backend: new LateCache(),
    expireAfter: 'immediately',
  })
  for (let round = 0; round < 3; round++) {
    const response = await request(origin.url, { dispatcher: agent })
    assert.equal(await response.body.text(), 'body')
    assert.equal(typeof response.headers['cache-status'], 'string', 'one line, not one a round')
  }
  await caching.cache.flush()
  for await (const { head } of caching.cache.responses.heads()) {
    assert.ok(!head.includes('cache-status'), head)
  }
})
