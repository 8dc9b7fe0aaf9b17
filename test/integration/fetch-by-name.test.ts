import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import {
  Agent,
  fetch as fetchOfUndici,
  getGlobalDispatcher,
  interceptors,
  request,
  setGlobalDispatcher,
  type Dispatcher,
} from 'undici'
import { cacheInterceptor, type CacheInterceptor } from '../../lib/interceptor.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { startOrigin, type Answer } from './origin.ts'

type Interceptor = Dispatcher.DispatcherComposeInterceptor

interface Site {
  readonly url: string
  readonly caching: CacheInterceptor
  readonly dispatcher: Dispatcher
  readonly seen: () => number
}

/** A site with a name that is not local, by plain http: there fetch sends no Sec-Fetch-Mode. */
async function startSite(
  t: TestContext,
  answer: Answer,
  options: CacheOptions = {},
  above: Interceptor[] = [],
): Promise<Site> {
  const origin = await startOrigin(t, answer)
  const caching = cacheInterceptor({ backend: 'memory', ...options })
  const bare = new Agent({
    connect: {
      lookup: (_name, { all }, done) =>
        all === true
          ? done(null, [{ address: '127.0.0.1', family: 4 }])
          : done(null, '127.0.0.1', 4),
    },
  })
  t.after(async () => {
    await caching.close()
    await bare.destroy()
  })
  return {
    url: origin.url.replace('127.0.0.1', 'site.example'),
    caching,
    dispatcher: bare.compose(caching, ...above),
    seen: () => origin.requests.length,
  }
}

/** Spreads and changes what goes through, as interceptors do. */
const spreads: Interceptor = (dispatch) => (options, handler) =>
  dispatch({ ...options, headersTimeout: 10_000 }, handler)

const fetches = [
  [
    'global',
    async (url: string, dispatcher: Dispatcher, init: RequestInit = {}) => {
      const before = getGlobalDispatcher()
      setGlobalDispatcher(dispatcher)
      try {
        return await fetch(url, init)
      } finally {
        setGlobalDispatcher(before)
      }
    },
  ],
  [
    'of undici',
    async (url: string, dispatcher: Dispatcher, init: RequestInit = {}) =>
      (await fetchOfUndici(url, { ...init, dispatcher } as never)) as unknown as Response,
  ],
] as const

const redirecting: Answer = ({ path }, response) => {
  if (path === '/old') return response.writeHead(301, { location: '/new' }).end('moved')
  return response.end(path)
}

for (const [name, ask] of fetches) {
  describe(`fetch ${name} is known by name as by address`, () => {
    for (const above of [[], [spreads], [spreads, interceptors.retry()]]) {
      test(`a redirect that it has left unread is for itself: ${above.length} above`, async (t) => {
        const { url, caching, dispatcher, seen } = await startSite(t, redirecting, {}, above)
        for (let round = 0; round < 2; round++) {
          const response = await ask(`${url}/old`, dispatcher)
          assert.equal(await response.text(), '/new')
          assert.equal(response.redirected, true)
        }
        assert.equal(seen(), 2)
        const heads: string[] = []
        for await (const { head } of caching.cache.redirects.heads()) heads.push(head)
        assert.match(heads.join(''), /forFetch/)
      })
    }

    test('what it writes by itself does not count', async (t) => {
      const options = { matchHeaders: true }
      const { url, caching, dispatcher } = await startSite(t, redirecting, options)
      await (await ask(`${url}/a`, dispatcher, { headers: { 'x-a': '1' } })).text()
      assert.equal(await caching.cache.has({ url: `${url}/a`, headers: { 'X-A': '1' } }), true)
      assert.equal((await caching.cache.recreateKeys(options)).kept, 1)
      const other = await request(`${url}/a`, { headers: { 'x-a': '1' }, dispatcher })
      await other.body.dump()
      assert.equal(getCacheInfo(other)?.hit, true)
      await (
        await ask(`${url}/a`, dispatcher, { method: 'DELETE', headers: { 'x-a': '1' } })
      ).text()
      assert.equal(await caching.cache.size(), 0)
    })

    test('a redirect without a lifetime, of fields that count', async (t) => {
      const answer: Answer = ({ path }, response) => {
        if (path === '/old') return response.writeHead(302, { location: '/new' }).end()
        return response.end(path)
      }
      const { url, dispatcher, seen } = await startSite(t, answer, { matchHeaders: true })
      for (let round = 0; round < 2; round++) {
        assert.equal(await (await ask(`${url}/old`, dispatcher)).text(), '/new')
      }
      assert.equal(seen(), 2)
    })
  })
}

describe('others are not taken for it', () => {
  // What a browser sends, and a gateway passes on.
  const headers = {
    accept: '*/*',
    'accept-language': '*',
    'accept-encoding': 'gzip, deflate',
    'user-agent': 'undici',
    'sec-fetch-mode': 'cors',
  }
  const redirect = interceptors.redirect({ maxRedirections: 3 })
  for (const [name, above] of [
    ['request()', []],
    ['request() with redirect()', [redirect]],
    ['request() with redirect() and retry()', [interceptors.retry(), redirect]],
  ] as const) {
    test(name, async (t) => {
      const { url, caching, dispatcher } = await startSite(t, redirecting, {}, [...above])
      await (await request(`${url}/old`, { headers, dispatcher })).body.dump()
      const heads: string[] = []
      for await (const { head } of caching.cache.redirects.heads()) heads.push(head)
      assert.equal(heads.length, 1)
      assert.doesNotMatch(heads.join(''), /forFetch/)
    })
  }

  test('bodies are theirs to change', async (t) => {
    const { url, dispatcher } = await startSite(t, (_, response) => response.end('stored'))
    for (let round = 0; round < 3; round++) {
      const { body } = await request(url, { headers, dispatcher })
      for await (const chunk of body) {
        assert.equal(String(chunk), 'stored')
        ;(chunk as Buffer).fill(0)
      }
    }
  })
})
