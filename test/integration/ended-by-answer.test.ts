import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import type { ServerResponse } from 'node:http'
import type { CacheOptions } from '../../lib/options/options.ts'
import { viaFetch, viaRequest, type Got } from './ask.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

type Send = (response: ServerResponse) => unknown

/** Answers that are not stored, and say that the page is not what it was. */
const ends: Record<string, { send: Send; status: number; text: string; options?: CacheOptions }> = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 410, 451].map((status) => [
      status,
      {
        send: (response: ServerResponse) => response.writeHead(status).end('gone'),
        status,
        text: 'gone',
      },
    ]),
  ),
  'no-store': {
    send: (response) => response.setHeader('cache-control', 'no-store').end('new'),
    status: 200,
    text: 'new',
  },
  'Vary: *': {
    send: (response) => response.setHeader('vary', '*').end('new'),
    status: 200,
    text: 'new',
  },
  'too long, as its head says': {
    send: (response) => response.end('x'.repeat(200)),
    status: 200,
    text: 'x'.repeat(200),
    options: { maxBodyBytes: 100 },
  },
  'too long, as turns out': {
    send: (response) => (response.write('x'.repeat(100)), response.end('x'.repeat(100))),
    status: 200,
    text: 'x'.repeat(200),
    options: { maxBodyBytes: 100 },
  },
  filter: {
    send: (response) => response.setHeader('x-unwanted', '1').end('new'),
    status: 200,
    text: 'new',
    options: { filter: (_, { headers }) => headers['x-unwanted'] === undefined },
  },
}

/** Answers that say nothing about the page. */
const failures = [500, 502, 503, 504, 408, 425, 429]

// Stored, and expired.
const long = { expireAfter: new Date(0) }

for (const [way, ask] of Object.entries({ fetch: viaFetch, request: viaRequest })) {
  for (const backend of embedded) {
    describe(`${way}, ${backend}: what has expired`, () => {
      for (const [what, { send, status, text, options }] of Object.entries(ends)) {
        test(`is over where the origin answers otherwise (${what}), refreshed in the background`, async (t) => {
          const origin = await startOrigin(t, (_, response, nth) =>
            nth === 1 ? response.end('old') : send(response),
          )
          const cacheName = `${temporaryFolder(t)}/c`
          const cached = cachedAgent(t, {
            backend,
            cacheName,
            staleWhileRevalidate: true,
            ...options,
          })
          await ask(cached, origin.url, long)
          await cached.caching.cache.flush()
          assert.equal((await ask(cached, origin.url)).text, 'old')
          while (origin.requests.length < 2) await later(2)
          await later(20)
          await cached.caching.cache.flush()
          const got = await ask(cached, origin.url)
          assert.deepEqual([got.status, got.text], [status, text])
        })

        test(`is over where the origin answers otherwise (${what}), and fails then`, async (t) => {
          const origin = await startOrigin(t, (_, response, nth) => {
            if (nth === 1) return response.end('old')
            if (nth === 2) return send(response)
            return response.writeHead(500).end('broken')
          })
          const cacheName = `${temporaryFolder(t)}/c`
          const cached = cachedAgent(t, { backend, cacheName, staleIfError: true, ...options })
          await ask(cached, origin.url, long)
          const second = await ask(cached, origin.url)
          assert.deepEqual([second.status, second.text], [status, text])
          await cached.caching.cache.flush()
          const third = await ask(cached, origin.url)
          assert.deepEqual([third.status, third.text], [500, 'broken'])
        })
      }
    })
  }
}

describe('what has expired', () => {
  for (const status of failures) {
    test(`stays where the origin answers ${status}`, async (t) => {
      const origin = await startOrigin(t, (_, response, nth) =>
        nth === 2 ? response.writeHead(status).end() : response.end('old'),
      )
      const cached = cachedAgent(t, { staleWhileRevalidate: true })
      await viaRequest(cached, origin.url, long)
      const ask = (): Promise<Got> => viaRequest(cached, origin.url)
      assert.equal((await ask()).text, 'old')
      while (origin.requests.length < 2) await later(2)
      await later(10)
      assert.deepEqual([(await ask()).text, (await ask()).info?.hit], ['old', true])
    })
  }

  test('stays where the answer is cut', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth === 1) return response.end('old')
      if (nth > 2) return response.destroy()
      response.writeHead(200, { 'content-length': 100 })
      return response.write('new', () => response.destroy())
    })
    const cached = cachedAgent(t, { staleIfError: true })
    await viaRequest(cached, origin.url, long)
    await assert.rejects(viaRequest(cached, origin.url))
    assert.equal((await viaRequest(cached, origin.url)).text, 'old')
  })

  test('stays for the other languages', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) => {
      if (headers['x-gone'] !== undefined) return response.writeHead(404).end('gone')
      return response.setHeader('vary', 'accept-language').end(headers['accept-language'])
    })
    const cached = cachedAgent(t)
    for (const language of ['de', 'fr']) {
      await viaRequest(cached, origin.url, {}, { headers: { 'accept-language': language } })
    }
    const gone = { 'accept-language': 'fr', 'x-gone': '1' }
    await viaRequest(cached, origin.url, { forceRefresh: true }, { headers: gone })
    const german = await viaRequest(
      cached,
      origin.url,
      {},
      { headers: { 'accept-language': 'de' } },
    )
    assert.deepEqual([german.text, german.info?.hit], ['de', true])
    const french = await viaRequest(
      cached,
      origin.url,
      {},
      { headers: { 'accept-language': 'fr' } },
    )
    assert.deepEqual([french.text, french.info?.hit], ['fr', false])
  })

  test('is over where a 304 says that it is not to be stored', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) => {
      response.setHeader('etag', '"1"')
      if (headers['if-none-match'] === undefined) return response.end('old')
      return response.writeHead(304, { 'cache-control': 'no-store' }).end()
    })
    const cached = cachedAgent(t)
    await viaRequest(cached, origin.url, long)
    assert.equal((await viaRequest(cached, origin.url)).text, 'old')
    assert.equal(await cached.caching.cache.size(), 0)
  })

  test('is left alone by a call that only reads', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) =>
      nth === 1 ? response.end('old') : response.writeHead(404).end('gone'),
    )
    const cached = cachedAgent(t)
    await viaRequest(cached, origin.url)
    await viaRequest(cached, origin.url, { forceRefresh: true, readOnly: true })
    assert.equal((await viaRequest(cached, origin.url)).text, 'old')
  })

  test('is over for a redirect, too', async (t) => {
    const origin = await startOrigin(t, ({ path }, response, nth) => {
      if (path === '/b') return response.end('b')
      if (nth === 1) return response.writeHead(301, { location: '/b' }).end()
      return response.writeHead(nth === 2 ? 410 : 500).end('gone')
    })
    const cached = cachedAgent(t, { staleIfError: true })
    assert.equal((await viaFetch(cached, `${origin.url}/a`, long)).text, 'b')
    assert.equal((await viaFetch(cached, `${origin.url}/a`)).status, 410)
    assert.equal((await viaFetch(cached, `${origin.url}/a`)).status, 500)
  })
})

describe('a clock that was ahead when something was stored', () => {
  for (const backend of embedded) {
    test(`${backend}: what it stored is stale when the clock is set right`, async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
      const cached = cachedAgent(t, {
        backend,
        cacheName: `${temporaryFolder(t)}/c`,
        expireAfter: 60,
      })
      const now = Date.now()
      const clock = t.mock.method(Date, 'now', () => now + 10 * 365 * 86_400_000)
      await viaRequest(cached, origin.url)
      assert.equal((await viaRequest(cached, origin.url)).info?.reason, 'fresh')
      clock.mock.restore()
      const stored = (await Array.fromAsync(cached.caching.cache.filter({ expired: true }))).length
      assert.equal(stored, 1)
      const got = await viaRequest(cached, origin.url)
      assert.deepEqual([got.text, got.info?.reason], ['2', 'stale'])
      assert.equal((await viaRequest(cached, origin.url)).text, '2')
    })
  }
})
