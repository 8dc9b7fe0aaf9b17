import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import type { BaseStorage, StoredHead, StoredRecord } from '../../lib/storage/base-storage.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'
import type { CacheOptions, CallOptions } from '../../lib/options/options.ts'
import { WrappedStorage } from '../cache/wrapped-storage.ts'
import { viaFetch, viaRequest, type Got } from './ask.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startHolding } from './holding-origin.ts'
import { startOrigin } from './origin.ts'
import { kindOfRecord } from '../../lib/entries/record-keys.ts'

const stale: CacheOptions = { expireAfter: '1h', staleWhileRevalidate: true }

// So that nobody has to wait: stored, and expired.
const long = { expireAfter: new Date(0) } satisfies CallOptions

/** Asks again and again until it gets what the background has brought. */
async function refreshed(ask: () => Promise<Got>, text: string): Promise<Got> {
  for (;;) {
    const got = await ask()
    if (got.text === text) return got
    await later(5)
  }
}

/** A storage that answers later, as those behind a network do, and not always as fast. */
class LateStorage extends WrappedStorage {
  #reads = 0

  override async get(key: string): Promise<StoredRecord | undefined> {
    const record = super.get(key)
    await later((this.#reads++ % 5) * 10)
    return record
  }
}

class LateCache extends BaseCache {
  override readonly responses: LateStorage = new LateStorage()
  override readonly redirects: WrappedStorage = new WrappedStorage()
}

/** A storage that counts how often it hands out a part of a long body. */
class CountingStorage extends WrappedStorage {
  partsRead = 0

  override get(key: string): MaybePromise<StoredRecord | undefined> {
    if (kindOfRecord(key) === 'part') this.partsRead++
    return super.get(key)
  }

  override heads(): AsyncIterable<StoredHead> {
    return this.inner.heads()
  }

  override replaceHead(...args: Parameters<BaseStorage['replaceHead']>): MaybePromise<boolean> {
    return this.inner.replaceHead(...args)
  }
}

class CountingCache extends BaseCache {
  override readonly responses: CountingStorage = new CountingStorage()
}

for (const [way, ask] of Object.entries({ fetch: viaFetch, request: viaRequest })) {
  for (const backend of embedded) {
    test(`${way}, ${backend}: ten callers get what has expired at once, and one question is asked`, async (t) => {
      const { origin, asked, release } = await startHolding(t)
      const cacheName = `${temporaryFolder(t)}/c`
      const cached = cachedAgent(t, { ...stale, backend, cacheName })
      await ask(cached, origin.url, long)
      await cached.caching.cache.flush()
      const all = await Promise.all(Array.from({ length: 10 }, () => ask(cached, origin.url)))
      for (const { text, info, cacheStatus } of all) {
        assert.deepEqual(
          [text, info?.hit, info?.stale, info?.reason],
          ['1', true, true, 'stale-while-revalidate'],
        )
        assert.match(
          cacheStatus,
          /^undici-cache; hit; ttl=-\d+; .*; detail=stale-while-revalidate$/,
        )
      }
      await asked
      assert.equal((await ask(cached, origin.url)).text, '1', 'and those who come meanwhile, too')
      release()
      const { info } = await refreshed(() => ask(cached, origin.url), '2')
      assert.deepEqual([info?.hit, info?.stale, info?.reason], [true, false, 'fresh'])
      assert.equal(origin.requests.length, 2)
    })
  }
}

test('a storage that answers later: one question, whenever it answers whom', async (t) => {
  const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
  const cached = cachedAgent(t, { ...stale, backend: new LateCache() })
  await viaRequest(cached, origin.url, long)
  await Promise.all(Array.from({ length: 10 }, () => viaRequest(cached, origin.url)))
  await refreshed(() => viaRequest(cached, origin.url), '2')
  assert.equal(origin.requests.length, 2)
})

describe('the refresh', () => {
  test('validates: a 304 makes it fresh, and a long body is not read for nobody', async (t) => {
    const body = 'long '.repeat(600_000)
    const { origin, release } = await startHolding(t, ({ headers }, response) => {
      response.setHeader('etag', '"1"')
      if (headers['if-none-match'] === '"1"') response.writeHead(304).end()
      else response.end(body)
    })
    const cache = new CountingCache()
    const cached = cachedAgent(t, { ...stale, backend: cache })
    const head = async (): Promise<string> =>
      (await Array.fromAsync(cache.responses.heads())).map((stored) => stored.head).join()
    await viaRequest(cached, origin.url, long)
    const before = await viaRequest(cached, origin.url)
    assert.deepEqual([before.text === body, before.info?.stale], [true, true])
    const [expired, { partsRead }] = [await head(), cache.responses]
    release()
    while ((await head()) === expired) await later(5)
    assert.equal(cache.responses.partsRead, partsRead)
    const after = await viaRequest(cached, origin.url)
    assert.deepEqual([after.text === body, after.info?.reason], [true, 'fresh'])
    assert.ok(cache.responses.partsRead > partsRead)
    assert.equal(origin.requests.length, 2)
  })

  for (const status of [404, 500, 503]) {
    test(`gets ${status}: what is stored stays, and is asked for again`, async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => {
        response.writeHead(nth === 2 ? status : 200).end(String(nth))
      })
      const cached = cachedAgent(t, { ...stale, allowableCodes: [200, 500, 503] })
      await viaFetch(cached, origin.url, long)
      assert.equal((await viaFetch(cached, origin.url)).text, '1')
      await refreshed(() => viaFetch(cached, origin.url), '3')
      assert.equal(origin.requests.length, 3)
    })
  }

  test('fails: what is stored stays, nothing is reported', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth === 2) response.destroy()
      else response.end(String(nth))
    })
    const cached = cachedAgent(t, stale)
    await viaFetch(cached, origin.url, long)
    await refreshed(() => viaFetch(cached, origin.url), '3')
    assert.equal(origin.requests.length, 3)
  })

  test('is cut short: what is stored stays', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth !== 2) return response.end(String(nth))
      response.writeHead(200, { 'content-length': '100' }).write('begun')
      return setTimeout(() => response.destroy(), 10)
    })
    const cached = cachedAgent(t, stale)
    await viaFetch(cached, origin.url, long)
    await refreshed(() => viaFetch(cached, origin.url), '3')
  })

  test('goes on though its caller has left', async (t) => {
    const { origin, asked, release } = await startHolding(t)
    const cached = cachedAgent(t, stale)
    await viaFetch(cached, origin.url, long)
    const aborting = new AbortController()
    const { signal } = aborting
    assert.equal((await viaFetch(cached, origin.url, {}, { signal })).text, '1')
    await asked
    aborting.abort()
    release()
    await refreshed(() => viaFetch(cached, origin.url), '2')
  })

  test('sends the body once more, as it was', async (t) => {
    const origin = await startOrigin(t, ({ body }, response, nth) => response.end(`${nth} ${body}`))
    const cached = cachedAgent(t, { ...stale, allowableMethods: ['POST'] })
    for (const [text, make] of [
      ['bytes', () => Buffer.from('bytes')],
      ['a text', () => 'a text'],
      ['a blob', () => new Blob(['a blob'])],
    ] as const) {
      const ask = (call?: CallOptions): Promise<Got> => {
        const body = make()
        return viaRequest(cached, origin.url, call, {
          method: 'POST',
          body: body as Buffer,
        }).finally(() => {
          if (Buffer.isBuffer(body)) body.fill('x')
        })
      }
      const first = await ask(long)
      const again = await ask()
      assert.deepEqual([again.text, again.info?.stale], [first.text, true])
      const nth = Number(first.text.split(' ')[0])
      await refreshed(ask, `${nth + 1} ${text}`)
    }
  })
})

describe('there is no refresh, so what has expired is not used', () => {
  const cases: [why: string, call: CallOptions, init: object][] = [
    ['nothing may be stored', { readOnly: true }, {}],
    ['the answer may not be stored', {}, { headers: { 'cache-control': 'no-store' } }],
    ['the caller wants to have it validated', { refresh: true }, {}],
    ['the caller does not allow it', { staleWhileRevalidate: false }, {}],
  ]
  for (const [why, call, init] of cases) {
    test(why, async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
      const cached = cachedAgent(t, stale)
      await viaRequest(cached, origin.url, long)
      assert.equal((await viaRequest(cached, origin.url, call, init)).text, '2')
    })
  }

  test('the origin must not be asked', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
    const cached = cachedAgent(t, stale)
    await viaRequest(cached, origin.url, long)
    assert.equal((await viaRequest(cached, origin.url, { onlyIfCached: true })).status, 504)
    assert.equal(origin.requests.length, 1)
  })
})

test('the response allows it, by its header, and no longer than it says', async (t) => {
  const origin = await startOrigin(t, ({ path }, response, nth) => {
    const seconds = path === '/yes' ? 600 : 0
    response.setHeader('cache-control', `stale-while-revalidate=${seconds}`)
    response.setHeader('etag', '"1"')
    response.end(String(nth))
  })
  const cached = cachedAgent(t, { expireAfter: '1h' })
  const call = { expireAfter: 'immediately' }
  for (const path of ['/yes', '/no']) await viaFetch(cached, origin.url + path, call)
  const used = await viaFetch(cached, `${origin.url}/yes`)
  assert.deepEqual([used.text, used.info?.reason], ['1', 'stale-while-revalidate'])
  assert.equal((await viaFetch(cached, `${origin.url}/no`)).text, '2')
})
