import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import type { CallOptions } from '../../lib/options/options.ts'
import { viaFetch, viaRequest, type Got } from './ask.ts'
import { cachedAgent } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'

const date = (seconds: number): string => new Date(Date.now() + seconds * 1000).toUTCString()

type Fields = Record<string, string | string[]>

/** How long a response with these fields is used by itself; undefined where it is not stored. */
function lifetimeOf({ info }: Got): number | undefined {
  return info?.stored === true ? Math.round((info.expiresAt! - info.storedAt!) / 1000) : undefined
}

describe('cacheControl: true', () => {
  const cases: [name: string, fields: () => Fields, seconds: number | undefined][] = [
    ['max-age', () => ({ 'cache-control': 'max-age=600' }), 600],
    ['max-age before Expires', () => ({ 'cache-control': 'max-age=600', expires: '0' }), 600],
    ['max-age with Age', () => ({ 'cache-control': 'max-age=600', age: '100' }), 500],
    ['max-age that is unreadable', () => ({ 'cache-control': 'max-age=soon' }), undefined],
    ['max-age=0', () => ({ 'cache-control': 'max-age=0' }), undefined],
    ['a huge max-age', () => ({ 'cache-control': `max-age=${'9'.repeat(400)}` }), 2 ** 31],
    ['Expires', () => ({ expires: date(600), date: date(0) }), 600],
    ['Expires by another clock', () => ({ expires: date(-3000), date: date(-3600) }), undefined],
    ['Expires: 0', () => ({ expires: '0' }), undefined],
    ['Expires: 3600', () => ({ expires: '3600' }), undefined],
    ['Expires that is empty', () => ({ expires: '' }), undefined],
    ['no-cache', () => ({ 'cache-control': 'no-cache' }), undefined],
    ['no-cache with a validator', () => ({ 'cache-control': 'no-cache', etag: '"1"' }), 0],
    ['must-revalidate', () => ({ 'cache-control': 'must-revalidate, max-age=600' }), 600],
    ['private', () => ({ 'cache-control': 'private, max-age=600' }), 600],
    ['a guess', () => ({ 'last-modified': date(-6000), date: date(0) }), 600],
    ['nothing, with a validator', () => ({ etag: '"1"' }), 0],
    ['nothing', () => ({}), undefined],
  ]
  for (const [name, fields, seconds] of cases) {
    test(name, async (t) => {
      const origin = await startOrigin(t, (_, response) =>
        response.writeHead(200, fields()).end('x'),
      )
      const got = await viaRequest(cachedAgent(t, { cacheControl: true }), origin.url)
      assert.equal(got.text, 'x')
      // A second may end meanwhile, and dates know no fractions.
      const actual = lifetimeOf(got)
      if (seconds === undefined || seconds === 0) assert.equal(actual, seconds)
      else assert.ok(actual! <= seconds && actual! >= seconds - 5, `${actual} s`)
    })
  }

  test('the caller’s lifetimes are for responses that state none', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      if (path === '/own') response.setHeader('cache-control', 'max-age=600')
      response.end('x')
    })
    const host = new URL(origin.url).host
    const cached = cachedAgent(t, {
      cacheControl: true,
      expireAfter: 50,
      urlsExpireAfter: { [`${host}/listed`]: 40 },
      codesExpireAfter: { 200: () => undefined },
    })
    const ask = async (path: string, call?: CallOptions): Promise<number | undefined> =>
      lifetimeOf(await viaFetch(cached, origin.url + path, call))
    assert.equal(await ask('/own', { expireAfter: 30 }), 600)
    assert.equal(await ask('/other'), 50)
    assert.equal(await ask('/listed'), 40)
    assert.equal(await ask('/listed?2', { expireAfter: 30 }), 30)
    assert.equal(await ask('/own?2', { expireAfter: 'do-not-cache' }), undefined)
  })

  test('must-revalidate: used while it is fresh, and not a moment longer', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth === 2) return response.writeHead(503).end('sorry')
      response.setHeader('cache-control', 'must-revalidate, max-age=1, stale-if-error=600')
      return response.end(String(nth))
    })
    const cached = cachedAgent(t, {
      cacheControl: true,
      staleIfError: true,
      staleWhileRevalidate: true,
    })
    const first = await viaFetch(cached, origin.url)
    assert.equal((await viaFetch(cached, origin.url)).info?.reason, 'fresh')
    await later(first.info!.expiresAt! - Date.now() + 1)
    const headers = { 'cache-control': 'max-stale' }
    assert.equal((await viaFetch(cached, origin.url, {}, { headers })).status, 503)
  })

  test('no-cache: validated at each use, also where the caller says for how long', async (t) => {
    const origin = await validated(t, { 'cache-control': 'no-cache' })
    const cached = cachedAgent(t, { cacheControl: true, expireAfter: '1h' })
    for (const revalidated of [false, true, true]) {
      const { text, info } = await viaFetch(cached, origin.url)
      assert.deepEqual([text, info?.revalidated, info?.stale], ['x', revalidated, false])
    }
  })

  test('a 304 states a new lifetime, and what it does not tell of its age is none', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) => {
      if (headers['if-none-match'] !== undefined) {
        return response.writeHead(304, { 'cache-control': 'max-age=300' }).end()
      }
      const fields = { 'cache-control': 'max-age=60', age: '80', etag: '"1"', date: date(-80) }
      return response.writeHead(200, fields).end('x')
    })
    const cached = cachedAgent(t, { cacheControl: true })
    assert.equal((await viaFetch(cached, origin.url)).info?.stale, false)
    const confirmed = await viaFetch(cached, origin.url)
    assert.deepEqual([confirmed.info?.revalidated, lifetimeOf(confirmed)], [true, 300])
    const again = await viaFetch(cached, origin.url)
    assert.deepEqual([again.info?.reason, origin.requests.length], ['fresh', 2])
  })
})

test('without it the caller’s lifetimes count, and validation goes on', async (t) => {
  const origin = await validated(t, { 'cache-control': 'max-age=0, no-cache', expires: 'nonsense' })
  const cached = cachedAgent(t, { expireAfter: '1h' })
  assert.equal(lifetimeOf(await viaFetch(cached, origin.url)), 3600)
  assert.equal((await viaFetch(cached, origin.url)).info?.reason, 'fresh')
  assert.equal((await viaFetch(cached, origin.url, { refresh: true })).info?.revalidated, true)
})

describe('what the request says', () => {
  test('max-stale takes what has expired, as long ago as it says', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
    const cached = cachedAgent(t, { staleIfError: true })
    const ask = (cacheControl: string): Promise<Got> =>
      viaRequest(cached, origin.url, {}, { headers: { 'cache-control': cacheControl } })
    const minuteAgo = new Date(Date.now() - 60_000)
    await viaRequest(cached, origin.url, { expireAfter: minuteAgo })
    const taken = await ask('max-stale=600')
    assert.deepEqual([taken.text, taken.info?.stale, taken.info?.reason], ['1', true, 'max-stale'])
    assert.match(taken.cacheStatus, /^undici-cache; hit; ttl=-6\d; .*; detail=max-stale$/)
    assert.equal((await ask('max-stale')).text, '1')
    assert.equal(origin.requests.length, 1, 'nothing is refreshed')
    assert.equal((await ask('max-stale=30')).text, '2')
  })

  test('min-fresh wants it to last', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
    const cached = cachedAgent(t, { expireAfter: 100 })
    const ask = async (cacheControl: string): Promise<string> =>
      (await viaFetch(cached, origin.url, {}, { headers: { 'cache-control': cacheControl } })).text
    assert.deepEqual(
      [await ask('x'), await ask('min-fresh=50'), await ask('min-fresh=200')],
      ['1', '1', '2'],
    )
  })

  test('stale-if-error is for this request alone', async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      response.writeHead(nth === 1 ? 200 : 503, { etag: '"1"' }).end(String(nth))
    })
    const cached = cachedAgent(t)
    await viaFetch(cached, origin.url, { expireAfter: 'immediately' })
    const headers = { 'cache-control': 'stale-if-error=600' }
    assert.equal((await viaFetch(cached, origin.url, {}, { headers })).text, '1')
    assert.equal((await viaFetch(cached, origin.url)).status, 503)
  })
})

function validated(t: Parameters<typeof startOrigin>[0], fields: Fields): Promise<Origin> {
  return startOrigin(t, ({ headers }, response) => {
    const status = headers['if-none-match'] === '"1"' ? 304 : 200
    response.writeHead(status, { ...fields, etag: '"1"' }).end(status === 200 ? 'x' : undefined)
  })
}
