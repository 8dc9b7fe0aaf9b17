import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { describe, test, type TestContext } from 'node:test'
import { Agent, fetch, interceptors, request, type Dispatcher } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin, type Answer } from './origin.ts'

const byHost: Answer = ({ headers, path }, response) => response.end(`${headers.host} ${path}`)

for (const alias of embedded) {
  test(`sites at one address have responses of their own: ${alias}`, async (t) => {
    const origin = await startOrigin(t, byHost)
    const backend = openCache(alias, temporaryFolder(t))
    t.after(() => backend.close())
    const { agent, caching } = cachedAgent(t, { backend })
    const { port } = new URL(origin.url)
    for (const hit of [false, true]) {
      for (const host of ['a.example', 'b.example', undefined]) {
        const headers = host === undefined ? {} : { host }
        const response = await request(origin.url, { headers, dispatcher: agent })
        assert.equal(await response.body.text(), `${host ?? `127.0.0.1:${port}`} /`)
        assert.equal(getCacheInfo(response)?.hit, hit)
      }
    }
    const urls = await Array.fromAsync(caching.cache.urls())
    assert.deepEqual(
      urls.toSorted(),
      ['http://a.example/', `${origin.url}/`, 'http://b.example/'].toSorted(),
    )
    const target = { url: origin.url, headers: { Host: 'A.example' } }
    assert.equal(await caching.cache.has(target), true)
    assert.equal(await caching.cache.has('http://a.example/'), false)
    await caching.cache.delete(target)
    assert.equal(await caching.cache.has(target), false)
    assert.equal(await caching.cache.size(), 2)
  })
}

test('another server with the same Host does not answer for the first', async (t) => {
  const production = await startOrigin(t, (_, response) => response.end('production'))
  const staging = await startOrigin(t, (_, response) => response.end('staging'))
  for (const options of [{}, { keyFn: ({ url }: { url: string }) => url }]) {
    const { agent } = cachedAgent(t, options)
    const headers = { host: 'www.example' }
    for (const [url, text] of [
      [staging.url, 'staging'],
      [production.url, 'production'],
    ] as const) {
      const response = await request(url, { headers, dispatcher: agent })
      assert.equal(await response.body.text(), text)
    }
  }
})

test('patterns, filters and prefixes see the host that was asked', async (t) => {
  const origin = await startOrigin(t, byHost)
  const seen: string[] = []
  const { agent, caching } = cachedAgent(t, {
    urlsExpireAfter: { 'b.example': 'do-not-cache', 'a.example': '1h' },
    filter: ({ url }) => seen.push(url) > 0,
  })
  for (const [host, reason] of [
    ['a.example', 'uri-miss'],
    ['b.example', 'do-not-cache'],
  ] as const) {
    const response = await request(origin.url, { headers: { host }, dispatcher: agent })
    await response.body.dump()
    assert.equal(getCacheInfo(response)?.reason, reason)
  }
  assert.deepEqual(seen, ['http://a.example/'])
  assert.equal(await caching.cache.delete({ urlPrefix: 'http://a.example/' }), 1)
})

describe('a change', () => {
  test('concerns the host that it was sent for, and nobody else', async (t) => {
    const origin = await startOrigin(t, ({ method, headers, path }, response) => {
      if (method === 'POST') response.setHeader('location', 'http://a.example/list')
      response.end(`${headers.host} ${path}`)
    })
    const { agent, caching } = cachedAgent(t)
    const paths = ['/', '/list', '/other']
    for (const host of ['a.example', 'b.example']) {
      for (const path of paths) {
        await (
          await request(origin.url + path, { headers: { host }, dispatcher: agent })
        ).body.dump()
      }
    }
    const headers = { host: 'a.example' }
    await (await request(origin.url, { method: 'POST', headers, dispatcher: agent })).body.dump()
    const left = await Array.fromAsync(caching.cache.urls())
    assert.deepEqual(left.toSorted(), [
      'http://a.example/other',
      ...paths.map((path) => `http://b.example${path}`),
    ])
  })
})

describe('redirects', () => {
  const answer: Answer = ({ headers, path }, response) => {
    if (path !== '/old') return response.end(`${headers.host} ${path}`)
    return response.writeHead(301, { location: '/new' }).end()
  }

  test('fetch goes on as without a cache', async (t) => {
    const origin = await startOrigin(t, answer)
    const { agent } = cachedAgent(t)
    const bare = new Agent()
    t.after(() => bare.destroy())
    const ask = async (host: string, dispatcher: Dispatcher): Promise<string> =>
      (await fetch(`${origin.url}/old`, { headers: { host }, dispatcher })).text()
    for (const host of ['a.example', 'b.example']) {
      const text = await ask(host, bare)
      assert.equal(await ask(host, agent), text)
      const asked = origin.requests.length
      assert.equal(await ask(host, agent), text)
      assert.equal(origin.requests.length, asked)
    }
  })

  for (const place of ['above', 'below'] as const) {
    test(`redirect() ${place} the cache leaves it behind`, async (t) => {
      const origin = await startOrigin(t, answer)
      const caching = cacheInterceptor({ backend: 'memory' })
      t.after(() => caching.close())
      const redirect = interceptors.redirect({ maxRedirections: 3 })
      const bare = new Agent()
      t.after(() => bare.destroy())
      const dispatcher =
        place === 'above' ? bare.compose(caching, redirect) : bare.compose(redirect, caching)
      const ask = async (path: string, headers: Record<string, string>): Promise<string> =>
        (await request(origin.url + path, { headers, dispatcher })).body.text()
      const own = new URL(origin.url).host
      const host = 'a.example'
      assert.equal(await ask('/new', { host }), 'a.example /new')
      for (let round = 0; round < 2; round++)
        assert.equal(await ask('/old', { host }), `${own} /new`)
      assert.equal(await ask('/new', { host }), 'a.example /new')
      assert.equal(origin.requests.length, 3)
      const steps = await caching.cache.history({ url: `${origin.url}/old`, headers: { host } })
      assert.equal(steps.at(-1)?.status, 200)
      if (place === 'above') assert.equal(steps[0]?.url, 'http://a.example/old')
    })
  }
})

test('recreateKeys() knows where they were sent', async (t) => {
  const origin = await startOrigin(t, byHost)
  const backend = openCache('memory', '')
  const plain = cachedAgent(t, { backend })
  for (const host of ['a.example', 'b.example']) {
    const init = { headers: { host, 'x-lang': 'de' }, dispatcher: plain.agent }
    await (await request(`${origin.url}/?s=1`, init)).body.dump()
  }
  const rules = { matchHeaders: ['X-Lang'], ignoredParameters: ['s'] }
  assert.deepEqual(await backend.recreateKeys(rules), {
    moved: 2,
    kept: 0,
    superseded: 0,
    unreadable: 0,
  })
  const { agent } = cachedAgent(t, { backend, ...rules })
  for (const host of ['a.example', 'b.example']) {
    const init = { headers: { host, 'x-lang': 'de' }, dispatcher: agent }
    const response = await request(`${origin.url}/?s=2`, init)
    assert.equal(await response.body.text(), `${host} /?s=1`)
    assert.equal(getCacheInfo(response)?.hit, true)
  }
})

test('recreateKeys() leaves alone what was stored when Host did not count', async (t) => {
  const origin = await startOrigin(t, byHost)
  const backend = openCache('memory', '')
  const { agent } = cachedAgent(t, { backend, ignoredParameters: ['host'] })
  const init = { headers: { host: 'a.example' }, dispatcher: agent }
  await (await request(origin.url, init)).body.dump()
  assert.equal((await backend.recreateKeys({})).kept, 1)
})

test('a Host field that is none passes by, to the error that undici has for it', async (t) => {
  const origin = await startOrigin(t, byHost)
  const { agent } = cachedAgent(t)
  const response = await request(origin.url, { headers: { host: 'a b' }, dispatcher: agent })
  await response.body.dump()
  assert.equal(getCacheInfo(response)?.reason, 'host')
})

describe('dns() above the cache', () => {
  const start = async (t: TestContext): Promise<number> => {
    const server = createServer(({ headers }, response) => response.end(headers.host))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    return (server.address() as AddressInfo).port
  }

  test('two names at one address are told apart', async (t) => {
    const port = await start(t)
    const caching = cacheInterceptor({ backend: 'memory' })
    const bare = new Agent()
    t.after(() => bare.destroy())
    const dns = interceptors.dns({
      lookup: (_origin, _options, done) =>
        done(null, [{ address: '127.0.0.1', family: 4, ttl: 10_000 }]),
    })
    const dispatcher = bare.compose(caching, dns)
    for (const hit of [false, true]) {
      for (const name of ['a.example', 'b.example']) {
        const response = await request(`http://${name}:${port}/`, { dispatcher })
        assert.equal(await response.body.text(), `${name}:${port}`)
        assert.equal(getCacheInfo(response)?.hit, hit)
      }
    }
    const urls = await Array.fromAsync(caching.cache.urls())
    assert.deepEqual(urls.toSorted(), [`http://a.example:${port}/`, `http://b.example:${port}/`])
  })
})
