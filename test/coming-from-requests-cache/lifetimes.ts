/** Lifetimes, and what is done with what has expired. */
import assert from 'node:assert/strict'
import {
  cacheInterceptor,
  DO_NOT_CACHE,
  EXPIRE_IMMEDIATELY,
  NEVER_EXPIRE,
} from '../../lib/index.ts'
import { secondsOf } from '../integration/ask.ts'
import { startOrigin } from '../integration/origin.ts'
import { setUp, type Checks } from './desk.ts'

const invalid = { code: 'ERR_CACHE_OPTION_INVALID' }
const longAgo = { expireAfter: new Date(0) }

export const lifetimeChecks: Checks = {
  '`expire_after`': async (t) => {
    const { ask } = await setUp(t, { expireAfter: 360 })
    assert.equal(secondsOf(await ask('/')), 360)
    assert.throws(() => cacheInterceptor({ expireAfter: '1 fortnight' }), invalid)
  },

  'a number, `timedelta`': async (t) => {
    const { ask } = await setUp(t)
    assert.equal(secondsOf(await ask('/1', { expireAfter: 60 })), 60)
    assert.equal(secondsOf(await ask('/2', { expireAfter: '30d' })), 30 * 86_400)
    assert.equal(secondsOf(await ask('/3', { expireAfter: '1h30m' })), 5_400)
    for (const expireAfter of [-5, NaN, '123', '0', 'soon']) {
      await assert.rejects(async () => ask('/', { expireAfter }), invalid)
    }
  },

  '`datetime`, a date of HTTP': async (t) => {
    const { ask } = await setUp(t)
    const expireAfter = new Date('2040-01-01')
    assert.equal((await ask('/1', { expireAfter })).info?.expiresAt, expireAfter.getTime())
    const text = 'Sun, 01 Jan 2040 00:00:00 GMT'
    assert.equal((await ask('/2', { expireAfter: text })).info?.expiresAt, expireAfter.getTime())
  },

  '`NEVER_EXPIRE`, `-1`, `None`': async (t) => {
    const { ask, cache } = await setUp(t, { expireAfter: NEVER_EXPIRE })
    assert.equal(NEVER_EXPIRE, 'never')
    assert.equal(secondsOf(await ask('/')), Infinity)
    assert.equal(await cache.prune(8.64e15), 0)
    assert.throws(() => cacheInterceptor({ expireAfter: -1 }), invalid)
  },

  '`EXPIRE_IMMEDIATELY`, `0`': async (t) => {
    assert.equal(EXPIRE_IMMEDIATELY, 'immediately')
    for (const expireAfter of [EXPIRE_IMMEDIATELY, 0]) {
      const { ask, hits } = await setUp(t, { expireAfter })
      assert.deepEqual(await hits('/', '/'), [false, false])
      assert.equal((await ask('/tag')).info?.stored, true)
      assert.equal((await ask('/tag')).info?.revalidated, true)
    }
  },

  '`DO_NOT_CACHE`': async (t) => {
    assert.equal(DO_NOT_CACHE, 'do-not-cache')
    const { ask, cache, origin } = await setUp(t)
    await ask('/')
    assert.equal((await ask('/', { expireAfter: DO_NOT_CACHE })).text, '2')
    await ask('/other', { expireAfter: DO_NOT_CACHE })
    assert.equal(await cache.size(), 1)
    // Theirs has a header of its own for it, which reaches the origin.
    assert.ok(origin.requests.every(({ headers }) => !('x-actual-no-cache' in headers)))
  },

  '`urls_expire_after`': async (t) => {
    const { ask } = await setUp(t, {
      urlsExpireAfter: [
        ['127.0.0.1*/static', NEVER_EXPIRE],
        [/resource_\d$/, '7d'],
        [{ test: (url) => url.endsWith('/like-a-URLPattern') }, () => '2h'],
        ['*', DO_NOT_CACHE],
      ],
    })
    assert.equal(secondsOf(await ask('/static/x.css')), Infinity)
    assert.equal(secondsOf(await ask('/resource_1')), 7 * 86_400)
    assert.equal(secondsOf(await ask('/like-a-URLPattern')), 7_200)
    assert.equal((await ask('/other')).info?.reason, 'do-not-cache')
  },

  '`cache_control`': async (t) => {
    const { ask } = await setUp(t, { cacheControl: true, expireAfter: '1h' })
    assert.equal(secondsOf(await ask('/max-age')), 60)
    assert.equal(secondsOf(await ask('/')), 3_600)
  },

  'request headers: `no-cache`, `no-store`, `min-fresh`, `max-stale`, `only-if-cached`, `stale-if-error`':
    async (t) => {
      const { ask, origin } = await setUp(t, { expireAfter: '1h', staleIfError: true })
      const saying = (value: string): object => ({ headers: { 'cache-control': value } })
      await ask('/')
      assert.equal((await ask('/', {}, saying('min-fresh=60'))).text, '1')
      assert.equal((await ask('/', {}, saying('min-fresh=7200'))).text, '2')
      assert.equal((await ask('/', {}, saying('no-cache'))).text, '3')
      assert.equal((await ask('/none', {}, saying('no-store'))).info?.stored, false)
      assert.equal((await ask('/none', {}, saying('only-if-cached'))).status, 504)
      await ask('/fails-later', longAgo)
      assert.equal((await ask('/fails-later', {}, saying('max-stale'))).text, '1')
      assert.equal((await ask('/fails-later', {}, saying('stale-if-error=5'))).status, 503)
      assert.equal(origin.count('/none'), 1)
    },

  'response headers: `max-age`, `Expires`, `no-cache`, `no-store`, `must-revalidate`, `immutable`, `ETag`, `Last-Modified`, `Vary`':
    async (t) => {
      const headers: Record<string, Record<string, string>> = {
        '/1': { 'cache-control': 'max-age=60, must-revalidate' },
        '/2': { expires: new Date(Date.now() + 90_000).toUTCString() },
        '/3': { 'cache-control': 'no-cache', etag: '"1"' },
        '/4': { 'cache-control': 'no-store' },
        '/5': {
          'cache-control': 'max-age=60, immutable',
          'last-modified': new Date(0).toUTCString(),
        },
        '/6': { expires: 'soon', vary: 'accept' },
      }
      const origin = await startOrigin(t, ({ path }, response) =>
        response.writeHead(200, headers[path]).end(),
      )
      const seconds = async (cacheControl: boolean): Promise<(number | undefined)[]> => {
        const { ask } = await setUp(t, { cacheControl, expireAfter: '1h' }, origin)
        const all = []
        for (const path of Object.keys(headers)) all.push(secondsOf(await ask(path)))
        return all.map((each) => each && Math.ceil(each))
      }
      const [first, second, ...others] = await seconds(true)
      assert.ok(second! > 80 && second! <= 90, `${second}`)
      assert.deepEqual([first, ...others], [60, 0, undefined, 60, undefined])
      assert.deepEqual(await seconds(false), [3_600, 3_600, 3_600, undefined, 3_600, 3_600])
    },

  'request header `Cache-Control: max-age`': async (t) => {
    const { ask } = await setUp(t, { expireAfter: '1h' })
    await ask('/')
    const asking = (maxAge: number): object => ({
      headers: { 'cache-control': `max-age=${maxAge}` },
    })
    const young = await ask('/', {}, asking(60))
    const { storedAt, expiresAt } = young.info!
    assert.deepEqual([young.text, expiresAt! - storedAt!], ['1', 3_600_000])
    assert.equal((await ask('/', {}, asking(0))).text, '2')
    assert.equal(secondsOf(await ask('/other', { expireAfter: 60 })), 60)
  },

  '`stale_if_error`, `old_data_on_error`': async (t) => {
    const { ask } = await setUp(t, { ...longAgo, staleIfError: true })
    await ask('/fails-later')
    const { text, info } = await ask('/fails-later')
    assert.deepEqual([text, info?.hit, info?.stale], ['1', true, true])
    assert.equal((await ask('/fails-later', { staleIfError: '5m' })).status, 503)
    await ask('/fails-later/404', { expireAfter: '1h' })
    assert.equal((await ask('/fails-later/404')).status, 404, 'which is an answer')
  },

  '`stale_while_revalidate`': async (t) => {
    const { ask, origin, cache } = await setUp(t, { ...longAgo, staleWhileRevalidate: true })
    await ask('/')
    const all = await Promise.all(Array.from({ length: 10 }, () => ask('/')))
    for (const { text, info } of all) assert.deepEqual([text, info?.stale], ['1', true])
    await cache.flush()
    assert.ok(origin.count('/') < 10, `${origin.count('/')} questions`)
    assert.throws(() => cacheInterceptor({ staleWhileRevalidate: 'soon' }), invalid)
  },

  '`always_revalidate`': async (t) => {
    const { ask, origin } = await setUp(t, { alwaysRevalidate: true })
    for (const revalidated of [false, true, true]) {
      const { text, info } = await ask('/tag')
      assert.deepEqual([text, info?.revalidated], ['1', revalidated])
    }
    assert.equal(origin.count('/tag'), 3)
  },

  '`refresh`, `force_refresh`': async (t) => {
    const { ask, request, origin } = await setUp(t)
    await ask('/tag')
    assert.equal((await ask('/tag', { refresh: true })).info?.revalidated, true)
    assert.equal((await request('/tag', { forceRefresh: true })).text, '3')
    assert.equal(origin.requests.at(-1)?.headers['if-none-match'], undefined)
    const always = await setUp(t, { forceRefresh: true })
    assert.deepEqual(await always.hits('/', '/'), [false, false])
  },

  '`only_if_cached`': async (t) => {
    const { ask, origin } = await setUp(t, { onlyIfCached: true })
    const german = { headers: { 'accept-language': 'de' } }
    await ask('/varies', { onlyIfCached: false }, german)
    assert.equal((await ask('/varies', {}, german)).status, 200)
    const french = { headers: { 'accept-language': 'fr' } }
    assert.equal((await ask('/varies', {}, french)).status, 504)
    assert.equal(origin.requests.length, 1)
  },
}
