import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fetch, request } from 'undici'
import type { CallOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { viaFetch } from './ask.ts'
import { cachedAgent, type CachedAgent } from './caches.ts'
import { startOrigin } from './origin.ts'

/** The two ways to give options to one call. */
const ways: Record<
  string,
  (cached: CachedAgent, url: string, call: CallOptions) => Promise<string>
> = {
  'request(url, { cache })': async ({ agent }, url, cache) => {
    const options = { dispatcher: agent, cache } as Parameters<typeof request>[1]
    const response = await request(url, options)
    return `${response.statusCode} ${await response.body.text()}`
  },
  'caching.with() around fetch': async ({ agent, caching }, url, call) => {
    const response = await caching.with(call, () => fetch(url, { dispatcher: agent }))
    return `${response.status} ${await response.text()}`
  },
}

for (const [way, ask] of Object.entries(ways)) {
  describe(way, () => {
    test('expireAfter', async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
      const cached = cachedAgent(t)
      await ask(cached, origin.url, { expireAfter: new Date(2030, 1) })
      const response = await request(origin.url, { dispatcher: cached.agent })
      assert.equal(getCacheInfo(response)?.expiresAt, new Date(2030, 1).getTime())
      await response.body.dump()
    })

    test('refresh validates, forceRefresh does not', async (t) => {
      const origin = await startOrigin(t, ({ headers }, response) => {
        response.setHeader('etag', '"1"')
        if (headers['if-none-match'] === undefined) response.end('whole')
        else response.writeHead(304).end()
      })
      const cached = cachedAgent(t)
      for (const call of [{}, { refresh: true }, { forceRefresh: true }, {}]) {
        assert.equal(await ask(cached, origin.url, call), '200 whole')
      }
      const conditional = origin.requests.map(({ headers }) => headers['if-none-match'])
      assert.deepEqual(conditional, [undefined, '"1"', undefined])
    })

    test('onlyIfCached answers 504 where nothing is stored', async (t) => {
      const origin = await startOrigin(t, (_, response) => response.end('x'))
      const cached = cachedAgent(t)
      assert.equal(await ask(cached, origin.url, { onlyIfCached: true }), '504 ')
      assert.equal(origin.requests.length, 0)
      await ask(cached, origin.url, {})
      assert.equal(await ask(cached, origin.url, { onlyIfCached: true }), '200 x')
    })

    test('disabled: as if there were no cache', async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
      const cached = cachedAgent(t)
      await ask(cached, origin.url, {})
      assert.equal(await ask(cached, origin.url, { disabled: true }), '200 2')
      assert.equal(await ask(cached, origin.url, {}), '200 1')
    })

    test('readOnly uses what is stored, and stores nothing', async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
      const cached = cachedAgent(t)
      assert.equal(await ask(cached, origin.url, { readOnly: true }), '200 1')
      assert.equal(await cached.caching.cache.size(), 0)
      assert.equal(await ask(cached, origin.url, {}), '200 2')
      assert.equal(await ask(cached, origin.url, { readOnly: true }), '200 2')
    })

    test('key takes the place of the URL', async (t) => {
      const origin = await startOrigin(t, ({ path }, response) => response.end(path))
      const cached = cachedAgent(t)
      const key = '../one/of my own?'
      assert.equal(await ask(cached, `${origin.url}/a`, { key }), '200 /a')
      assert.equal(await ask(cached, `${origin.url}/b`, { key }), '200 /a')
      assert.equal(await ask(cached, `${origin.url}/b`, {}), '200 /b')
    })

    test('what is wrong with an option is said at the call', async (t) => {
      const cached = cachedAgent(t)
      const url = 'http://127.0.0.1:9/'
      const wrong = { refersh: true } as CallOptions
      await assert.rejects(
        async () => ask(cached, url, wrong),
        (error: Error & { code?: string }) =>
          error instanceof TypeError &&
          error.code === 'ERR_CACHE_OPTION_UNKNOWN' &&
          error.message.includes("did you mean 'refresh'?"),
      )
      await assert.rejects(
        async () => ask(cached, url, { expireAfter: 'soon' }),
        /option 'expireAfter' must be seconds .* got 'soon'/,
      )
    })
  })
}

describe('caching.with()', () => {
  test('nests, the inner options winning, and ends with its function', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
    const { agent, caching } = cachedAgent(t)
    const ask = async (): Promise<string> => (await fetch(origin.url, { dispatcher: agent })).text()
    await ask()
    const seen = await caching.with({ forceRefresh: true, readOnly: true }, async () => {
      const inner = await caching.with({ forceRefresh: false }, ask)
      return [inner, await ask()]
    })
    assert.deepEqual(seen, ['1', '2'])
    assert.equal(await ask(), '1', 'readOnly was inherited by the inner call')
  })

  test('concurrent calls do not see each other', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    const { agent, caching } = cachedAgent(t)
    const ask = async (): Promise<number> => (await fetch(origin.url, { dispatcher: agent })).status
    const [refused, answered] = await Promise.all([
      caching.with({ onlyIfCached: true }, ask),
      ask(),
    ])
    assert.deepEqual([refused, answered], [504, 200])
  })

  test('no option travels as a header', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    const { agent, caching } = cachedAgent(t)
    await (await fetch(`${origin.url}/plain`)).text()
    await caching.with({ expireAfter: 1, refresh: true, key: 'k' }, () =>
      fetch(`${origin.url}/with`, { dispatcher: agent }),
    )
    const [plain, withOptions] = origin.requests
    assert.deepEqual(Object.keys(withOptions!.headers), Object.keys(plain!.headers))
  })
})

test('a header field of the caller asks for validation, or for the cache only', async (t) => {
  const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
  const { agent } = cachedAgent(t)
  const ask = async (init: object): Promise<string> => {
    const response = await fetch(origin.url, { ...init, dispatcher: agent })
    return `${response.status} ${await response.text()}`
  }
  assert.equal(await ask({ headers: { 'cache-control': 'only-if-cached' } }), '504 ')
  assert.equal(await ask({}), '200 1')
  assert.equal(await ask({ headers: { 'cache-control': 'max-age=0' } }), '200 2')
  assert.equal(await ask({ cache: 'reload' }), '200 3')
  assert.equal(await ask({ headers: { pragma: 'no-cache' } }), '200 4')
  assert.equal(await ask({ headers: { 'cache-control': 'max-age=60' } }), '200 4')
})

test("the mode of fetch's own cache arrives as a field; what must not be stored is asked for so", async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('x'))
  const asked = cachedAgent(t)
  const stored = async (init: Parameters<typeof viaFetch>[3], call = {}): Promise<unknown> => {
    await asked.caching.clear()
    return (await viaFetch(asked, origin.url, call, init)).info?.stored
  }
  assert.equal(await stored({ cache: 'no-store' }), true)
  assert.equal(await stored({ headers: { 'cache-control': 'no-store' } }), false)
  assert.equal(await stored({}, { readOnly: true }), false)
})
