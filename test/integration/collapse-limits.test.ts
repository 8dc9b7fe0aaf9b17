import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { fetch, MockAgent, request } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import type { Ms } from '../../lib/units.ts'
import { cachedAgent } from './caches.ts'
import { startOrigin } from './origin.ts'

async function timed<T>(work: Promise<T>): Promise<[T, Ms]> {
  const begin = performance.now()
  return [await work, performance.now() - begin]
}

describe('who waits for an identical request', () => {
  test('asks for itself when that one hangs, and so do those who come later', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth > 1) response.end(String(nth))
    })
    const { agent } = cachedAgent(t, { collapseTimeout: 200 })
    const hanging = request(origin.url, { dispatcher: agent })
    hanging.catch(() => {})
    const followers = Array.from({ length: 3 }, async () =>
      (await request(origin.url, { dispatcher: agent })).body.text(),
    )
    const [texts, waited] = await timed(Promise.all(followers))
    assert.ok(waited >= 150 && waited < 1000, `waited ${waited} ms`)
    assert.ok(texts.every((text) => Number(text) > 1))
    const [late, lateWaited] = await timed(request(origin.url, { dispatcher: agent }))
    assert.equal(getCacheInfo(late)?.hit, true)
    assert.ok(lateWaited < 150)
    await late.body.dump()
  })

  test('asks for itself after its own headersTimeout, where that is shorter', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth > 1) response.end('x')
    })
    const { agent } = cachedAgent(t)
    request(origin.url, { dispatcher: agent }).catch(() => {})
    const options = { dispatcher: agent, headersTimeout: 150 }
    const [{ body }, waited] = await timed(request(origin.url, options))
    assert.equal(await body.text(), 'x')
    assert.ok(waited < 1000, `waited ${waited} ms`)
  })

  test('does not wait at all with collapseTimeout: 0', async (t) => {
    const origin = await startOrigin(t, (_, response) => setTimeout(() => response.end('x'), 50))
    const { agent } = cachedAgent(t, { collapseTimeout: 0 })
    const all = Array.from({ length: 3 }, async () =>
      (await request(origin.url, { dispatcher: agent })).body.text(),
    )
    await Promise.all(all)
    assert.equal(origin.requests.length, 3)
  })

  for (const type of [
    'application/x-ndjson',
    'application/json;stream=watch',
    'multipart/x-mixed-replace; boundary=x',
    'audio/mpeg',
  ]) {
    test(`gets its own ${type}, which has no end, at once`, async (t) => {
      const origin = await startOrigin(t, (_, response) => {
        response.setHeader('content-type', type)
        response.write('begun')
      })
      const { agent } = cachedAgent(t)
      const leader = request(origin.url, { dispatcher: agent })
      const follower = request(origin.url, { dispatcher: agent })
      const [[first, second], waited] = await timed(Promise.all([leader, follower]))
      assert.ok(waited < 700, `waited ${waited} ms`)
      assert.equal(origin.requests.length, 2)
      for (const { body } of [first, second]) {
        body.on('error', () => {})
        body.destroy()
      }
    })
  }

  test('waits for a stream of unknown kind for a second at the most', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.write('begun')
    })
    const { agent } = cachedAgent(t)
    const asked = [0, 1].map(() => request(origin.url, { dispatcher: agent }))
    const [both, waited] = await timed(Promise.all(asked))
    assert.ok(waited < 2_000, `waited ${waited} ms`)
    for (const { body } of both) {
      body.on('error', () => {})
      body.destroy()
    }
  })

  test('does not wait in vain twice for what is not stored', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.setHeader('cache-control', 'no-store')
      setTimeout(() => response.end('x'), 100)
    })
    const { agent } = cachedAgent(t)
    const herd = (): Promise<string[]> =>
      Promise.all(
        Array.from({ length: 10 }, async () =>
          (await request(origin.url, { dispatcher: agent })).body.text(),
        ),
      )
    await herd()
    const [, waited] = await timed(herd())
    assert.ok(waited < 190, `two round trips: ${waited} ms`)
  })

  test('waits again when something has been stored', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth === 1) response.setHeader('cache-control', 'no-store')
      setTimeout(() => response.end('x'), 30)
    })
    const { agent, caching } = cachedAgent(t)
    const ask = async (): Promise<string> =>
      (await request(origin.url, { dispatcher: agent })).body.text()
    await ask()
    await ask()
    await caching.clear()
    await Promise.all([ask(), ask(), ask()])
    assert.equal(origin.requests.length, 3)
  })

  test('is no request that is sent to answer the very same one', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('real'))
    const mock = new MockAgent()
    t.after(() => mock.close())
    mock.disableNetConnect()
    mock.enableNetConnect(new URL(origin.url).host)
    const caching = cacheInterceptor({ backend: 'memory' })
    const agent = mock.compose(caching)
    let nested = 0
    mock
      .get(origin.url)
      .intercept({ path: '/' })
      .reply(async () => {
        // As a recorder does: it asks the real one, and adds something.
        nested++
        const response = await fetch(`${origin.url}/`, { dispatcher: agent })
        return { statusCode: 200, data: `mocked, ${await response.text()}` }
      })
    const [response, waited] = await timed(fetch(`${origin.url}/`, { dispatcher: agent }))
    assert.equal(await response.text(), 'mocked, real')
    assert.equal(nested, 1)
    assert.ok(waited < 1_000, `waited ${waited} ms`)
  })

  test('can be aborted, and leaves no timer behind', async (t) => {
    const origin = await startOrigin(t, () => {})
    const { agent } = cachedAgent(t)
    request(origin.url, { dispatcher: agent }).catch(() => {})
    const signal = AbortSignal.timeout(30)
    await assert.rejects(request(origin.url, { dispatcher: agent, signal }), {
      name: 'TimeoutError',
    })
    await later(5)
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout')
    assert.ok(timers.length <= 3, String(timers))
  })
})
