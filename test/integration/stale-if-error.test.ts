import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { Agent, fetch, interceptors, request } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { viaFetch, viaRequest } from './ask.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startOrigin, type Origin, type SeenRequest } from './origin.ts'

type Failure = (response: ServerResponse, request: SeenRequest) => void

const statuses = [500, 502, 503, 504].map((status): [string, Failure] => [
  `with ${status}`,
  (response) => response.writeHead(status).end('sorry'),
])

const failures: Record<string, Failure> = {
  ...Object.fromEntries(statuses),
  'by a reset before the head': (response) => response.destroy(),
  'in the middle of its error page': (response) => {
    response.writeHead(503, { 'content-length': '100' }).write('so')
    setTimeout(() => response.destroy(), 20)
  },
  'with an error page that never ends': (response) => response.writeHead(502).write('so'),
}

/** An origin whose first answer is good, and all others as the test wants them. */
function startFailing(
  t: TestContext,
  failure: Failure,
  good: Failure = say('good'),
): Promise<Origin> {
  return startOrigin(t, (seen, response, nth) => (nth === 1 ? good : failure)(response, seen))
}

function say(text: string, headers: Record<string, string> = {}): Failure {
  return (response) => response.writeHead(200, headers).end(text)
}

// So that no test has to wait: it is stored for later, and its time is over.
const longAgo: CacheOptions = { expireAfter: new Date(0) }

for (const [way, ask] of Object.entries({ fetch: viaFetch, request: viaRequest })) {
  describe(`${way}: the origin fails`, () => {
    for (const [how, failure] of Object.entries(failures)) {
      test(`${how}: what has expired is used`, async (t) => {
        const origin = await startFailing(t, failure)
        const cached = cachedAgent(t, { ...longAgo, staleIfError: true })
        assert.equal((await ask(cached, origin.url)).text, 'good')
        for (let round = 0; round < 2; round++) {
          const { status, text, info, cacheStatus } = await ask(cached, origin.url)
          assert.deepEqual([status, text], [200, 'good'])
          assert.deepEqual(
            [info?.hit, info?.stale, info?.revalidated, info?.reason],
            [true, true, false, 'stale-if-error'],
          )
          assert.match(cacheStatus, /^undici-cache; hit; ttl=-\d+; .*; detail=stale-if-error$/)
        }
        assert.equal(origin.requests.length, 3, 'it is asked each time')
      })
    }

    test('because there is none any more: what has expired is used', async (t) => {
      const origin = await startFailing(t, say('not any more'))
      const cached = cachedAgent(t, { ...longAgo, staleIfError: true })
      await ask(cached, origin.url)
      await origin.close()
      const { text, info } = await ask(cached, origin.url)
      assert.deepEqual([text, info?.reason], ['good', 'stale-if-error'])
      await assert.rejects(ask(cached, `${origin.url}/other`))
    })

    for (const backend of embedded) {
      test(`${backend}: a long body, which is stored in parts`, async (t) => {
        const body = 'long '.repeat(600_000)
        const origin = await startFailing(t, failures['with 503']!, say(body))
        const cacheName = `${temporaryFolder(t)}/c`
        const cached = cachedAgent(t, { ...longAgo, backend, cacheName, staleIfError: true })
        await ask(cached, origin.url)
        const { text, info } = await ask(cached, origin.url)
        assert.equal(info?.reason, 'stale-if-error')
        assert.ok(text === body)
      })
    }

    test('as its response allows, by its header', async (t) => {
      const origin = await startOrigin(t, ({ path }, response, nth) => {
        if (nth > 1) return response.writeHead(503).end('sorry')
        const directives = { '/yes': 'stale-if-error=600', '/no': 'max-age=5' }[path]
        return response.writeHead(200, { 'cache-control': directives, etag: '"1"' }).end('good')
      })
      const cached = cachedAgent(t, { expireAfter: 'immediately' })
      for (const path of ['/yes', '/no']) await ask(cached, origin.url + path)
      assert.equal((await ask(cached, `${origin.url}/yes`)).text, 'good')
      const { status, text, info } = await ask(cached, `${origin.url}/no`)
      assert.deepEqual([status, text, info?.reason], [503, 'sorry', 'status'])
      // The option of a call wins over the header.
      assert.equal((await ask(cached, `${origin.url}/no`, { staleIfError: '1h' })).text, 'good')
      assert.equal((await ask(cached, `${origin.url}/yes`, { staleIfError: false })).text, 'sorry')
    })
  })
}

describe('it is no failure', () => {
  const cases: [what: string, answer: Failure, expected: string][] = [
    [
      'that there is nothing any more',
      (response) => response.writeHead(404).end('gone'),
      '404 gone',
    ],
    ['that something is forbidden', (response) => response.writeHead(403).end('no'), '403 no'],
    ['that something is not known', (response) => response.writeHead(501).end('?'), '501 ?'],
    ['that there is something new', say('new'), '200 new'],
  ]
  for (const [what, answer, expected] of cases) {
    test(what, async (t) => {
      const origin = await startFailing(t, answer)
      const cached = cachedAgent(t, { ...longAgo, staleIfError: true })
      await viaFetch(cached, origin.url)
      const { status, text } = await viaFetch(cached, origin.url)
      assert.equal(`${status} ${text}`, expected)
    })
  }

  test('once the caller has got the beginning', async (t) => {
    const origin = await startFailing(t, (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('new, ')
      setTimeout(() => response.destroy(), 20)
    })
    const cached = cachedAgent(t, { ...longAgo, staleIfError: true })
    await viaRequest(cached, origin.url)
    await assert.rejects(viaRequest(cached, origin.url), { code: 'UND_ERR_SOCKET' })
    await assert.rejects(viaFetch(cached, origin.url), /terminated/)
  })

  for (const way of ['fetch', 'request'] as const) {
    test(`${way}: that the caller has aborted`, async (t) => {
      const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>()
      const origin = await startFailing(t, () => isAsked())
      const { agent: dispatcher, caching } = cachedAgent(t, { ...longAgo, staleIfError: true })
      await viaRequest({ agent: dispatcher, caching }, origin.url)
      const aborting = new AbortController()
      const { signal } = aborting
      const answer =
        way === 'fetch'
          ? fetch(origin.url, { dispatcher, signal })
          : request(origin.url, { dispatcher, signal })
      await asked
      aborting.abort()
      await assert.rejects(answer, { name: 'AbortError' })
    })
  }

  test('that the program has ended its client, or made a mistake', async (t) => {
    const origin = await startFailing(t, failures['with 503']!)
    const caching = cacheInterceptor({ ...longAgo, backend: 'memory', staleIfError: true })
    const bare = new Agent()
    const cached = { agent: bare.compose(caching), caching }
    t.after(() => caching.close())
    await viaRequest(cached, origin.url)
    const wrong = { dispatcher: cached.agent, headersTimeout: -1 }
    await assert.rejects(request(origin.url, wrong), { code: 'UND_ERR_INVALID_ARG' })
    await bare.destroy()
    await assert.rejects(viaRequest(cached, origin.url), { code: 'UND_ERR_DESTROYED' })
  })
})

describe('with other wishes', () => {
  test('what has to be validated is used as it is where that cannot be done', async (t) => {
    const origin = await startFailing(t, failures['with 503']!)
    const cached = cachedAgent(t, { alwaysRevalidate: true, staleIfError: true })
    await viaFetch(cached, origin.url)
    const { text, info } = await viaFetch(cached, origin.url)
    assert.deepEqual([text, info?.reason, info?.stale], ['good', 'stale-if-error', false])
    assert.equal(origin.requests.length, 2)
  })

  test('a refresh that must not use it fails', async (t) => {
    const origin = await startFailing(
      t,
      failures['with 503']!,
      say('good', { 'cache-control': 'must-revalidate' }),
    )
    const cached = cachedAgent(t, { ...longAgo, staleIfError: true, expireAfter: '1h' })
    await viaFetch(cached, origin.url)
    assert.equal((await viaFetch(cached, origin.url, { refresh: true })).status, 503)
    assert.equal((await viaFetch(cached, origin.url)).text, 'good')
  })

  test('without any origin, onlyIfCached: what has expired is used, or 504', async (t) => {
    const origin = await startFailing(t, failures['with 503']!)
    const cached = cachedAgent(t, { ...longAgo, staleIfError: true })
    await viaFetch(cached, origin.url)
    const { text, info } = await viaFetch(cached, origin.url, { onlyIfCached: true })
    assert.deepEqual([text, info?.reason], ['good', 'stale-if-error'])
    const call = { onlyIfCached: true, staleIfError: false }
    assert.equal((await viaFetch(cached, origin.url, call)).status, 504)
    assert.equal(origin.requests.length, 1)
  })

  test('a failure that is stored for a while is not taken for an answer', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) =>
      response.writeHead(500 + nth).end(String(nth)),
    )
    const codesExpireAfter = { 500: new Date(0) }
    const cached = cachedAgent(t, { codesExpireAfter, staleIfError: true })
    await viaFetch(cached, origin.url)
    await viaFetch(cached, origin.url)
    assert.equal((await viaFetch(cached, origin.url)).text, '3')
  })

  test('a chain that the redirecting interceptor below has followed', async (t) => {
    const origin = await startOrigin(t, ({ path }, response, nth) => {
      if (path === '/begin') return response.writeHead(302, { location: '/end' }).end()
      return (nth === 1 ? say('good') : failures['with 503']!)(response, {} as SeenRequest)
    })
    const caching = cacheInterceptor({ ...longAgo, backend: 'memory', staleIfError: true })
    const bare = new Agent()
    const dispatcher = bare.compose(interceptors.redirect({ maxRedirections: 3 }), caching)
    t.after(async () => {
      await caching.close()
      await bare.destroy()
    })
    const seen: unknown[] = []
    for (const path of ['/begin', '/begin', '/end']) {
      const { body, context } = await request(origin.url + path, { dispatcher })
      const { history } = context as { history?: URL[] }
      seen.push([await body.text(), history?.map(({ pathname }) => pathname)])
    }
    const chain = ['good', ['/begin', '/end']]
    // As at a miss: what the interceptor below has asked for.
    assert.deepEqual(seen, [chain, chain, ['good', ['/end']]])
  })
})

describe('several callers at the same time', () => {
  test('each gets what has expired, and none waits for ever', async (t) => {
    const origin = await startFailing(t, (response) => {
      setTimeout(() => response.writeHead(503).end('sorry'), 30)
    })
    const cached = cachedAgent(t, { ...longAgo, staleIfError: true })
    await viaFetch(cached, origin.url)
    const all = await Promise.all(
      Array.from({ length: 10 }, (_, nth) =>
        (nth % 2 === 0 ? viaFetch : viaRequest)(cached, origin.url),
      ),
    )
    for (const { text, info } of all) assert.deepEqual([text, info?.stale], ['good', true])
  })

  test('one that leaves holds up nobody who waits for the same', async (t) => {
    const { promise: asked, resolve: isAsked } = Promise.withResolvers<ServerResponse>()
    const origin = await startOrigin(t, (seen, response, nth) => {
      if (nth === 1) say('good')(response, seen)
      else if (nth === 2) isAsked(response)
      else response.writeHead(503).end('sorry')
    })
    const cached = cachedAgent(t, { ...longAgo, staleIfError: true })
    await viaFetch(cached, origin.url)
    const aborting = new AbortController()
    const { signal } = aborting
    const leaving = request(origin.url, { dispatcher: cached.agent, signal })
    const waiting = viaRequest(cached, origin.url)
    const response = await asked
    aborting.abort()
    await assert.rejects(leaving, { name: 'AbortError' })
    // An error page that never ends.
    response.writeHead(503).write('so')
    assert.equal((await waiting).text, 'good')
    assert.equal((await viaFetch(cached, origin.url)).text, 'good')
  })
})
