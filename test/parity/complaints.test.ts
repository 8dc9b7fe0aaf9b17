/** What users of requests-cache have asked for or complained about, by the numbers of its issues. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { fetch as fetchBy } from 'undici'
import { BaseCache, cacheInterceptor, FileCache, getCacheInfo } from '../../lib/index.ts'
import { setUp } from '../coming-from-requests-cache/desk.ts'
import { secondsOf } from '../integration/ask.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'

const posts = { allowableMethods: ['GET', 'POST'] }

describe('what is asked for', () => {
  test('#935: everything of a URL goes, whatever method, variant and body', async (t) => {
    const { ask, cache, url } = await setUp(t, posts)
    for (const language of ['de', 'fr']) {
      await ask('/varies', {}, { headers: { 'accept-language': language } })
      await ask('/varies', {}, { method: 'POST', body: language })
    }
    await ask('/varies', {}, { headers: { authorization: 'Bearer one' } })
    await ask('/other')
    assert.equal(await cache.delete({ urls: [url('/varies')] }), 5)
    assert.equal(await cache.size(), 1)
    await ask('/a?x=1')
    await ask('/a?x=2')
    assert.equal(await cache.delete({ urlPrefix: url('/a?') }), 2, 'or all parameters')
  })

  test('#156: a lifetime that the body decides', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) =>
      response.end(JSON.stringify({ running: path === '/running' })),
    )
    const { ask, cache } = await setUp(t, {}, origin)
    for (const path of ['/running', '/done']) await ask(path)
    const isRunning = async ({ body }: { body: () => Promise<Buffer> }): Promise<boolean> =>
      String(await body()).includes('true')
    const filter: Parameters<typeof cache.resetExpiration>[1] = {
      filter: (each) => isRunning({ body: () => each.body() }),
    }
    assert.equal(await cache.resetExpiration('10s', filter), 1)
    assert.ok((await ask('/running')).info?.expiresAt !== undefined)
    assert.equal((await ask('/done')).info?.expiresAt, undefined)
  })

  test('#145, #125: a lifetime for each status', async (t) => {
    const { ask } = await setUp(t, {
      codesExpireAfter: { 404: '5m', '5xx': 'do-not-cache' },
      expireAfter: '1d',
    })
    assert.equal(secondsOf(await ask('/404')), 300)
    assert.equal(secondsOf(await ask('/')), 86_400)
    assert.equal((await ask('/500')).info?.stored, false)
  })

  test('#937: staleWhileRevalidate for one call', async (t) => {
    const { ask } = await setUp(t)
    await ask('/', { expireAfter: new Date(0), staleIfError: true })
    assert.equal((await ask('/', { staleWhileRevalidate: true })).text, '1')
  })

  test('#676: a field that is ignored deep in a JSON body', async (t) => {
    const { ask } = await setUp(t, { ...posts, ignoredParameters: ['a.b[].c', '[].id'] })
    const headers = { 'content-type': 'application/json' }
    const post = async (body: unknown): Promise<string> =>
      (await ask('/', {}, { method: 'POST', headers, body: JSON.stringify(body) })).text
    assert.equal(await post({ a: { b: [{ c: 1, d: 1 }] } }), '1')
    assert.equal(await post({ a: { b: [{ c: 2, d: 1 }] } }), '1')
    assert.equal(await post([{ id: 1 }]), '2')
    assert.equal(await post([{ id: 2 }]), '2')
  })

  test('#1094: used offline, nothing is written', async (t) => {
    const backend = new BaseCache()
    const { ask, origin } = await setUp(t, { backend })
    await ask('/')
    const offline = await setUp(t, { backend, readOnly: true, onlyIfCached: true }, origin)
    await origin.close()
    let written = 0
    backend.responses.set = () => void written++
    assert.deepEqual((await offline.ask('/')).text, '1')
    assert.equal((await offline.ask('/other')).status, 504)
    assert.equal(written, 0)
  })
})

describe('what is complained about', () => {
  test('#762: a lifetime that cannot be read is not one for ever', () => {
    for (const expireAfter of ['1 second', '1 hour', 'tomorrow', '']) {
      assert.throws(() => cacheInterceptor({ expireAfter }), { code: 'ERR_CACHE_OPTION_INVALID' })
    }
  })

  test('#977: a pattern is matched against the URL as it was asked for', async (t) => {
    const urlsExpireAfter = { '*/x?b=1&a=2': 60 }
    const { ask } = await setUp(t, { urlsExpireAfter })
    assert.equal(secondsOf(await ask('/x?b=1&a=2')), 60)
  })

  test('#804: a RegExp in a list, searched for in the whole URL', async (t) => {
    const { ask } = await setUp(t, { urlsExpireAfter: [[/^http:.*\d{2}$/i, 60]] })
    assert.equal(secondsOf(await ask('/item/12')), 60)
    assert.equal(secondsOf(await ask('/item/1')), Infinity)
  })

  test('#499, #808: no URL is changed on its way to the origin', async (t) => {
    const { ask, origin } = await setUp(t, { ignoredParameters: ['none'] })
    const paths = ['/?key', '/?a=b=c', '/?a=1&&b', '/?q=%7e+%20', '/a//b/', '/?z=1&a=2']
    for (const path of paths) await ask(path)
    assert.deepEqual(
      origin.requests.map(({ path }) => path),
      paths,
    )
  })

  test('#1082: no length beside a transfer coding, also after a 304', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) => {
      response.setHeader('etag', '"1"')
      if (headers['if-none-match'] !== undefined) {
        return response.writeHead(304, { 'x-new': 'yes' }).end()
      }
      response.write('in ')
      return response.end('chunks')
    })
    const { agent: dispatcher } = await setUp(t, { alwaysRevalidate: true }, origin)
    for (let round = 0; round < 3; round++) {
      const response = await fetchBy(origin.url, { dispatcher })
      assert.equal(await response.text(), 'in chunks')
      const { headers } = response
      assert.ok(!(headers.has('content-length') && headers.has('transfer-encoding')))
      assert.equal(headers.get('x-new'), round === 0 ? null : 'yes')
    }
  })

  test('#464, #546: a 304 makes it fresh again', async (t) => {
    const { ask } = await setUp(t, { expireAfter: '1h' })
    await ask('/tag', { expireAfter: new Date(0) })
    assert.equal((await ask('/tag')).info?.revalidated, true)
    const { info } = await ask('/tag')
    assert.deepEqual([info?.revalidated, info?.hit], [false, true])
  })

  test('#58, #81: what has expired goes by itself', async (t) => {
    const backend = new BaseCache()
    const { ask, cache } = await setUp(t, { backend })
    await ask('/', { expireAfter: 0.001 })
    await ask('/kept')
    // Now and then, along with any request.
    backend.tend(Date.now() + 3_600_000, (error) => assert.fail(String(error)))
    await cache.flush()
    assert.equal(await cache.size(), 1)
  })

  test('#338: any number of responses is deleted at once', async () => {
    const cache = new BaseCache()
    const keys = Array.from({ length: 20_000 }, (_, nth) => `${nth}`)
    await cache.responses.setMany(keys.map((key) => [key, { head: '', body: Buffer.alloc(0) }]))
    assert.equal(await cache.responses.deleteMany(keys), 20_000)
  })

  test('#407, #1078: a long body as JSON takes no multiple of its length in memory', async (t) => {
    const piece = Buffer.alloc(2 ** 20, 'not compressed ')
    const pieces = 40
    const origin = await startOrigin(t, (_, response) => {
      Readable.from(Array.from({ length: pieces }, () => piece)).pipe(response)
    })
    const backend = new FileCache(temporaryFolder(t), { serializer: 'json' })
    const { agent: dispatcher, cache } = await setUp(t, { backend }, origin)
    const before = process.memoryUsage.rss()
    let most = 0
    for (const hit of [false, true]) {
      const response = await fetchBy(origin.url, { dispatcher })
      let length = 0
      for await (const chunk of response.body!) {
        length += (chunk as Uint8Array).byteLength
        most = Math.max(most, process.memoryUsage.rss() - before)
      }
      assert.equal(length, pieces * piece.byteLength)
      assert.equal(getCacheInfo(response)?.hit, hit)
      await cache.flush()
    }
    // Theirs needs 47 times as much as the body is long.
    assert.ok(most < 5 * pieces * piece.byteLength, `${most} bytes`)
  })
})
