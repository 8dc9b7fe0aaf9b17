import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Agent, fetch, request } from 'undici'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

describe('identical requests at the same time', () => {
  for (const backend of embedded) {
    test(`${backend}: ask the origin once`, async (t) => {
      const origin = await startOrigin(t, (_, response) =>
        setTimeout(() => response.end('the answer'), 50),
      )
      const { agent } = cachedAgent(t, { backend, cacheName: `${temporaryFolder(t)}/c` })
      const texts = await Promise.all(
        Array.from({ length: 20 }, async (_, index) =>
          index % 2 === 0
            ? (await request(origin.url, { dispatcher: agent })).body.text()
            : (await fetch(origin.url, { dispatcher: agent })).text(),
        ),
      )
      assert.deepEqual(new Set(texts), new Set(['the answer']))
      assert.equal(origin.requests.length, 1)
    })
  }

  for (const backend of embedded) {
    test(`${backend}: of two interceptors on one cache ask the origin once`, async (t) => {
      const origin = await startOrigin(t, (_, response) =>
        setTimeout(() => response.end('the answer'), 50),
      )
      const cache = openCache(backend, temporaryFolder(t))
      t.after(() => cache.close())
      const agents = [cachedAgent(t, { backend: cache }), cachedAgent(t, { backend: cache })]
      const ask = async (index: number): Promise<string> =>
        (await request(origin.url, { dispatcher: agents[index % 2]!.agent })).body.text()
      const texts = await Promise.all(Array.from({ length: 10 }, (_, index) => ask(index)))
      assert.deepEqual(new Set(texts), new Set(['the answer']))
      assert.equal(origin.requests.length, 1)
      // One that stands on the other does not wait for it.
      const [first, second] = agents.map(({ caching }) => caching)
      const both = new Agent().compose(second!, first!)
      t.after(() => both.close())
      const { body } = await request(`${origin.url}/both`, { dispatcher: both })
      assert.equal(await body.text(), 'the answer')
      assert.equal(origin.count('/both'), 1)
    })
  }

  test('the first is aborted: the others still get their answer, and nobody is asked twice', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.write('begun, ')
      setTimeout(() => response.end('done'), 80)
    })
    const { agent } = cachedAgent(t)
    const aborting = new AbortController()
    const leader = request(origin.url, { dispatcher: agent, signal: aborting.signal })
    const followers = Array.from({ length: 3 }, async () =>
      (await request(origin.url, { dispatcher: agent })).body.text(),
    )
    const { body } = await leader
    aborting.abort()
    await assert.rejects(body.text(), { name: 'AbortError' })
    assert.deepEqual(await Promise.all(followers), Array(3).fill('begun, done'))
    assert.equal(origin.requests.length, 1)
  })

  test('the first is aborted before the origin has answered', async (t) => {
    const origin = await startOrigin(t, (_, response) => setTimeout(() => response.end('x'), 80))
    const { agent } = cachedAgent(t)
    const aborting = new AbortController()
    const leader = fetch(origin.url, { dispatcher: agent, signal: aborting.signal })
    const follower = fetch(origin.url, { dispatcher: agent })
    setTimeout(() => aborting.abort(), 20)
    await assert.rejects(leader, { name: 'AbortError' })
    assert.equal(await (await follower).text(), 'x')
    assert.equal(origin.requests.length, 1)
  })

  test('one that waits can be aborted at once', async (t) => {
    const origin = await startOrigin(t, (_, response) => setTimeout(() => response.end('x'), 300))
    const { agent } = cachedAgent(t)
    const leader = request(origin.url, { dispatcher: agent })
    const begin = performance.now()
    const signal = AbortSignal.timeout(20)
    await assert.rejects(request(origin.url, { dispatcher: agent, signal }), {
      name: 'TimeoutError',
    })
    assert.ok(performance.now() - begin < 250)
    assert.equal(await (await leader).body.text(), 'x')
  })

  test('what is not stored is asked for by each', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.setHeader('cache-control', 'no-store')
      setTimeout(() => response.end('x'), 30)
    })
    const { agent } = cachedAgent(t)
    const all = Array.from({ length: 4 }, async () =>
      (await request(origin.url, { dispatcher: agent })).body.text(),
    )
    assert.deepEqual(await Promise.all(all), ['x', 'x', 'x', 'x'])
    assert.equal(origin.requests.length, 4)
  })

  test('the first fails: the others ask for themselves', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth === 1) setTimeout(() => response.destroy(), 30)
      else response.end('x')
    })
    const { agent } = cachedAgent(t)
    const leader = request(origin.url, { dispatcher: agent })
    const follower = request(origin.url, { dispatcher: agent })
    await assert.rejects(leader)
    assert.equal(await (await follower).body.text(), 'x')
  })

  test('a first caller that does not read holds nobody up', async (t) => {
    const body = Buffer.alloc(8_000_000, 'x')
    const origin = await startOrigin(t, (_, response) => response.end(body))
    const { agent } = cachedAgent(t)
    const [unread, second] = await Promise.all([
      request(origin.url, { dispatcher: agent }),
      request(origin.url, { dispatcher: agent }),
    ])
    assert.equal((await second.body.arrayBuffer()).byteLength, body.length)
    await unread.body.dump()
  })

  test('different credentials are different requests', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) =>
      setTimeout(() => response.end(headers.authorization), 30),
    )
    const { agent } = cachedAgent(t)
    const ask = async (authorization: string): Promise<string> =>
      (await request(origin.url, { dispatcher: agent, headers: { authorization } })).body.text()
    assert.deepEqual(await Promise.all([ask('Bearer a'), ask('Bearer b')]), [
      'Bearer a',
      'Bearer b',
    ])
  })
})

describe('a loop of hits', () => {
  test('lets timers fire', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    const { agent } = cachedAgent(t)
    await (await request(origin.url, { dispatcher: agent })).body.dump()
    let fired = 0
    const timer = setInterval(() => fired++, 1)
    t.after(() => clearInterval(timer))
    for (let i = 0; i < 5000; i++) {
      await (await request(origin.url, { dispatcher: agent })).body.text()
    }
    assert.ok(fired > 0)
  })

  test('a hit of a synchronous backend never waits for the loop', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    for (const backend of embedded) {
      const { agent } = cachedAgent(t, { backend, cacheName: `${temporaryFolder(t)}/c` })
      const first = await request(origin.url, { dispatcher: agent })
      await first.body.dump()
      let ended = false
      // A turn in which the cache has been busy, as with what it has just stored, is followed by one
      // in which it is not.
      await nextTurn()
      await nextTurn()
      const handler = {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd() {
          ended = true
        },
        onResponseError() {},
      }
      agent.dispatch({ origin: origin.url, path: '/', method: 'GET' }, handler)
      assert.equal(ended, true, backend)
      assert.equal(getCacheInfo(first)?.stored, true)
    }
  })
})
