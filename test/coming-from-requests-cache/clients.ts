/** Sessions, patching and clients; options of a call. */
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import {
  Agent,
  fetch as fetchBy,
  getGlobalDispatcher,
  MockAgent,
  pipeline,
  Pool,
  request,
  stream,
  type Dispatcher,
} from 'undici'
import {
  BaseCache,
  cacheInterceptor,
  getCacheInfo,
  installCache,
  installedCache,
  NEVER_EXPIRE,
  SQLiteCache,
  uninstallCache,
} from '../../lib/index.ts'
import { secondsOf } from '../integration/ask.ts'
import { setUp, type Checks } from './desk.ts'

const memory = { backend: 'memory' } as const

export const clientChecks: Checks = {
  '`CachedSession(…)`, `CacheMixin`': async (t) => {
    const { url } = await setUp(t)
    const options = { ...memory, expireAfter: 60 }
    const agent = new Agent().compose(cacheInterceptor(options))
    t.after(() => agent.destroy())
    for (const hit of [false, true]) {
      const response = await fetchBy(url('/'), { dispatcher: agent })
      assert.equal(await response.text(), '1')
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
    const { body } = await request(url('/'), { dispatcher: agent })
    assert.equal(await body.text(), '1')
  },

  '`CachedSession.wrap(session)`': async (t) => {
    const { url } = await setUp(t)
    const mock = new MockAgent()
    mock.disableNetConnect()
    mock.get('http://mocked.test').intercept({ path: '/' }).reply(200, 'mocked')
    const options = { ...memory, origin: url('') }
    const pool = new Pool(url(''))
    t.after(() => pool.destroy())
    for (const [dispatcher, wanted, asked] of [
      [pool.compose(cacheInterceptor(options)), '1', url('/')],
      [mock.compose(cacheInterceptor(options)), 'mocked', 'http://mocked.test/'],
    ] as const) {
      for (let round = 0; round < 2; round++) {
        const { body } = await request(asked, { dispatcher })
        assert.equal(await body.text(), wanted)
      }
    }
  },

  '`install_cache(…)`, `session_factory`': async (t) => {
    const { url } = await setUp(t)
    const before = fetch
    const options = { ...memory, allowableMethods: ['GET', 'POST'], expireAfter: 360 }
    const caching = installCache(options)
    t.after(() => uninstallCache(caching))
    assert.equal(fetch, before)
    for (let round = 0; round < 2; round++) {
      assert.equal(await (await fetch(url('/'))).text(), '1')
      assert.equal(await (await request(url('/'))).body.text(), '1')
      assert.equal(await (await fetch(url('/post'), { method: 'POST', body: 'x' })).text(), '1')
    }
  },

  '`uninstall_cache()`': async (t) => {
    const { url } = await setUp(t)
    const before = getGlobalDispatcher()
    installCache(memory)
    assert.equal(await (await fetch(url('/'))).text(), '1')
    await uninstallCache()
    assert.equal(getGlobalDispatcher(), before)
    assert.equal(await (await fetch(url('/'))).text(), '2')
  },

  '`get_cache()`, `session.cache`': async (t) => {
    const { cache } = installCache(memory)
    t.after(() => uninstallCache())
    assert.ok(cache instanceof BaseCache)
    assert.equal(installedCache()?.cache, cache)
    assert.notEqual(cacheInterceptor(memory).cache, cache)
  },

  '`is_installed()`': async () => {
    assert.ok(installedCache() === undefined)
    const [outer, inner] = [installCache(memory), installCache(memory)]
    await uninstallCache(outer)
    assert.equal(installedCache(), inner)
    await uninstallCache(inner)
    assert.ok(!(installedCache() !== undefined))
  },

  '`enabled()`': async (t) => {
    const { url } = await setUp(t)
    const ask = async (): Promise<string> => (await fetch(url('/'))).text()
    {
      await using caching = installCache(memory)
      assert.deepEqual([await ask(), await ask()], ['1', '1'])
      assert.equal(await caching.cache.size(), 1)
    }
    assert.deepEqual([await ask(), await ask()], ['2', '3'])
    const caching = installCache({ ...memory, disabled: true })
    t.after(() => uninstallCache(caching))
    const inside = caching.with({ disabled: false }, async () => [await ask(), await ask()])
    const beside = (async () => [await ask(), await ask()])()
    const [[first, second], [third, fourth]] = await Promise.all([inside, beside])
    assert.equal(first, second)
    assert.notEqual(third, fourth)
    assert.equal(await caching.cache.size(), 1)
  },

  '`disabled()`, `session.cache_disabled()`, `settings.disabled`': async (t) => {
    const { caching, ask } = await setUp(t)
    await ask('/')
    assert.equal((await caching.with({ disabled: true }, () => ask('/'))).text, '2')
    assert.equal((await ask('/')).text, '1')
    const { hits } = await setUp(t, { disabled: true })
    assert.deepEqual(await hits('/', '/'), [false, false])
  },

  '`requests_cache.clear()`, `cache.clear()`': async (t) => {
    const { caching, cache, ask } = await setUp(t)
    await ask('/old')
    await caching.clear()
    assert.deepEqual([await cache.size(), await cache.redirects.size()], [0, 0])
    await ask('/')
    await cache.clear()
    assert.equal(await cache.size(), 0)
  },

  '`requests_cache.delete()`, `requests_cache.remove_expired_responses()`, `cache.remove_expired_responses()`':
    async (t) => {
      const { cache, ask, url } = await setUp(t)
      const past = new Date(Date.now() - 60_000)
      // One that can still be validated is of use, so pruning leaves it.
      for (const path of ['/', '/tag', '/kept']) {
        await ask(path, { expireAfter: path === '/kept' ? NEVER_EXPIRE : past, staleIfError: '1s' })
      }
      assert.equal(await cache.prune(Date.now() + 5_000), 0)
      assert.equal(await cache.delete({ expired: true }), 1)
      await ask('/tag', { expireAfter: past })
      assert.equal(await cache.prune(Date.now() + 2 * 86_400_000), 1)
      assert.deepEqual(await Array.fromAsync(cache.urls()), [url('/kept')])
    },

  '`session.settings`, `CacheSettings`': async (t) => {
    const { caching, cache, agent, ask, url } = await setUp(t, { expireAfter: 60 })
    const options = { expireAfter: 360, staleIfError: true }
    assert.equal(secondsOf(await caching.with(options, () => ask('/'))), 360)
    assert.equal(secondsOf(await ask('/other')), 60)
    const second = agent.compose(cacheInterceptor({ backend: cache, expireAfter: 5 }))
    const { body } = await request(url('/'), { dispatcher: second })
    assert.equal(await body.text(), '1')
  },

  '`session.get()`, `session.request()`, `session.send()` and the others, with options of the call':
    async (t) => {
      const { caching, agent, url, origin } = await setUp(t)
      const asked = { dispatcher: agent, cache: { expireAfter: '5m' } } as object
      const { body, headers } = await request(url('/'), asked)
      assert.equal(await body.text(), '1')
      assert.match(String(headers['cache-status']), /ttl=300/)
      const options = { expireAfter: 60, refresh: true, onlyIfCached: false }
      const response = await caching.with(options, () => fetchBy(url('/'), { dispatcher: agent }))
      assert.equal(await response.text(), '2')
      for (const { headers: sent } of origin.requests) {
        assert.equal(sent['cache-control'], undefined)
        assert.ok(!Object.keys(sent).some((name) => /cache|expire|refresh/.test(name)))
      }
    },

  '`session.close()`, `autoclose`, `with CachedSession()`': async (t) => {
    const { url } = await setUp(t)
    const cache = new SQLiteCache(':memory:')
    const agent = new Agent()
    t.after(() => agent.destroy())
    t.after(() => cache.close())
    {
      await using caching = cacheInterceptor({ backend: cache })
      const { body } = await request(url('/'), { dispatcher: agent.compose(caching) })
      await body.text()
    }
    const caching = cacheInterceptor({ backend: cache })
    const dispatcher = agent.compose(caching)
    const again = async (): Promise<string> => (await request(url('/'), { dispatcher })).body.text()
    assert.equal(await again(), '1')
    await caching.close()
    assert.equal(await again(), '2')
    assert.equal(await cache.size(), 1)
  },

  "`session.hooks['response']`": async (t) => {
    const { agent, url } = await setUp(t)
    const seen: (boolean | undefined)[] = []
    const interceptor: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
      dispatch(options, {
        onRequestStart: (...all) => handler.onRequestStart?.(...all),
        onResponseStart(controller, status, headers, message) {
          seen.push(getCacheInfo({ headers })?.hit)
          handler.onResponseStart?.(controller, status, headers, message)
        },
        onResponseData: (...all) => handler.onResponseData?.(...all),
        onResponseEnd: (...all) => handler.onResponseEnd?.(...all),
        onResponseError: (...all) => handler.onResponseError?.(...all),
      })
    const dispatcher = agent.compose(interceptor)
    for (const path of ['/', '/', '/404']) {
      await (await request(url(path), { dispatcher })).body.text()
    }
    assert.deepEqual(seen, [false, true, false])
  },

  '`stream=True`, `response.raw`': async (t) => {
    const { agent: dispatcher, url } = await setUp(t)
    const options = { dispatcher, method: 'GET' as const }
    for (let round = 0; round < 2; round++) {
      const response = await fetchBy(url('/'), { dispatcher })
      assert.ok(response.body !== null)
      assert.equal(String(Buffer.concat(await Array.fromAsync(response.body))), '1')
      // Always with a body, if an empty one: it is another request.
      const piped = pipeline(url('/piped'), options, ({ body }) => body).end()
      assert.equal(String(Buffer.concat(await Array.fromAsync(piped))), '1')
      const chunks: Buffer[] = []
      await stream(url('/'), options, () => collecting(chunks))
      assert.equal(String(Buffer.concat(chunks)), '1')
    }
  },

  '`response.cookies`': async (t) => {
    const { agent: dispatcher, url } = await setUp(t)
    for (const hit of [false, true]) {
      const response = await fetchBy(url('/cookie'), { dispatcher })
      assert.deepEqual(response.headers.getSetCookie(), ['a=1; Path=/', 'b=2'], 'Set-Cookie')
      assert.equal(getCacheInfo(response)?.hit, hit)
    }
  },
}

function collecting(chunks: Buffer[]): Writable {
  return new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk)
      done()
    },
  })
}
