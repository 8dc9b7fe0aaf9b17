import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { Agent, fetch, interceptors, request, type Dispatcher } from 'undici'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { cacheInterceptor, type CacheInterceptor } from '../../lib/interceptor.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'

/** `/n` redirects to `/n-1`, with a body of its own, down to `/0`. */
function chainOrigin(t: TestContext, status = 302): Promise<Origin> {
  return startOrigin(t, ({ path, method }, response) => {
    const left = Number(path.slice(1))
    if (left === 0) return response.end(`the end of ${method}`)
    return response.writeHead(status, { location: `/${left - 1}` }).end(`moved to ${left - 1}`)
  })
}

const historyOf = (response: Dispatcher.ResponseData): string[] =>
  ((response.context as { history?: URL[] } | null)?.history ?? []).map(String)

for (const backend of embedded) {
  describe(`redirects with ${backend}`, () => {
    // Who follows a redirect needs no body, who looks at it does.
    for (const what of ['is cut', 'is too long', 'is still arriving'] as const) {
      test(`request(): one whose body ${what} is not stored without it`, async (t) => {
        const whole = 'moved, '.repeat(what === 'is too long' ? 100 : 2)
        const origin = await startOrigin(t, (_, response, nth) => {
          response.writeHead(301, { location: '/end', 'content-length': whole.length })
          response.write(whole.slice(0, 5))
          if (what === 'is cut' && nth === 1) setTimeout(() => response.destroy(), 20)
          else setTimeout(() => response.end(whole.slice(5)), 50)
        })
        const { agent, caching } = cachedAgent(t, {
          backend,
          cacheName: `${temporaryFolder(t)}/c`,
          maxBodyBytes: 500,
        })
        const ask = async (): Promise<string> =>
          (await request(origin.url, { dispatcher: agent })).body.text()
        if (what === 'is cut') await assert.rejects(ask())
        if (what === 'is still arriving') {
          assert.deepEqual(await Promise.all([ask(), ask()]), [whole, whole])
          await later(10)
        }
        for (let round = 0; round < 2; round++) {
          assert.equal(await ask(), whole)
          await caching.cache.flush()
        }
        assert.equal(origin.requests.length, what === 'is still arriving' ? 1 : 2)
      })
    }

    for (const hops of [1, 3, 10]) {
      test(`fetch: a chain of ${hops}, hop by hop`, async (t) => {
        const origin = await chainOrigin(t)
        const { agent, caching } = cachedAgent(t, { backend, cacheName: `${temporaryFolder(t)}/c` })
        for (const hit of [false, true]) {
          const response = await fetch(`${origin.url}/${hops}`, { dispatcher: agent })
          assert.equal(await response.text(), 'the end of GET')
          assert.equal(response.redirected, true)
          assert.equal(response.url, `${origin.url}/0`)
          assert.equal(getCacheInfo(response)?.hit, hit)
        }
        assert.equal(origin.requests.length, hops + 1)
        assert.equal(await caching.cache.size(), 1, 'the body is stored once')
        const history = await caching.cache.history(`${origin.url}/${hops}`)
        const expected = Array.from({ length: hops + 1 }, (_, n) => `${origin.url}/${hops - n}`)
        assert.deepEqual(
          history.map((step) => step.url),
          expected,
        )
      })
    }

    test('every composition, one store, any order: each gets what it would without a cache', async (t) => {
      const origin = await chainOrigin(t)
      const cache = openCache(backend, temporaryFolder(t))
      t.after(() => cache.close())
      const redirect = (): Dispatcher.DispatcherComposeInterceptor =>
        interceptors.redirect({ maxRedirections: 5 })
      const compositions: Record<
        string,
        (caching: Dispatcher.DispatcherComposeInterceptor) => Dispatcher
      > = {
        none: (caching) => new Agent().compose(caching),
        inside: (caching) => new Agent().compose(caching, redirect()),
        outside: (caching) => new Agent().compose(redirect(), caching),
        'outside retry': (caching) =>
          new Agent().compose(redirect(), interceptors.retry(), caching),
      }
      const final = [`${origin.url}/2`, `${origin.url}/1`, `${origin.url}/0`]
      for (let round = 0; round < 3; round++) {
        for (const [name, compose] of Object.entries(compositions)) {
          // A new interceptor knows nothing of what the ones before have learned.
          const caching = cacheInterceptor({ backend: cache })
          const dispatcher = compose(caching)
          const response = await request(`${origin.url}/2`, { dispatcher })
          const text = await response.body.text()
          const where = `${name}, round ${round}`
          if (name === 'none') {
            assert.equal(response.statusCode, 302, where)
            assert.equal(text, 'moved to 1', where)
          } else {
            assert.equal(response.statusCode, 200, where)
            assert.equal(text, 'the end of GET', where)
            assert.deepEqual(historyOf(response), final, where)
          }
          const fetched = await fetch(`${origin.url}/2`, { dispatcher })
          assert.equal(await fetched.text(), 'the end of GET', where)
          assert.equal(fetched.redirected, true, where)
          await dispatcher.close()
        }
      }
    })
  })
}

describe('context.history where nothing was redirected', () => {
  const compositions: Record<string, (caching: CacheInterceptor) => Dispatcher> = {
    'redirect() below': (caching) =>
      new Agent().compose(interceptors.redirect({ maxRedirections: 5 }), caching),
    'no redirect()': (caching) => new Agent().compose(caching),
  }
  for (const [name, compose] of Object.entries(compositions)) {
    test(`is the same at a hit as at a miss: ${name}`, async (t) => {
      const origin = await chainOrigin(t)
      const caching = cacheInterceptor({ backend: 'memory' })
      const dispatcher = compose(caching)
      t.after(() => dispatcher.close())
      const seen = []
      for (const hit of [false, true, true]) {
        const response = await request(`${origin.url}/0`, { dispatcher })
        await response.body.dump()
        assert.equal(getCacheInfo(response)?.hit, hit)
        seen.push(historyOf(response))
      }
      const expected = name === 'no redirect()' ? [] : [`${origin.url}/0`]
      assert.deepEqual(seen, [expected, expected, expected])
    })
  }
})

describe('redirects', () => {
  for (const [place, compose] of [
    [
      'inside',
      (agent, caching) => agent.compose(caching, interceptors.redirect({ maxRedirections: 5 })),
    ],
    [
      'outside',
      (agent, caching) => agent.compose(interceptors.redirect({ maxRedirections: 5 }), caching),
    ],
  ] as const satisfies [
    string,
    (agent: Agent, caching: Dispatcher.DispatcherComposeInterceptor) => Dispatcher,
  ][]) {
    test(`with the cache ${place} of redirect() a second program asks nobody`, async (t) => {
      const origin = await chainOrigin(t)
      const folder = temporaryFolder(t)
      let asked = 0
      for (const hit of [false, true, true]) {
        const cache = new SQLiteCache(`${folder}/shared`)
        const dispatcher = compose(new Agent(), cacheInterceptor({ backend: cache }))
        const response = await request(`${origin.url}/3`, { dispatcher })
        assert.equal(await response.body.text(), 'the end of GET')
        assert.deepEqual(
          historyOf(response),
          [3, 2, 1, 0].map((n) => `${origin.url}/${n}`),
        )
        assert.equal(getCacheInfo(response)?.hit, hit)
        const steps = await cache.history(`${origin.url}/3`)
        assert.deepEqual(
          steps.map((step) => step.url),
          historyOf(response),
        )
        if (hit) assert.equal(origin.requests.length, asked)
        asked = origin.requests.length
        await dispatcher.close()
        await cache.close()
      }
    })
  }

  test('outside, the last URL has variants as any other', async (t) => {
    const origin = await startOrigin(t, ({ path, headers }, response) => {
      if (path === '/start') response.writeHead(302, { location: '/end' }).end()
      else response.writeHead(200, { vary: 'accept-language' }).end(headers['accept-language'])
    })
    const { agent } = cachedAgent(t)
    const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }))
    const outside = new Agent().compose(
      interceptors.redirect({ maxRedirections: 5 }),
      cacheInterceptor({ backend: 'memory' }),
    )
    for (const each of [outside, dispatcher]) {
      const asked: string[] = []
      for (const path of ['/start', '/end', '/start']) {
        for (const language of ['de', 'en', 'fr']) {
          const headers = { 'accept-language': language }
          const response = await request(origin.url + path, { dispatcher: each, headers })
          assert.equal(await response.body.text(), language)
          if (getCacheInfo(response)?.hit !== true) asked.push(path + language)
        }
      }
      assert.deepEqual(asked, ['/startde', '/starten', '/startfr'])
    }
    await outside.destroy()
  })

  test('outside, the last URL shares its entry with requests for itself', async (t) => {
    const origin = await chainOrigin(t)
    const caching = cacheInterceptor({ backend: 'memory' })
    const dispatcher = new Agent().compose(interceptors.redirect({ maxRedirections: 5 }), caching)
    t.after(() => dispatcher.close())
    await (await request(`${origin.url}/2`, { dispatcher })).body.text()
    const direct = await request(`${origin.url}/0`, { dispatcher })
    assert.equal(await direct.body.text(), 'the end of GET')
    assert.equal(getCacheInfo(direct)?.hit, true)
    assert.equal(await caching.cache.size(), 1)
  })

  for (const [status, method] of [
    [301, 'GET'],
    [302, 'GET'],
    [303, 'GET'],
    [307, 'POST'],
    [308, 'POST'],
  ] as const) {
    test(`a POST that is redirected with ${status} ends as ${method}`, async (t) => {
      const origin = await chainOrigin(t, status)
      const { agent } = cachedAgent(t, { allowableMethods: ['GET', 'POST'] })
      for (const hit of [false, true]) {
        const init = { method: 'POST', body: 'same', dispatcher: agent }
        const response = await fetch(`${origin.url}/2`, init)
        assert.equal(await response.text(), `the end of ${method}`)
        assert.equal(response.redirected, true)
        assert.equal(getCacheInfo(response)?.hit, hit)
      }
      assert.equal(origin.requests.length, 3)
    })
  }

  test('a loop ends as it would without a cache', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) =>
      response.writeHead(301, { location: path === '/a' ? '/b' : '/a' }).end(),
    )
    const { agent, caching } = cachedAgent(t)
    for (let round = 0; round < 2; round++) {
      await assert.rejects(fetch(`${origin.url}/a`, { dispatcher: agent }), /fetch failed/)
    }
    assert.equal(origin.requests.length, 2)
    assert.equal((await caching.cache.history(`${origin.url}/a`)).length, 2)
  })

  test('a hop to another origin leaves credentials behind, stored or not', async (t) => {
    const other = await startOrigin(t, ({ headers }, response) =>
      response.end(headers.authorization ?? 'nobody'),
    )
    const origin = await startOrigin(t, (_, response) =>
      response.writeHead(302, { location: `${other.url}/there` }).end(),
    )
    for (const place of ['inside', 'outside', 'fetch'] as const) {
      const caching = cacheInterceptor({ backend: 'memory' })
      const redirect = interceptors.redirect({ maxRedirections: 5 })
      const dispatcher =
        place === 'outside'
          ? new Agent().compose(redirect, caching)
          : new Agent().compose(caching, redirect)
      t.after(() => dispatcher.close())
      const headers = { authorization: 'Bearer mine-alone' }
      for (let round = 0; round < 2; round++) {
        const text =
          place === 'fetch'
            ? await (await fetch(origin.url, { headers, dispatcher })).text()
            : await (await request(origin.url, { headers, dispatcher })).body.text()
        assert.equal(text, 'nobody', `${place}, round ${round}`)
      }
      // What was got without credentials must not answer a request with them, nor the reverse.
      const direct = await request(`${other.url}/there`, { headers, dispatcher })
      assert.equal(await direct.body.text(), 'Bearer mine-alone')
    }
  })

  test('redirect: manual gives the redirect with its body, from the cache as from the origin', async (t) => {
    const origin = await chainOrigin(t, 301)
    const { agent } = cachedAgent(t)
    for (let round = 0; round < 2; round++) {
      const response = await fetch(`${origin.url}/1`, { redirect: 'manual', dispatcher: agent })
      assert.equal(response.status, 301)
      assert.equal(await response.text(), 'moved to 0')
    }
    assert.equal(origin.count('/1'), 1)
  })

  test('the body of a redirect is there also when fetch had followed it before', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      if (path === '/b') return response.end('b')
      response.writeHead(302, { location: '/b', 'content-length': 5 }).flushHeaders()
      return setTimeout(() => response.end('moved'), 30)
    })
    const { agent } = cachedAgent(t)
    const ask = async (redirect: 'follow' | 'manual'): Promise<string> =>
      (await fetch(`${origin.url}/a`, { redirect, dispatcher: agent })).text()
    assert.equal(await ask('follow'), 'b')
    // fetch has gone on before the body came.
    await later(80)
    assert.deepEqual([await ask('manual'), await ask('follow')], ['moved', 'b'])
    assert.equal(origin.count('/a'), 1)
  })

  test('a redirect that is asked for again leaves the end of its chain alone', async (t) => {
    const origin = await chainOrigin(t)
    const cache = new BaseCache()
    const redirect = interceptors.redirect({ maxRedirections: 5 })
    const ask = async (...below: Dispatcher.DispatcherComposeInterceptor[]): Promise<number> => {
      const dispatcher = new Agent().compose(...below, cacheInterceptor({ backend: cache }))
      const response = await request(`${origin.url}/1`, { dispatcher })
      await response.body.dump()
      await dispatcher.close()
      return response.statusCode
    }
    // The last one does not know that nobody below it follows redirects, and asks.
    const statuses = [await ask(), await ask(redirect), await ask(interceptors.retry())]
    assert.deepEqual(statuses, [302, 200, 302])
    assert.equal(await cache.has(`${origin.url}/0`), true)
  })

  test('an answer that stops redirecting takes the place of the redirect', async (t) => {
    const origin = await startOrigin(t, ({ path }, response, nth) => {
      if (path === '/a' && nth === 1) return response.writeHead(302, { location: '/b' }).end()
      return response.end(path)
    })
    const { agent, caching } = cachedAgent(t)
    const ask = async (): Promise<string> =>
      (await fetch(`${origin.url}/a`, { dispatcher: agent })).text()
    assert.equal(await ask(), '/b')
    assert.equal(await caching.with({ forceRefresh: true }, ask), '/a')
    assert.equal(await ask(), '/a')
    assert.equal(origin.count('/a'), 2)
  })
})
