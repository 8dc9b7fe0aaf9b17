import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { fetch } from 'undici'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, temporaryFolder, type CachedAgent } from './caches.ts'
import { startOrigin, type Answer, type Origin } from './origin.ts'

type Target = (response: Parameters<Answer>[1], download: number) => void

/** Downloads as object storages give them: a redirect to a URL that is good for one download. */
async function startDownloads(
  t: TestContext,
  target: Target,
  { status = 302, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Promise<Origin> {
  let links = 0
  let downloads = 0
  return startOrigin(t, ({ path }, response) => {
    if (path === '/file') {
      links++
      return response.writeHead(status, { location: `/signed?n=${links}`, ...headers }).end()
    }
    if (path !== `/signed?n=${links}`) return response.writeHead(403).end('expired')
    return target(response, ++downloads)
  })
}

async function download({ agent }: CachedAgent, { url }: Origin): Promise<[number, string]> {
  const response = await fetch(`${url}/file`, { dispatcher: agent })
  return [response.status, await response.text().catch(() => 'cut')]
}

/** The signed URL is over as soon as another one is asked for, or a download has failed. */
const failures: Record<string, { target: Target; options?: CacheOptions; first: unknown }> = {
  'is cut': {
    target: (response, nth) => {
      if (nth > 1) return response.end('whole')
      response.writeHead(200, { 'content-length': 1000 })
      return response.write('half', () => response.destroy())
    },
    first: [200, 'cut'],
  },
  'is too long': {
    target: (response, nth) => response.end(nth > 1 ? 'whole' : 'x'.repeat(200)),
    options: { maxBodyBytes: 100 },
    first: [200, 'x'.repeat(200)],
  },
  'is not to be stored': {
    target: (response, nth) => {
      if (nth === 1) response.setHeader('cache-control', 'no-store')
      response.end(nth > 1 ? 'whole' : 'once')
    },
    first: [200, 'once'],
  },
  'is refused by filter': {
    target: (response, nth) => response.setHeader('x-n', nth).end(nth > 1 ? 'whole' : 'once'),
    options: { filter: (_, { status, headers }) => status !== 200 || headers['x-n'] === '2' },
    first: [200, 'once'],
  },
  'answers 404': {
    target: (response, nth) => response.writeHead(nth > 1 ? 200 : 404).end(nth > 1 ? 'whole' : ''),
    first: [404, ''],
  },
  'answers 500': {
    target: (response, nth) => response.writeHead(nth > 1 ? 200 : 500).end(nth > 1 ? 'whole' : ''),
    first: [500, ''],
  },
}

for (const backend of embedded) {
  describe(`a temporary redirect without a lifetime, with ${backend}`, () => {
    for (const [what, { target, options, first }] of Object.entries(failures)) {
      for (const status of [302, 303, 307]) {
        test(`${status}: is asked for again where what it leads to ${what}`, async (t) => {
          const origin = await startDownloads(t, target, { status })
          const cacheName = `${temporaryFolder(t)}/c`
          const cached = cachedAgent(t, { backend, cacheName, ...options })
          assert.deepEqual(await download(cached, origin), first)
          assert.deepEqual(await download(cached, origin), [200, 'whole'])
          assert.equal(origin.count('/file'), 2)
        })
      }
    }

    test('is replayed together with what it leads to', async (t) => {
      const origin = await startDownloads(t, (response) => response.end('whole'))
      const cacheName = `${temporaryFolder(t)}/c`
      const cached = cachedAgent(t, { backend, cacheName })
      for (let round = 0; round < 3; round++) {
        assert.deepEqual(await download(cached, origin), [200, 'whole'])
      }
      assert.equal(origin.requests.length, 2)
      await cached.caching.cache.delete({ urlPattern: '*/signed' })
      assert.deepEqual(await download(cached, origin), [200, 'whole'])
      assert.equal(origin.requests.length, 4)
    })
  })
}

describe('a temporary redirect', () => {
  test('is replayed for as long as it says, whatever it leads to', async (t) => {
    const target: Target = (response) => response.writeHead(404).end()
    const headers = { 'cache-control': 'max-age=60' }
    const origin = await startDownloads(t, target, { headers })
    const cached = cachedAgent(t)
    for (let round = 0; round < 2; round++) await download(cached, origin)
    assert.equal(origin.count('/file'), 1)
    t.mock.method(Date, 'now', () => performance.timeOrigin + performance.now() + 61_000)
    await download(cached, origin)
    assert.equal(origin.count('/file'), 2)
  })

  test('leads to another origin: what is stored there is found, variants included', async (t) => {
    const elsewhere = await startOrigin(t, ({ headers }, response) => {
      response.setHeader('vary', 'accept-language')
      response.end(`${headers['accept-language']} ${headers.authorization}`)
    })
    const origin = await startOrigin(t, (_, response) =>
      response.writeHead(302, { location: `${elsewhere.url}/there` }).end(),
    )
    const { agent } = cachedAgent(t)
    const headers = { 'accept-language': 'de', authorization: 'Bearer secret' }
    for (const hit of [false, true]) {
      const response = await fetch(`${origin.url}/`, { dispatcher: agent, headers })
      assert.equal(await response.text(), 'de undefined')
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
    assert.equal(origin.requests.length, 1)
  })

  test('is not asked for again while what it leads to is on its way', async (t) => {
    const origin = await startDownloads(t, (response) =>
      setTimeout(() => response.end('whole'), 100),
    )
    const cached = cachedAgent(t)
    const first = download(cached, origin)
    while (origin.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(await download(cached, origin), [200, 'whole'])
    assert.deepEqual(await first, [200, 'whole'])
    assert.equal(origin.requests.length, 2)
  })

  test('onlyIfCached refuses one whose target is not stored', async (t) => {
    const origin = await startDownloads(t, (response) => response.writeHead(404).end())
    const cached = cachedAgent(t)
    await download(cached, origin)
    const [status] = await cached.caching.with({ onlyIfCached: true }, () =>
      download(cached, origin),
    )
    assert.equal(status, 504)
    assert.equal(origin.count('/file'), 1)
  })

  test('a permanent one is replayed whatever it leads to', async (t) => {
    const target: Target = (response) => response.writeHead(404).end()
    const origin = await startDownloads(t, target, { status: 301 })
    const cached = cachedAgent(t)
    for (let round = 0; round < 2; round++) await download(cached, origin)
    assert.equal(origin.count('/file'), 1)
  })
})
