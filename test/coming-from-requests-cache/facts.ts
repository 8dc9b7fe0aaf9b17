/** What is known of a response. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import { Agent, fetch, interceptors, request } from 'undici'
import { CachedResponse, cacheInterceptor, getCacheInfo } from '../../lib/index.ts'
import { runCli } from '../cli/run-cli.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { setUp, type Checks, type Desk } from './desk.ts'

async function only({ cache }: Desk): Promise<CachedResponse> {
  const [cachedResponse, ...others] = await Array.fromAsync(cache.filter())
  assert.deepEqual(others, [])
  return cachedResponse!
}

export const factChecks: Checks = {
  '`response.from_cache`': async (t) => {
    const { agent: dispatcher, url } = await setUp(t)
    for (const hit of [false, true]) {
      const response = await fetch(url('/'), { dispatcher })
      await response.text()
      assert.equal(getCacheInfo(response)?.hit, hit)
      const other = await request(url('/other'), { dispatcher })
      await other.body.text()
      assert.equal(getCacheInfo(other)?.hit, hit)
      assert.equal(getCacheInfo(other)?.reason, hit ? 'fresh' : 'uri-miss')
    }
  },

  '`response.cache_key`': async (t) => {
    const { agent: dispatcher, url, caching } = await setUp(t)
    const response = await fetch(url('/'), { dispatcher })
    assert.equal(getCacheInfo(response)?.key, caching.createKey(url('/')))
    await response.text()
  },

  '`response.created_at`': async (t) => {
    const { agent: dispatcher, url, caching } = await setUp(t)
    const before = Date.now()
    const stored: number[] = []
    for (const refresh of [false, false, true]) {
      await later(3)
      const response = await caching.with({ refresh }, () => fetch(url('/tag'), { dispatcher }))
      await response.text()
      stored.push(getCacheInfo(response)!.storedAt!)
    }
    assert.ok(stored[0]! >= before)
    assert.equal(stored[1], stored[0])
    assert.ok(stored[2]! > stored[0]!, 'confirmed')
  },

  '`response.expires`, `response.expires_unix`': async (t) => {
    const { agent: dispatcher, url, caching } = await setUp(t, { expireAfter: '1d' })
    for (let round = 0; round < 2; round++) {
      const response = await fetch(url('/'), { dispatcher })
      await response.text()
      const { storedAt, expiresAt } = getCacheInfo(response)!
      assert.equal(expiresAt! - storedAt!, 86_400_000)
    }
    const never = caching.with({ expireAfter: 'never' }, () => fetch(url('/2'), { dispatcher }))
    assert.equal(getCacheInfo(await never)?.expiresAt, undefined)
  },

  '`response.is_expired`': async (t) => {
    const { agent: dispatcher, url } = await setUp(t, {
      expireAfter: new Date(0),
      staleIfError: true,
    })
    for (const stale of [false, true]) {
      const response = await fetch(url('/fails-later'), { dispatcher })
      assert.equal(await response.text(), '1')
      assert.equal(getCacheInfo(response)?.stale, stale)
    }
  },

  '`response.revalidated`': async (t) => {
    const { agent: dispatcher, url } = await setUp(t, { expireAfter: 'immediately' })
    for (const revalidated of [false, true]) {
      const response = await fetch(url('/tag'), { dispatcher })
      await response.text()
      assert.equal(getCacheInfo(response)?.revalidated, revalidated)
    }
  },

  '`response.expires_delta`, `response.ttl`': async (t) => {
    const { agent: dispatcher, url, ask } = await setUp(t, { expireAfter: '1h' })
    await ask('/')
    const { headers } = await fetch(url('/'), { dispatcher })
    const [, ttl] = /^undici-cache; hit; ttl=(\d+)/.exec(headers.get('Cache-Status')!)!
    assert.ok(Number(ttl) <= 3_600 && Number(ttl) > 3_500, ttl)
  },

  '`response.age`': async (t) => {
    const { agent: dispatcher, url, caching } = await setUp(t)
    for (let round = 0; round < 2; round++) await (await fetch(url('/'), { dispatcher })).text()
    const response = await caching.with({}, () => fetch(url('/'), { dispatcher }))
    assert.match(response.headers.get('Age')!, /^\d+$/)
    await response.text()
  },

  '`response.size`': async (t) => {
    const desk = await setUp(t)
    await desk.ask('/')
    const cachedResponse = await only(desk)
    assert.equal(cachedResponse.bodyBytes, 1)
  },

  '`response.history`, `response.next`': async (t) => {
    const { agent: dispatcher, cache, url } = await setUp(t)
    const following = dispatcher.compose(interceptors.redirect({ maxRedirections: 5 }))
    for (let round = 0; round < 2; round++) {
      const response = await fetch(url('/old'), { dispatcher })
      assert.equal(await response.text(), '1')
      assert.deepEqual([response.redirected, response.url], [true, url('/new')])
      const { body, context } = await request(url('/old'), { dispatcher: following })
      assert.equal(await body.text(), '1')
      const { history } = context as { history: URL[] }
      assert.deepEqual(history.map(String), [url('/old'), url('/new')])
    }
    const steps = await cache.history(url('/old'))
    assert.deepEqual(
      steps.map(({ status }) => status),
      [302, 200],
    )
    const next = await fetch(url('/old'), { dispatcher, redirect: 'manual' })
    assert.deepEqual([next.status, next.headers.get('location')], [302, '/new'])
    await next.text()
  },

  '`response.is_older_than(…)`': async (t) => {
    const { ask, cache } = await setUp(t)
    await ask('/')
    const count = async (olderThan: string | Date): Promise<number> =>
      (await Array.fromAsync(cache.filter({ olderThan }))).length
    assert.equal(await count('1h'), 0)
    assert.equal(await count(new Date(Date.now() + 1_000)), 1)
  },

  '`response.revalidate()`': async (t) => {
    const { agent: dispatcher, caching, url, origin } = await setUp(t)
    await (await fetch(url('/tag'), { dispatcher })).text()
    const response = await caching.with({ refresh: true }, () => fetch(url('/tag'), { dispatcher }))
    assert.equal(await response.text(), '1')
    assert.equal(getCacheInfo(response)?.revalidated, true)
    assert.equal(origin.requests[1]!.headers['if-none-match'], '"1"')
  },

  '`response.reset_expiration(…)`': async (t) => {
    const { cache, ask } = await setUp(t)
    const { info } = await ask('/')
    await ask('/other')
    const key = info!.key!
    assert.equal(await cache.resetExpiration('1h', { keys: [key] }), 1)
    const left = (await ask('/')).info!.expiresAt! - Date.now()
    assert.ok(left > 3_500_000 && left <= 3_600_000, `${left}`)
    assert.equal((await ask('/other')).info?.expiresAt, undefined)
  },

  '`response.request`, `CachedRequest`': async (t) => {
    const desk = await setUp(t)
    await desk.ask('/?api_key=one1one1', {}, { headers: { authorization: 'two2two2', 'x-a': 'b' } })
    const cachedResponse = await only(desk)
    const { request: stored } = cachedResponse
    assert.deepEqual([stored.method, stored.url], ['GET', desk.url('/?api_key=REDACTED')])
    assert.match(stored.headers.join('\n'), /x-a\nb/)
    assert.doesNotMatch(JSON.stringify(stored), /one1|two2/)
  },

  '`response.elapsed`, `response.encoding`': async (t) => {
    const desk = await setUp(t)
    await desk.ask('/')
    const stored = await only(desk)
    for (const name of ['elapsed', 'encoding']) assert.ok(!(name in stored), name)
    assert.deepEqual(await stored.body(), Buffer.from('1'))
  },

  '`CachedResponse`, `OriginalResponse`, `CachedHTTPResponse`': async (t) => {
    const desk = await setUp(t)
    const { constructor } = await fetch(desk.url('/'), { dispatcher: desk.agent })
    const hit = await fetch(desk.url('/'), { dispatcher: desk.agent })
    assert.equal(hit.constructor, constructor)
    assert.equal(await hit.text(), '1')
    assert.ok((await only(desk)) instanceof CachedResponse)
  },

  '`504 Not Cached`': async (t) => {
    const { ask, request: viaRequest, origin } = await setUp(t)
    assert.equal((await ask('/', { onlyIfCached: true })).status, 504)
    assert.equal((await viaRequest('/', { onlyIfCached: true })).info?.reason, 'only-if-cached')
    assert.equal(origin.requests.length, 0)
  },

  '`print(response)`': async (t) => {
    const folder = temporaryFolder(t)
    const { url } = await setUp(t)
    const caching = cacheInterceptor({ cacheName: join(folder, 'http_cache') })
    const bare = new Agent()
    const response = await fetch(url('/'), { dispatcher: bare.compose(caching) })
    assert.match(response.headers.get('Cache-Status')!, /^undici-cache; fwd=uri-miss; stored/)
    await response.text()
    await caching.close()
    await bare.close()
    // npx undici-cache show URL
    const { out, code } = await runCli(['show', url('/')], { folder })
    assert.equal(code, 0)
    assert.match(out, /200/)
    assert.ok(out.includes(url('/')), out)
  },
}
