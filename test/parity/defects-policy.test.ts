/** Where requests-cache departs from the rules of HTTP (defects 7 and 8): not so here. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setUp } from '../coming-from-requests-cache/desk.ts'
import { secondsOf } from '../integration/ask.ts'
import { startOrigin, type Answer } from '../integration/origin.ts'

const longAgo = { expireAfter: new Date(0) }
const german = { headers: { 'accept-language': 'de' } }
const french = { headers: { 'accept-language': 'fr' } }

/** An origin that states this in its header; `?nth` says how often it was asked. */
const stating =
  (headers: Record<string, string>): Answer =>
  (_, response, nth) =>
    response.writeHead(200, headers).end(`${nth}`)

describe('Vary', () => {
  test('after a mismatch on what has expired, no validator of another variant is sent', async (t) => {
    // One ETag for all variants, so a 304 would be believed.
    const origin = await startOrigin(t, ({ headers }, response) => {
      response.setHeader('vary', 'accept-language').setHeader('etag', '"same"')
      if (headers['if-none-match'] !== undefined) return response.writeHead(304).end()
      return response.end(headers['accept-language'])
    })
    const { ask } = await setUp(t, longAgo, origin)
    assert.equal((await ask('/', {}, german)).text, 'de')
    assert.equal((await ask('/', {}, french)).text, 'fr')
    assert.equal(origin.requests[1]!.headers['if-none-match'], undefined)
    assert.equal((await ask('/', {}, german)).text, 'de')
    assert.equal((await ask('/', {}, french)).text, 'fr')
  })

  test('a mismatch does not make onlyIfCached ask the origin', async (t) => {
    const { ask, origin } = await setUp(t)
    await ask('/varies', {}, german)
    assert.equal((await ask('/varies', { onlyIfCached: true }, french)).status, 504)
    const headers = { ...french.headers, 'cache-control': 'only-if-cached' }
    assert.equal((await ask('/varies', {}, { headers })).status, 504)
    assert.equal(origin.requests.length, 1)
  })

  test('variants lie side by side: no endless misses', async (t) => {
    const { ask, origin, cache, url } = await setUp(t)
    for (let round = 0; round < 3; round++) {
      for (const init of [german, french]) await ask('/varies', {}, init)
    }
    assert.equal(origin.requests.length, 2)
    assert.equal(await cache.delete(url('/varies')), true)
    assert.equal(await cache.size(), 0, 'and go together')
  })
})

describe('what a stored response says', () => {
  test('stale-while-revalidate', async (t) => {
    const said = { 'cache-control': 'max-age=0, stale-while-revalidate=60' }
    const { ask } = await setUp(t, { cacheControl: true }, await startOrigin(t, stating(said)))
    await ask('/')
    const { text, info } = await ask('/')
    assert.deepEqual([text, info?.reason], ['1', 'stale-while-revalidate'])
  })

  test('stale-if-error, for 5xx and for no answer at all', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      response.setHeader('cache-control', 'max-age=0, stale-if-error=60')
      response.writeHead(nth === 1 ? 200 : 503).end(`${nth}`)
    })
    const { ask } = await setUp(t, { cacheControl: true }, origin)
    await ask('/')
    assert.equal((await ask('/')).text, '1')
    await origin.close()
    assert.equal((await ask('/')).text, '1')
  })

  test('must-revalidate is no reason to ask while it is fresh, and no use after that', async (t) => {
    const said = { 'cache-control': 'max-age=60, must-revalidate' }
    const origin = await startOrigin(t, stating(said))
    const { hits } = await setUp(t, { cacheControl: true }, origin)
    assert.deepEqual(await hits('/', '/', '/'), [false, true, true])
  })

  for (const expires of ['0', '-1', '', 'Thu, 99 Foo 2099', 'tomorrow']) {
    test(`Expires: ${expires || '(empty)'} has expired, and throws nothing`, async (t) => {
      const origin = await startOrigin(t, stating({ expires, etag: '"1"' }))
      const { ask } = await setUp(t, { cacheControl: true, expireAfter: '1h' }, origin)
      const got = await ask('/')
      assert.deepEqual([got.status, secondsOf(got)], [200, 0])
    })
  }

  test('Age counts, and so does what other caches have taken', async (t) => {
    const origin = await startOrigin(t, stating({ 'cache-control': 'max-age=100', age: '40' }))
    const { ask } = await setUp(t, { cacheControl: true }, origin)
    assert.equal(secondsOf(await ask('/')), 60)
  })

  test('s-maxage is for caches that users share, not for theirs', async (t) => {
    const said = { 'cache-control': 's-maxage=5, max-age=100' }
    const { ask } = await setUp(t, { cacheControl: true }, await startOrigin(t, stating(said)))
    assert.equal(secondsOf(await ask('/')), 100)
  })

  test('a guess where nothing is said, as long as the caller has said nothing', async (t) => {
    const modified = new Date(Date.now() - 1_000_000).toUTCString()
    const origin = await startOrigin(t, stating({ 'last-modified': modified }))
    const { ask } = await setUp(t, { cacheControl: true }, origin)
    const seconds = secondsOf(await ask('/'))!
    // Both fields are in whole seconds: a tenth of one more, where a second begins between them.
    assert.ok(seconds > 90 && seconds <= 100.2, `${seconds}`)
  })
})

describe('what a request says', () => {
  test('a bare max-stale takes any age', async (t) => {
    const { ask } = await setUp(t, { staleIfError: '1d', expireAfter: new Date(Date.now() - 36e5) })
    await ask('/')
    assert.equal((await ask('/', {}, { headers: { 'cache-control': 'max-stale' } })).text, '1')
  })

  test('no-cache validates', async (t) => {
    const { ask, origin } = await setUp(t)
    await ask('/tag')
    const { info } = await ask('/tag', {}, { headers: { 'cache-control': 'no-cache' } })
    assert.equal(info?.revalidated, true)
    assert.equal(origin.requests[1]!.headers['if-none-match'], '"1"')
  })

  test('a range goes to the origin, and is not stored', async (t) => {
    const { ask, origin } = await setUp(t)
    await ask('/')
    const part = await ask('/', {}, { headers: { range: 'bytes=0-0' } })
    assert.equal(part.info?.reason, 'range')
    assert.equal(origin.requests[1]!.headers.range, 'bytes=0-0')
    assert.equal((await ask('/')).text, '1')
  })

  test('a request that changes things makes what is stored out of date', async (t) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { ask } = await setUp(t)
      await ask('/')
      await ask('/', {}, { method, body: 'x' })
      assert.equal((await ask('/')).info?.hit, false, method)
    }
  })
})

describe('many at once', () => {
  test('ten who ask for the same are one question', async (t) => {
    const { ask, origin } = await setUp(t)
    const all = await Promise.all(Array.from({ length: 10 }, () => ask('/')))
    assert.ok(all.every(({ text }) => text === '1'))
    assert.equal(origin.requests.length, 1)
  })

  test('ten who get what is stale are one refresh', async (t) => {
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth === 1) response.end('1')
      else void released.then(() => response.end(`${nth}`))
    })
    const { ask, caching } = await setUp(t, { ...longAgo, staleWhileRevalidate: true }, origin)
    await ask('/')
    const all = await Promise.all(Array.from({ length: 10 }, () => ask('/')))
    assert.ok(all.every(({ text }) => text === '1'))
    release()
    await caching.close()
    assert.equal(origin.requests.length, 2)
  })
})
