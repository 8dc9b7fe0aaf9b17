/** The examples of requests-cache's user guide, line by line: Expiration, Cache headers. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { DO_NOT_CACHE, EXPIRE_IMMEDIATELY, NEVER_EXPIRE } from '../../lib/index.ts'
import { setUp } from '../coming-from-requests-cache/desk.ts'
import { secondsOf } from '../integration/ask.ts'
import { startOrigin } from '../integration/origin.ts'

const day = 86_400

describe('Expiration', () => {
  test('precedence: the response, the call, the URL, all', async (t) => {
    const options = { urlsExpireAfter: { '*/url': 30 }, expireAfter: 40 } as const
    const { ask } = await setUp(t, { ...options, cacheControl: true })
    assert.equal(secondsOf(await ask('/max-age/url', { expireAfter: 20 })), 60)
    assert.equal(secondsOf(await ask('/url', { expireAfter: 20 })), 20)
    const { ask: askAgain } = await setUp(t, options)
    assert.equal(secondsOf(await askAgain('/url')), 30)
    assert.equal(secondsOf(await askAgain('/other')), 40)
  })

  test('values', async (t) => {
    const seconds = await setUp(t, { expireAfter: 60 })
    assert.equal(secondsOf(await seconds.ask('/')), 60)
    const days = await setUp(t, { expireAfter: '30d' })
    assert.equal(secondsOf(await days.ask('/')), 30 * day)
    const until = new Date('2123-01-01')
    const dated = await setUp(t, { expireAfter: until })
    assert.equal((await dated.ask('/')).info?.expiresAt, until.getTime())
    assert.equal(secondsOf(await dated.ask('/other', { expireAfter: NEVER_EXPIRE })), Infinity)
    const none = await setUp(t, { expireAfter: DO_NOT_CACHE })
    assert.deepEqual(await none.hits('/', '/'), [false, false])
    const call = { expireAfter: EXPIRE_IMMEDIATELY }
    assert.equal((await none.ask('/tag', call)).info?.stored, true)
    assert.equal((await none.ask('/', call)).info?.stored, false)
  })

  test('URL patterns: the first that matches', async (t) => {
    const { origin } = await setUp(t)
    const { host } = new URL(origin.url)
    const { ask } = await setUp(
      t,
      {
        urlsExpireAfter: [
          ['*.site_1.com', 30],
          [`${host}/resource_1`, 60 * 2],
          [`${host}/resource_2`, day],
          [/127.*\/resource_\d/, 7 * day],
          [`${host}/resource_*`, 60 * 60],
          [`http://${host}/static`, NEVER_EXPIRE],
        ],
        expireAfter: 5,
      },
      origin,
    )
    const lifetimes: [path: string, seconds: number][] = [
      ['/resource_1', 120],
      ['/resource_2/more?x', day],
      ['/resource_3', 7 * day],
      ['/resource_x', 3_600],
      ['/static/x', Infinity],
      ['/x/static', 5],
    ]
    for (const [path, seconds] of lifetimes) assert.equal(secondsOf(await ask(path)), seconds, path)
  })

  test('URL patterns: the long form of the short ones', async (t) => {
    const { origin } = await setUp(t)
    const { host } = new URL(origin.url)
    const urlsExpireAfter = { [`http*://${host}/static/**`]: 60 }
    const { ask } = await setUp(t, { urlsExpireAfter }, origin)
    assert.equal(secondsOf(await ask('/static/x')), 60)
  })

  test('errors: what has expired is used, for five minutes or for ever', async (t) => {
    const { ask } = await setUp(t, { staleIfError: true })
    await ask('/fails-later', { expireAfter: 0.001 })
    await later(5)
    const { status, info } = await ask('/fails-later')
    assert.deepEqual([status, info?.hit, info?.stale], [200, true, true])
    const limited = await setUp(t, { staleIfError: '5m' })
    const [recently, longAgo] = [60_000, 600_000].map((ms) => new Date(Date.now() - ms))
    await limited.ask('/fails-later/1', { expireAfter: recently! })
    assert.equal((await limited.ask('/fails-later/1')).status, 200)
    await limited.ask('/fails-later/2', { expireAfter: longAgo!, staleIfError: true })
    assert.equal((await limited.ask('/fails-later/2')).status, 503)
  })

  test('errors: an origin that is gone', async (t) => {
    const { ask, origin } = await setUp(t, { staleIfError: true })
    await ask('/get', { expireAfter: 0.001 })
    await later(5)
    await origin.close()
    assert.equal((await ask('/get')).text, '1')
    await assert.rejects(ask('/other'))
  })

  test('resetting, for all that is stored', async (t) => {
    const { ask, cache } = await setUp(t, { expireAfter: 1 })
    await ask('/')
    assert.equal(await cache.resetExpiration('30d'), 1)
    const { expiresAt } = (await ask('/')).info!
    assert.ok(expiresAt! > Date.now() + 29 * day * 1_000)
  })

  test('asynchronous revalidation, for five minutes or for ever', async (t) => {
    for (const [staleWhileRevalidate, ms, used] of [
      [true, 3_600_000, true],
      ['5m', 60_000, true],
      ['5m', 600_000, false],
    ] as const) {
      const { ask } = await setUp(t, { staleWhileRevalidate })
      const expireAfter = new Date(Date.now() - ms)
      await ask('/', { expireAfter, staleIfError: '1h' })
      assert.equal((await ask('/')).text, used ? '1' : '2', `${staleWhileRevalidate} ${ms}`)
    }
  })

  test('removing: all, expired, old, by URL, by request, by key', async (t) => {
    const { ask, cache, url } = await setUp(t)
    await ask('/get')
    await cache.clear()
    assert.equal(await cache.size(), 0)
    await ask('/tag', { expireAfter: new Date(0) })
    assert.equal(await cache.delete({ expired: true }), 1)
    assert.equal(await cache.delete({ olderThan: '7d' }), 0)
    for (const path of ['/json', '/get?key=value', '/get', '/key']) await ask(path)
    const headers = { header: 'value' }
    assert.equal(await cache.delete(url('/json')), true)
    assert.equal(await cache.delete({ url: url('/get?key=value') }), true)
    assert.equal(await cache.delete({ url: url('/get'), headers }), true)
    assert.equal(await cache.delete({ keys: [cache.createKey(url('/key'))] }), 1)
    assert.equal(await cache.size(), 0)
  })

  test('of one request', async (t) => {
    const { ask } = await setUp(t, { expireAfter: 300 })
    assert.equal(secondsOf(await ask('/get', { expireAfter: 60 })), 60)
  })

  test('manual refresh', async (t) => {
    const { ask } = await setUp(t)
    await ask('/get')
    assert.equal((await ask('/get', { refresh: true })).info?.hit, false)
    const always = await setUp(t, { alwaysRevalidate: true })
    assert.deepEqual(await always.hits('/tag', '/tag'), [false, true])
    assert.equal(always.origin.count('/tag'), 2)
  })

  test('cache-only requests', async (t) => {
    const { ask, request, url } = await setUp(t, { staleIfError: true })
    assert.equal((await ask('/get', { onlyIfCached: true })).status, 504)
    await ask('/get', { expireAfter: 0.001 })
    await later(5)
    assert.equal((await request('/get', { onlyIfCached: true })).status, 200)
    assert.ok(url('/get'))
  })
})

describe('Cache headers', () => {
  test('conditional requests: used until it changes', async (t) => {
    let version = 1
    const origin = await startOrigin(t, ({ headers }, response) => {
      const etag = `"${version}"`
      response.setHeader('etag', etag)
      if (headers['if-none-match'] === etag) return response.writeHead(304).end()
      return response.end(`version ${version}`)
    })
    const { ask } = await setUp(t, { expireAfter: 0.001 }, origin)
    await ask('/')
    await later(5)
    const confirmed = await ask('/')
    assert.deepEqual([confirmed.text, confirmed.info?.hit], ['version 1', true])
    version = 2
    await later(5)
    assert.equal((await ask('/')).text, 'version 2')
  })

  const said: [name: string, response: string, seconds: number | undefined][] = [
    ['max-age', 'max-age=60', 60],
    ['no-cache', 'no-cache', 0],
    ['no-store', 'no-store, max-age=60', undefined],
    ['must-revalidate', 'max-age=0, must-revalidate', 0],
    ['max-age in quotes', 'max-age="60"', 60],
  ]
  for (const [name, header, seconds] of said) {
    test(`of responses: ${name}`, async (t) => {
      const origin = await startOrigin(t, (_, response) =>
        response.writeHead(200, { 'cache-control': header, etag: '"1"' }).end(),
      )
      const { ask } = await setUp(t, { cacheControl: true, expireAfter: '1h' }, origin)
      assert.equal(secondsOf(await ask('/')), seconds)
    })
  }

  test('of responses: immutable', async (t) => {
    const origin = await startOrigin(t, (_, response) =>
      response.writeHead(200, { 'cache-control': 'max-age=60, immutable' }).end(),
    )
    const { ask } = await setUp(t, { cacheControl: true }, origin)
    // RFC 8246 makes nothing live for longer; theirs never asks for it again.
    assert.equal(secondsOf(await ask('/')), 60)
  })

  const asked: [header: string, text: string][] = [
    ['max-age=0', '2'],
    ['no-cache', '2'],
    ['no-store', '1'],
    ['min-fresh=7200', '2'],
    ['min-fresh=60', '1'],
    ['max-stale=60', '1'],
    ['only-if-cached', '1'],
  ]
  for (const [header, text] of asked) {
    test(`of requests: ${header}`, async (t) => {
      const { ask } = await setUp(t, { expireAfter: '1h' })
      await ask('/')
      assert.equal((await ask('/', {}, { headers: { 'cache-control': header } })).text, text)
    })
  }
})
