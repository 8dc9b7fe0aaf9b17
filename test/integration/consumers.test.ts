import assert from 'node:assert/strict'
import { Readable, Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { fetch as undiciFetch, pipeline, request, setGlobalDispatcher, stream, Agent } from 'undici'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

const everyByte = Buffer.from(Array.from({ length: 4096 }, (_, index) => index % 256))
const bodies: Record<string, [headers: Record<string, string>, body: Buffer]> = {
  '/bytes': [{ 'content-type': 'application/octet-stream' }, everyByte],
  '/gzip': [{ 'content-encoding': 'gzip' }, gzipSync('{"spaces":  "kept"}')],
  '/brotli': [{ 'content-encoding': 'br' }, brotliCompressSync('{ "x": 1.50 }')],
  '/latin1': [{ 'content-type': 'text/plain; charset=iso-8859-1' }, Buffer.from([0xe4, 0xf6])],
  '/empty': [{}, Buffer.alloc(0)],
  '/large': [{}, Buffer.alloc(3_500_000, everyByte)],
}

for (const backend of embedded) {
  describe(`a hit from ${backend} is the origin's response`, () => {
    for (const [path, [headers, body]] of Object.entries(bodies)) {
      test(`byte for byte to request(): ${path}`, async (t) => {
        const origin = await startOrigin(t, (_, response) =>
          response.writeHead(200, headers).end(body),
        )
        const { agent } = cachedAgent(t, { backend, cacheName: `${temporaryFolder(t)}/c` })
        for (const hit of [false, true, true]) {
          const response = await request(origin.url + path, { dispatcher: agent })
          assert.deepEqual(Buffer.from(await response.body.arrayBuffer()), body)
          assert.equal(getCacheInfo(response)?.hit, hit)
        }
        assert.equal(origin.count(path), 1)
      })

      test(`and decoded as without a cache to fetch: ${path}`, async (t) => {
        const origin = await startOrigin(t, (_, response) =>
          response.writeHead(200, headers).end(body),
        )
        const { agent } = cachedAgent(t, { backend, cacheName: `${temporaryFolder(t)}/c` })
        const plain = await (await undiciFetch(origin.url + path)).bytes()
        for (const hit of [false, true, true]) {
          const response = await undiciFetch(origin.url + path, { dispatcher: agent })
          assert.deepEqual(await response.bytes(), plain)
          assert.equal(getCacheInfo(response)?.hit, hit)
        }
        assert.equal(origin.count(path), 2)
      })
    }
  })
}

describe('every way to ask', () => {
  test('stream() and pipeline() get hits', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end(everyByte))
    const { agent } = cachedAgent(t)
    const streamed = async (): Promise<Buffer> => {
      const chunks: Buffer[] = []
      await stream(origin.url, { method: 'GET', dispatcher: agent }, () => {
        return new Writable({
          write(chunk: Buffer, _encoding, done) {
            chunks.push(chunk)
            done()
          },
        })
      })
      return Buffer.concat(chunks)
    }
    const piped = async (): Promise<Buffer> => {
      const through = pipeline(origin.url, { method: 'GET', dispatcher: agent }, ({ body }) => body)
      through.end()
      return Buffer.concat(await through.toArray())
    }
    assert.deepEqual(await streamed(), everyByte)
    assert.deepEqual(await streamed(), everyByte)
    assert.deepEqual(await piped(), everyByte)
    assert.deepEqual(await piped(), everyByte)
    // A pipeline always has a body, if an empty one.
    assert.equal(origin.requests.length, 1)
  })

  test('global fetch, through the global dispatcher', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.setHeader('set-cookie', ['a=1; Path=/', 'b=2'])
      response.end('from the origin')
    })
    const { agent } = cachedAgent(t)
    setGlobalDispatcher(agent)
    t.after(() => setGlobalDispatcher(new Agent()))
    for (const hit of [false, true]) {
      const response = await fetch(`${origin.url}/global`)
      assert.equal(await response.text(), 'from the origin')
      assert.deepEqual(response.headers.getSetCookie(), ['a=1; Path=/', 'b=2'])
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
    assert.equal(origin.count('/global'), 1)
  })

  test('global fetch with a dispatcher of its own', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    const { agent } = cachedAgent(t)
    // Node's types know another copy of undici.
    const init = { dispatcher: agent } as unknown as RequestInit
    assert.equal(await (await fetch(origin.url, init)).text(), 'x')
    assert.equal(await (await fetch(origin.url, init)).text(), 'x')
    assert.equal(origin.requests.length, 1)
  })

  test('header lines in order and casing, status text and trailers', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.writeHead(200, 'Fine Indeed', [
        'X-Zebra',
        '1',
        'x-Apple',
        'ä',
        'X-Zebra',
        '2',
        'Trailer',
        'X-Sum',
      ])
      response.write('body')
      response.addTrailers({ 'X-Sum': 'abc' })
      response.end()
    })
    const { agent } = cachedAgent(t, { statusHeaders: false })
    const ask = async () => {
      const response = await request(origin.url, { dispatcher: agent, responseHeaders: 'raw' })
      await response.body.text()
      return response
    }
    const first = await ask()
    const second = await ask()
    assert.equal(origin.requests.length, 1)
    const lines = (raw: unknown): string[] => (raw as (Buffer | string)[]).map(String)
    const hopByHop = /^(connection|keep-alive|trailer|transfer-encoding)$/i
    const expected = lines(first.headers).flatMap((name, index, all) =>
      index % 2 === 0 && !hopByHop.test(name) ? [name, all[index + 1]] : [],
    )
    assert.deepEqual(lines(second.headers), expected)
    assert.equal(second.statusText, 'Fine Indeed')
    assert.deepEqual(second.trailers, { 'x-sum': 'abc' })
  })

  test('callers that change what they were handed change nothing that is kept', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('precious'))
    const { agent } = cachedAgent(t)
    for (let round = 0; round < 3; round++) {
      const response = await request(origin.url, { dispatcher: agent })
      assert.equal(response.headers['x-spoiled'], undefined)
      response.headers['x-spoiled'] = 'yes'
      let text = ''
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        text += chunk.toString()
        chunk.fill(0)
      }
      assert.equal(text, 'precious')
    }
    assert.equal(origin.requests.length, 1)
  })

  test('unless they were allowed to share it', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('precious'))
    const { agent } = cachedAgent(t, { shareBodies: true })
    const chunkOf = async (): Promise<Buffer> => {
      const { body } = await request(origin.url, { dispatcher: agent })
      const [chunk] = (await body.toArray()) as Buffer[]
      return chunk!
    }
    await chunkOf()
    const [first, second] = [await chunkOf(), await chunkOf()]
    assert.equal(first.buffer, second.buffer)
    assert.equal(second.toString(), 'precious')
  })

  test('HEAD is kept apart from GET', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('body'))
    const { agent } = cachedAgent(t)
    for (let round = 0; round < 2; round++) {
      const head = await request(origin.url, { method: 'HEAD', dispatcher: agent })
      assert.equal(await head.body.text(), '')
      const get = await request(origin.url, { dispatcher: agent })
      assert.equal(await get.body.text(), 'body')
    }
    assert.equal(origin.requests.length, 2)
  })

  test('query given apart is part of the key', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => response.end(path))
    const { agent } = cachedAgent(t)
    const ask = async (n: number): Promise<string> =>
      (await request(`${origin.url}/q`, { query: { n }, dispatcher: agent })).body.text()
    assert.deepEqual([await ask(1), await ask(2), await ask(1)], ['/q?n=1', '/q?n=2', '/q?n=1'])
    assert.equal(origin.requests.length, 2)
  })
})

describe('request bodies are part of the key', () => {
  const forms: Record<string, () => NonNullable<RequestInit['body']>> = {
    text: () => 'a text',
    buffer: () => Buffer.from('bytes'),
    'form data': () => {
      const form = new FormData()
      form.set('name', 'value')
      form.set('file', new Blob(['content'], { type: 'text/plain' }), 'name.txt')
      return form
    },
    parameters: () => new URLSearchParams({ a: '1', b: '2' }),
  }
  for (const [name, make] of Object.entries(forms)) {
    test(`fetch: ${name}`, async (t) => {
      const origin = await startOrigin(t, ({ body }, response) => response.end(String(body.length)))
      const { agent } = cachedAgent(t, { allowableMethods: ['GET', 'POST'] })
      const init = (): RequestInit =>
        ({ method: 'POST', body: make(), dispatcher: agent }) as unknown as RequestInit
      const first = await (await fetch(origin.url, init())).text()
      assert.notEqual(first, '0')
      assert.equal(await (await fetch(origin.url, init())).text(), first)
      assert.equal(origin.requests.length, 1)
    })
  }

  test('JSON: the order of members does not matter, that of elements does', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(body))
    const { agent } = cachedAgent(t, { allowableMethods: ['POST'] })
    const ask = async (body: string): Promise<string> => {
      const headers = { 'content-type': 'application/json' }
      const response = await request(origin.url, {
        method: 'POST',
        body,
        headers,
        dispatcher: agent,
      })
      return response.body.text()
    }
    assert.equal(await ask('{"a":1,"b":[1,2]}'), '{"a":1,"b":[1,2]}')
    assert.equal(await ask('{ "b": [1, 2], "a": 1 }'), '{"a":1,"b":[1,2]}')
    assert.equal(await ask('{"a":1,"b":[2,1]}'), '{"a":1,"b":[2,1]}')
    assert.equal(origin.requests.length, 2)
  })

  test('streams are read, sent on whole and cached', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(body))
    const { agent } = cachedAgent(t, { allowableMethods: ['POST'] })
    const ask = async (): Promise<string> => {
      const body = Readable.from(['one ', Buffer.from('two')])
      return (await request(origin.url, { method: 'POST', body, dispatcher: agent })).body.text()
    }
    assert.equal(await ask(), 'one two')
    assert.equal(await ask(), 'one two')
    assert.equal(origin.requests.length, 1)
  })

  test('a body over the limit goes through untouched and uncached', async (t) => {
    const origin = await startOrigin(t, ({ body }, response) => response.end(String(body.length)))
    const { agent } = cachedAgent(t, { allowableMethods: ['POST'], maxRequestBodyBytes: 1000 })
    for (let round = 0; round < 2; round++) {
      const body = Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(100)))
      const response = await request(origin.url, { method: 'POST', body, dispatcher: agent })
      assert.equal(await response.body.text(), '2000')
      assert.equal(getCacheInfo(response)?.reason, 'body')
    }
    assert.equal(origin.requests.length, 2)
  })

  test('a body that fails while it is read fails the request, and nothing is stored', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('never'))
    const { agent, caching } = cachedAgent(t, { allowableMethods: ['POST'] })
    const failing = (): ReadableStream =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from('begun'))
        },
        pull() {
          throw new Error('source failed')
        },
      })
    const init = { method: 'POST', body: failing(), duplex: 'half', dispatcher: agent }
    await assert.rejects(fetch(origin.url, init as unknown as RequestInit))
    async function* source(): AsyncGenerator<Buffer> {
      yield Buffer.from('begun')
      throw new Error('source failed')
    }
    const body = Readable.from(source())
    await assert.rejects(request(origin.url, { method: 'POST', body, dispatcher: agent }))
    assert.equal(await caching.cache.size(), 0)
  })
})
