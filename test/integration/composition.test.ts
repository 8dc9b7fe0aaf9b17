import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect as tcpConnect, type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  Agent,
  BalancedPool,
  Client,
  EventSource,
  fetch,
  interceptors,
  MockAgent,
  Pool,
  ProxyAgent,
  request,
  WebSocket,
} from 'undici'
import type { CacheError } from '../../lib/errors.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent } from './caches.ts'
import { startOrigin } from './origin.ts'

describe('other dispatchers', () => {
  for (const [name, Dispatcher] of Object.entries({ Client, Pool })) {
    test(name, async (t) => {
      const origin = await startOrigin(t, ({ path }, response) => response.end(path))
      const caching = cacheInterceptor({ backend: 'memory', origin: origin.url })
      const client = new Dispatcher(origin.url)
      t.after(() => client.destroy())
      const composed = client.compose(caching)
      for (const hit of [false, true]) {
        const response = await composed.request({ path: '/p', method: 'GET' })
        assert.equal(await response.body.text(), '/p')
        assert.equal(getCacheInfo(response)?.hit, hit)
      }
    })
  }

  test('BalancedPool, which names no origin: told once, with the cure', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => response.end(path))
    const ask = async (options: CacheOptions): Promise<unknown[]> => {
      const told: CacheError[] = []
      const caching = cacheInterceptor({
        backend: 'memory',
        onError: (error) => told.push(error),
        ...options,
      })
      const pool = new BalancedPool(origin.url)
      t.after(() => pool.destroy())
      const composed = pool.compose(caching)
      const hits: unknown[] = []
      for (let round = 0; round < 3; round++) {
        const response = await composed.request({ path: '/p', method: 'GET' })
        assert.equal(await response.body.text(), '/p')
        hits.push(getCacheInfo(response)?.hit)
      }
      for (const { message } of told) assert.match(message, /BalancedPool.*option 'origin'.*Agent/)
      assert.equal(caching.cache.counters.errors, told.length)
      return [hits, told.map(({ code }) => code)]
    }
    assert.deepEqual(await ask({}), [
      [undefined, undefined, undefined],
      ['ERR_CACHE_ORIGIN_UNKNOWN'],
    ])
    assert.deepEqual(await ask({ origin: origin.url }), [[false, true, true], []])
  })

  test('ProxyAgent: a hit asks neither the origin nor the proxy', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('behind the proxy'))
    let tunnels = 0
    const proxy = createServer().on('connect', ({ url }, socket) => {
      tunnels++
      const [host, port] = url!.split(':')
      const upstream = tcpConnect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.pipe(socket)
        socket.pipe(upstream)
      })
      upstream.on('error', () => socket.destroy())
      socket.on('error', () => upstream.destroy())
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    const uri = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const bare = new ProxyAgent({ uri, proxyTunnel: true })
    t.after(async () => {
      await bare.destroy()
      proxy.closeAllConnections()
      proxy.close()
    })
    const dispatcher = bare.compose(cacheInterceptor({ backend: 'memory' }))
    for (let round = 0; round < 2; round++) {
      const { body } = await request(origin.url, { dispatcher })
      assert.equal(await body.text(), 'behind the proxy')
    }
    assert.equal(origin.requests.length, 1)
    assert.equal(tunnels, 1)
  })

  test('MockAgent, with a body that was read for the key', async () => {
    const mock = new MockAgent()
    mock.disableNetConnect()
    mock
      .get('http://mocked.test')
      .intercept({ path: '/', method: 'POST', body: 'question' })
      .reply(200, 'answer')
    const caching = cacheInterceptor({ backend: 'memory', allowableMethods: ['POST'] })
    const dispatcher = mock.compose(caching)
    for (let round = 0; round < 2; round++) {
      const init = { method: 'POST', body: 'question', dispatcher }
      assert.equal(await (await fetch('http://mocked.test/', init)).text(), 'answer')
    }
    await mock.close()
  })
})

describe('other interceptors', () => {
  for (const place of ['inside', 'outside'] as const) {
    test(`retry ${place} of the cache: only the good answer is stored`, async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => {
        response.statusCode = nth === 1 ? 503 : 200
        response.end(`answer ${nth}`)
      })
      const caching = cacheInterceptor({ backend: 'memory' })
      const retry = interceptors.retry({ minTimeout: 1, maxTimeout: 5 })
      const dispatcher =
        place === 'inside'
          ? new Agent().compose(retry, caching)
          : new Agent().compose(caching, retry)
      t.after(() => dispatcher.close())
      for (const hit of [false, true]) {
        const response = await request(origin.url, { dispatcher })
        assert.equal(await response.body.text(), 'answer 2')
        assert.equal(getCacheInfo(response)?.hit, hit)
      }
    })

    test(`decompress ${place} of the cache`, async (t) => {
      const origin = await startOrigin(t, (_, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unzipped')),
      )
      const caching = cacheInterceptor({ backend: 'memory' })
      const decompress = interceptors.decompress()
      const dispatcher =
        place === 'inside'
          ? new Agent().compose(decompress, caching)
          : new Agent().compose(caching, decompress)
      t.after(() => dispatcher.close())
      for (let round = 0; round < 3; round++) {
        const response = await request(origin.url, { dispatcher })
        assert.equal(await response.body.text(), 'unzipped')
        assert.equal(getCacheInfo(response)?.hit, round > 0)
      }
    })
  }

  test('dns below the cache', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('resolved'))
    const caching = cacheInterceptor({ backend: 'memory' })
    const dispatcher = new Agent().compose(interceptors.dns(), caching)
    t.after(() => dispatcher.close())
    const url = origin.url.replace('127.0.0.1', 'localhost')
    for (const hit of [false, true]) {
      const response = await request(url, { dispatcher })
      assert.equal(await response.body.text(), 'resolved')
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
  })

  test('two caches, one above the other', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    const near = cacheInterceptor({ backend: 'memory' })
    const far = cacheInterceptor({ backend: 'memory' })
    const dispatcher = new Agent().compose(far, near)
    t.after(() => dispatcher.close())
    await (await request(origin.url, { dispatcher })).body.dump()
    await near.clear()
    const response = await request(origin.url, { dispatcher })
    assert.equal(await response.body.text(), 'x')
    assert.equal(origin.requests.length, 1)
  })
})

describe('what is left alone', () => {
  test('WebSocket', async (t) => {
    const server = createServer()
    server.on('upgrade', (incoming, socket) => {
      // RFC 6455 §4.2.2, as far as a handshake needs it.
      const key = `${incoming.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
      void import('node:crypto').then(({ createHash }) => {
        const accept = createHash('sha1').update(key).digest('base64')
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        )
        socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69]))
      })
      socket.on('error', () => {})
      // A server does not count a connection as its own that was upgraded.
      t.after(() => socket.destroy())
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { agent } = cachedAgent(t)
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
    const socket = new WebSocket(url, { dispatcher: agent })
    const message = await new Promise<unknown>((resolve, reject) => {
      socket.addEventListener('message', ({ data }) => resolve(data))
      socket.addEventListener('error', () => reject(new Error('no WebSocket')))
    })
    assert.equal(message, 'hi')
    socket.close()
    server.closeAllConnections()
    server.close()
  })

  test('upgrade() and connect()', async (t) => {
    const server = createServer()
    server.on('upgrade', (_, socket) => {
      socket.end('HTTP/1.1 101 OK\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nupgraded')
    })
    server.on('connect', (_, socket) => socket.end('HTTP/1.1 200 OK\r\n\r\ntunnelled'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { agent } = cachedAgent(t)
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const upgraded = await agent.upgrade({ origin, path: '/', protocol: 'echo' } as Parameters<
      typeof agent.upgrade
    >[0])
    assert.equal(Buffer.concat(await upgraded.socket.toArray()).toString(), 'upgraded')
    upgraded.socket.destroy()
    const connected = await agent.connect({ origin, path: '127.0.0.1:9' })
    assert.equal(Buffer.concat(await connected.socket.toArray()).toString(), 'tunnelled')
    connected.socket.destroy()
  })

  test('EventSource', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: event\n\n')
    })
    const { agent, caching } = cachedAgent(t)
    const source = new EventSource(origin.url, { dispatcher: agent })
    const data = await new Promise((resolve) =>
      source.addEventListener('message', (event) => resolve(event.data)),
    )
    assert.equal(data, 'event')
    source.close()
    assert.equal(await caching.cache.size(), 0)
  })

  test('ranges, and conditions of the caller', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) => {
      if (headers['if-none-match'] !== undefined) return response.writeHead(304).end()
      if (headers.range === undefined) return response.end('whole')
      return response.writeHead(206, { 'content-range': 'bytes 0-1/5' }).end('wh')
    })
    const { agent } = cachedAgent(t)
    const ask = async (headers: Record<string, string>): Promise<string> => {
      const response = await request(origin.url, { headers, dispatcher: agent })
      return `${response.statusCode} ${await response.body.text()}`
    }
    assert.equal(await ask({}), '200 whole')
    assert.equal(await ask({ Range: 'bytes=0-1' }), '206 wh')
    assert.equal(await ask({ 'If-None-Match': '"x"' }), '304 ')
    assert.equal(await ask({}), '200 whole')
    assert.equal(origin.requests.length, 3)
  })

  test('methods that are not allowed, their bodies untouched', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(body))
    const { agent } = cachedAgent(t)
    for (let round = 0; round < 2; round++) {
      const response = await fetch(origin.url, { method: 'POST', body: 'sent', dispatcher: agent })
      assert.equal(await response.text(), 'sent')
      assert.equal(getCacheInfo(response)?.reason, 'method')
    }
    assert.equal(origin.requests.length, 2)
  })

  test('a 103 passes, before a response that is stored as before one that is not', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.end('after the hints')
    })
    const { agent } = cachedAgent(t)
    const hints: number[] = []
    for (const hit of [false, true]) {
      const response = await request(origin.url, {
        dispatcher: agent,
        onInfo: ({ statusCode }) => void hints.push(statusCode),
      })
      assert.equal(await response.body.text(), 'after the hints')
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
    assert.deepEqual(hints, [103])
  })
})
