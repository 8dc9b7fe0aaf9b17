/** Which requests share a response, and that a hit is the origin's response. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { FormData, type Dispatcher } from 'undici'
import { assertCached, mayDiffer, type CacheBench, type CacheCheck } from './cache-check.ts'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
const json = 'application/json'

/** Registers the tests of requests and their responses. */
export function checkRequests(check: CacheCheck): void {
  checkMethods(check)
  checkFormats(check)
  checkHeads(check)
  checkConcurrency(check)
}

function checkMethods(check: CacheCheck): void {
  for (const method of methods) {
    check(`request: ${method} is known by its URL, query, JSON and form fields`, async (bench) => {
      const client = bench.client({ allowableMethods: methods })
      await assertCached(bench, client, '/a', { method })
      await assertCached(bench, client, '/b', { method })
      await assertCached(bench, client, '/a?x=1&y=2', { method })
      await assertCached(bench, client, '/a?x=1&y=3', { method })
      await assertCached(bench, client, '/a?x=1', { method })
      await assertCached(bench, client, '/a?x', { method })
      if (method === 'GET') return
      const form = 'application/x-www-form-urlencoded'
      for (const [type, body] of [
        [json, '{"x":1}'],
        [json, '{"x":"1"}'],
        [json, '{"x":[1,2]}'],
        [json, '{"x":[2,1]}'],
        [form, 'x=1&y=2'],
        [form, 'x=1&y=3'],
        ['application/octet-stream', 'x=1&y=2'],
      ] as const) {
        await assertCached(bench, client, '/a', { method, body, headers: { 'content-type': type } })
      }
    })
  }

  check('request: methods do not share responses', async (bench) => {
    const client = bench.client({ allowableMethods: methods })
    for (const method of methods) await assertCached(bench, client, '/a', { method })
    assert.equal(await sizeOf(bench), methods.length)
  })

  check('request: the order of members, fields and parameters does not count', async (bench) => {
    const client = bench.client({ allowableMethods: methods })
    const post = (path: string, type: string, body: string): Promise<unknown> =>
      client.ask(path, { method: 'POST', body, headers: { 'content-type': type } })
    await post('/a?x=1&y=2', json, '{"a":1,"b":{"c":2,"d":3}}')
    await post('/a?y=2&x=1', json, '{"b": {"d": 3, "c": 2}, "a": 1}')
    assert.equal(bench.origin.hits(), 1)
  })

  check('request: a method that is not allowed goes to the origin', async (bench) => {
    const client = bench.client()
    for (const asked of [1, 2]) {
      await client.ask('/a', { method: 'POST', body: 'x' })
      assert.equal(bench.origin.hits(), asked)
    }
    assert.equal(await sizeOf(bench), 0)
  })

  check('request: HEAD and GET have responses of their own', async (bench) => {
    bench.origin.answer(({ method }, response) =>
      response.setHeader('content-length', 5).end(method === 'HEAD' ? undefined : 'hello'),
    )
    const client = bench.client()
    const head = await assertCached(bench, client, '/a', { method: 'HEAD' })
    assert.equal(head.body.byteLength, 0)
    assert.equal(head.headers['content-length'], '5')
    const get = await assertCached(bench, client, '/a')
    assert.equal(get.body.toString(), 'hello')
  })

  check('request: an upload of a form is known by its fields and files', async (bench) => {
    const client = bench.client({ allowableMethods: ['POST'] })
    const upload = async (file: string): Promise<boolean> => {
      const body = new FormData()
      body.set('field', 'wert ä')
      body.set('file', new Blob([file]), 'file.txt')
      return (await client.fetch('/upload', { method: 'POST', body })).hit
    }
    assert.deepEqual([await upload('one'), await upload('one')], [false, true])
    assert.deepEqual([await upload('two'), await upload('two')], [false, true])
    assert.ok(bench.origin.requests[0]?.body.includes('one'), 'the upload did not arrive')
    assert.equal(bench.origin.hits(), 2)
  })

  check('request: what fetch has stored is a hit for request, and the other way', async (bench) => {
    const client = bench.client()
    await client.fetch('/a')
    assert.equal((await client.ask('/a')).hit, true)
    await client.ask('/b')
    assert.equal((await client.fetch('/b')).hit, true)
  })
}

const everyByte = Buffer.from(Array.from(Array(256).keys()))
const text = 'Grüße, 世界 👋\n'.repeat(100)

const formats: Readonly<Record<string, { type: string; body: Buffer; coding?: string }>> = {
  json: { type: json, body: Buffer.from('{"a": [1, 2.50, "ä", null]}') },
  'json that is a bare value': { type: json, body: Buffer.from(' 0') },
  html: { type: 'text/html; charset=utf-8', body: Buffer.from(`<p>${text}`) },
  xml: { type: 'application/xml', body: Buffer.from('<?xml version="1.0"?><a/>') },
  'text in UTF-8': { type: 'text/plain; charset=utf-8', body: Buffer.from(text) },
  'text in latin1': { type: 'text/plain; charset=iso-8859-1', body: Buffer.from('äöü', 'latin1') },
  'robots.txt': { type: 'text/plain', body: Buffer.from('User-agent: *\r\nDisallow: /\r\n') },
  svg: { type: 'image/svg+xml', body: Buffer.from('<svg xmlns="…"/>') },
  'every byte': { type: 'image/png', body: everyByte },
  'random bytes': { type: 'image/webp', body: randomBytes(70_000) },
  'an empty body': { type: 'text/plain', body: Buffer.alloc(0) },
  gzip: { type: json, body: gzipSync(text), coding: 'gzip' },
  deflate: { type: 'text/plain', body: deflateSync(text), coding: 'deflate' },
  brotli: { type: 'text/html', body: brotliCompressSync(text), coding: 'br' },
}

function checkFormats(check: CacheCheck): void {
  for (const [name, { type, body, coding }] of Object.entries(formats)) {
    check(`response: ${name} comes back byte for byte`, async (bench) => {
      bench.origin.answer((_, response) => {
        response.setHeader('content-type', type)
        if (coding !== undefined) response.setHeader('content-encoding', coding)
        response.end(body)
      })
      const client = bench.client()
      const answer = await assertCached(bench, client, '/a')
      assert.ok(answer.body.equals(body))
      assert.equal(answer.headers['content-encoding'], coding)
      const first = await client.fetch('/fetched')
      const second = await client.fetch('/fetched')
      assert.equal(second.hit, true)
      assert.ok(second.body.equals(first.body), 'fetch decodes the hit to something else')
      assert.ok(second.body.equals(coding === undefined ? body : Buffer.from(text)))
    })
  }

  check('response: a body of 3 MB comes back byte for byte', async (bench) => {
    const body = randomBytes(3_000_003)
    bench.origin.answer((_, response) => response.end(body))
    const client = bench.client()
    const answer = await assertCached(bench, client, '/a')
    assert.ok(answer.body.equals(body))
    assert.ok((await client.fetch('/a')).body.equals(body))
    assert.equal(await sizeOf(bench), 1)
  })

  check('response: what a caller does to a body does not change what is stored', async (bench) => {
    bench.origin.answer((_, response) => response.end('hello'))
    const client = bench.client()
    for (let i = 0; i < 3; i++) {
      const { body } = await client.ask('/a')
      assert.equal(body.toString(), 'hello')
      body.fill(0)
    }
  })
}

function checkHeads(check: CacheCheck): void {
  check(
    'response: status text, header lines and trailers come back as they were',
    async (bench) => {
      bench.origin.answer((_, response) => {
        const lines = ['X-CamelCase', 'Ä', 'Set-Cookie', 'a=1', 'x-twice', 'b', 'Set-Cookie', 'c=3']
        response.writeHead(200, 'Quite Right', [...lines, 'X-Twice', 'a', 'Trailer', 'X-Sum'])
        response.write('body')
        response.addTrailers({ 'X-Sum': '42' })
        response.end()
      })
      const { dispatcher } = bench.client()
      const first = await dispatchRaw(dispatcher, `${bench.origin.url}/a`)
      const second = await dispatchRaw(dispatcher, `${bench.origin.url}/a`)
      assert.equal(bench.origin.hits(), 1)
      assert.deepEqual(second, first)
      assert.equal(second.statusText, 'Quite Right')
      assert.ok(second.lines.includes('X-CamelCase: Ä'))
      assert.ok(second.lines.indexOf('x-twice: b') < second.lines.indexOf('X-Twice: a'))
      assert.deepEqual(second.trailers, { 'x-sum': '42' })
    },
  )

  check('response: other statuses are stored where they are allowed', async (bench) => {
    bench.origin.answer(({ path }, response) => response.writeHead(Number(path.slice(1))).end('x'))
    const client = bench.client({ allowableCodes: [200, 204, 404, 500] })
    for (const status of [404, 500, 204]) {
      assert.equal((await assertCached(bench, client, `/${status}`)).status, status)
    }
    await client.ask('/503')
    assert.equal((await client.ask('/503')).hit, false)
  })
}

function checkConcurrency(check: CacheCheck): void {
  check('concurrency: the origin is asked once for 10 identical requests', async (bench) => {
    bench.origin.answer(({ nth }, response) => sleep(30).then(() => response.end(`answer ${nth}`)))
    const client = bench.client()
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.ask('/a')))
    assert.equal(bench.origin.hits(), 1)
    for (const { body } of answers) assert.equal(body.toString(), 'answer 1')
  })

  check('concurrency: 50 different requests, each twice, do not mix', async (bench) => {
    bench.origin.answer(({ path }, response) => response.end(path.repeat(100)))
    // So many at once may take a server longer than a single request would wait for it.
    const client = bench.client({ storageTimeout: 30_000 })
    const paths = Array.from({ length: 50 }, (_, i) => `/${i}`)
    const answers = await Promise.all([...paths, ...paths].map((path) => client.ask(path)))
    for (const [i, { body }] of answers.entries()) {
      assert.equal(body.toString(), paths[i % 50]?.repeat(100))
    }
    assert.equal(bench.origin.hits(), 50)
    assert.equal(await sizeOf(bench), 50)
  })
}

interface RawResponse {
  statusText: string | undefined
  lines: string[]
  trailers: unknown
  body: string
}

// The one interface that shows header lines as they came.
function dispatchRaw(dispatcher: Dispatcher, url: string): Promise<RawResponse> {
  const { origin, pathname: path } = new URL(url)
  const raw: RawResponse = { statusText: undefined, lines: [], trailers: undefined, body: '' }
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(
      { origin, path, method: 'GET' },
      {
        onRequestStart: () => {},
        onResponseStart: (controller, _status, _headers, statusText) => {
          raw.statusText = statusText
          raw.lines = linesOf(controller.rawHeaders)
        },
        onResponseData: (_, chunk) => void (raw.body += chunk.toString()),
        onResponseEnd: (_, trailers) => resolve({ ...raw, trailers: { ...trailers } }),
        onResponseError: (_, error) => reject(error),
      },
    )
  })
}

function linesOf(raw: unknown): string[] {
  const flat = (raw as (Buffer | string)[]).map((part) =>
    typeof part === 'string' ? part : part.toString('latin1'),
  )
  return flat.flatMap((part, i) =>
    i % 2 === 0 && !mayDiffer.test(part) ? [`${part}: ${flat[i + 1]}`] : [],
  )
}

async function sizeOf({ cache }: CacheBench): Promise<number> {
  await cache.flush()
  return cache.size()
}
