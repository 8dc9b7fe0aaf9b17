/** What a cache holds, looked at and changed. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { BaseCache, cacheInterceptor, FileCache, SQLiteCache } from '../../lib/index.ts'
import { runCli } from '../cli/run-cli.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { setUp, type Checks } from './desk.ts'

const expired = new Date(Date.now() - 60_000)

export const contentChecks: Checks = {
  '`cache.contains(…)`': async (t) => {
    const { cache, ask, url } = await setUp(t)
    await ask('/get?k=v', {}, { headers: { authorization: 'one1one1' } })
    const target = { url: url('/get?k=v'), headers: { Authorization: 'one1one1' } }
    assert.equal(await cache.has(target), true)
    assert.equal(await cache.has(url('/get?k=v')), false, 'of somebody else')
    const key = cache.createKey(target)
    assert.equal((await Array.fromAsync(cache.filter({ keys: [key] }))).length, 1)
  },

  '`cache.has_url()`, `cache.delete_url()`, `cache.delete_urls()`': async (t) => {
    const { cache, ask, hits, url: urlOf } = await setUp(t)
    for (const language of ['de', 'fr']) {
      await ask('/varies', {}, { headers: { 'accept-language': language } })
    }
    await hits('/old', '/a', '/b')
    const url = urlOf('/old')
    assert.equal(await cache.has(url), true)
    assert.equal(await cache.delete(url), true)
    assert.deepEqual(await cache.history(url), [])
    assert.equal(await cache.delete({ urls: [urlOf('/varies'), urlOf('/a')] }), 3)
    assert.deepEqual(await Array.fromAsync(cache.urls()), [urlOf('/b')])
  },

  '`cache.delete(key, …)`, `cache.delete(urls=, requests=)`': async (t) => {
    const {
      cache,
      ask,
      url: urlOf,
    } = await setUp(t, {
      allowableMethods: ['GET', 'POST'],
      tags: ({ url }) => (url.endsWith('/tagged') ? ['red'] : undefined),
      allowableCodes: [200, 404],
    })
    const { info } = await ask('/1')
    for (const path of ['/2', '/p/3', '/4.json', '/tagged', '/404', '/post', '/last'])
      await ask(path)
    const body = { a: 1 }
    const headers = { 'content-type': 'application/json' }
    const method = 'POST'
    await ask('/post', {}, { method, headers, body: JSON.stringify(body) })
    assert.equal(await cache.delete({ keys: [info!.key!], urls: [urlOf('/1')] }), 1)
    assert.equal(await cache.delete({ url: urlOf('/post'), method, headers, body }), true)
    assert.equal(await cache.has(urlOf('/post')), true, 'the GET is another request')
    assert.equal(await cache.delete({ urlPrefix: urlOf('/p/') }), 1)
    assert.equal(await cache.delete({ urlPattern: '*.json' }), 1)
    assert.equal(await cache.delete({ tags: ['red'] }), 1)
    assert.equal(await cache.delete({ codes: [404] }), 1)
    assert.equal(await cache.delete({ origin: urlOf('') }), 3)
  },

  '`cache.delete(older_than=)`': async (t) => {
    const { cache, ask } = await setUp(t)
    await ask('/')
    assert.equal(await cache.delete({ olderThan: '7d' }), 0)
    assert.equal(await cache.delete({ olderThan: new Date(Date.now() + 1_000) }), 1)
  },

  '`cache.delete(invalid=True)`, `cache.filter(invalid=True)`': async (t) => {
    const { cache, hits } = await setUp(t, { onError: () => {} })
    await hits('/good', '/bad')
    const [key] = await Array.fromAsync(cache.responses.keys())
    await cache.responses.set(key!, { head: 'of somebody else', body: Buffer.alloc(0) })
    assert.equal((await cache.verify()).unreadable, 1)
    assert.equal((await cache.verify({ repair: true })).removed, 1)
    assert.equal((await cache.verify()).unreadable, 0)
    assert.equal(await cache.size(), 1)
  },

  '`cache.filter(valid=, expired=, older_than=)`': async (t) => {
    const { cache, ask, url } = await setUp(t)
    await ask('/fresh')
    await ask('/tag', { expireAfter: expired })
    const olderThan = new Date(Date.now() + 1_000)
    const found = await Array.fromAsync(cache.filter({ expired: true, olderThan }))
    assert.deepEqual(
      found.map((each) => each.url),
      [url('/tag')],
    )
    assert.equal((await Array.fromAsync(cache.filter({ expired: false }))).length, 1)
    assert.equal(
      (await Array.fromAsync(cache.filter({ expired: true, olderThan: '1h' }))).length,
      0,
    )
    assert.equal(String(await found[0]!.body()), '1')
  },

  '`cache.urls()`': async (t) => {
    const { cache, hits, url } = await setUp(t)
    await hits('/b?api_key=one1one1', '/a')
    const selection = { urlPrefix: url('/a') }
    assert.deepEqual(await Array.fromAsync(cache.urls(selection)), [url('/a')])
    const all = await Array.fromAsync(cache.urls())
    assert.deepEqual(all.toSorted(), [url('/a'), url('/b?api_key=REDACTED')])
  },

  '`cache.update(other)`': async (t) => {
    const folder = temporaryFolder(t)
    const {
      cache: other,
      hits,
      origin,
      url,
    } = await setUp(t, {
      cacheName: join(folder, 'from'),
      backend: 'sqlite',
    })
    await hits('/', '/old')
    // Their documented example, sqlite to filesystem, loses every hit.
    const cache = new FileCache(join(folder, 'to'), { serializer: 'json' })
    t.after(() => cache.close())
    const options = { overwrite: false }
    assert.equal((await cache.update(other, options)).copied, 3)
    assert.equal((await cache.update(other, options)).skipped, 3)
    const there = await setUp(t, { backend: cache, onlyIfCached: true }, origin)
    assert.deepEqual(await there.hits('/', '/old'), [true, true])
    assert.equal((await cache.history(url('/old'))).length, 2)
  },

  '`cache.recreate_keys()`': async (t) => {
    const { cache, ask, hits, origin } = await setUp(t)
    await hits('/?page=1', '/old?page=1')
    await ask('/varies?page=1', {}, { headers: { 'accept-language': 'de' } })
    const options = { ignoredParameters: ['page'] }
    const { kept, unreadable } = await cache.recreateKeys(options)
    assert.deepEqual([kept, unreadable], [1, 0], 'all but /new, which has no page')
    const after = await setUp(t, { ...options, backend: cache, onlyIfCached: true }, origin)
    // Theirs loses redirects, and the header fields that select a variant.
    assert.deepEqual(await after.hits('/?page=2', '/old?page=2'), [true, true])
    for (const [language, status] of [
      ['de', 200],
      ['fr', 504],
    ] as const) {
      const headers = { 'accept-language': language }
      assert.equal((await after.ask('/varies', {}, { headers })).status, status)
    }
  },

  '`cache.reset_expiration(…)`': async (t) => {
    const { cache, ask, hits, url } = await setUp(t, { expireAfter: 5 })
    await hits('/a', '/b')
    const [lifetime, selection] = ['30d', { urls: [url('/a')] }] as const
    assert.equal(await cache.resetExpiration(lifetime, selection), 1)
    assert.ok((await ask('/a')).info!.expiresAt! > Date.now() + 29 * 86_400_000)
    assert.ok((await ask('/b')).info!.expiresAt! <= Date.now() + 5_000)
  },

  '`cache.create_key()`, `requests_cache.create_key()`': async (t) => {
    const { caching, cache, url } = await setUp(t, { ignoredParameters: ['x'] })
    const target = { url: url('/?b=1&a=2'), headers: {} }
    const key = caching.createKey(target)
    assert.equal(Buffer.from(key, 'base64url').length, 32)
    assert.equal(cache.createKey(url('/?x=3&a=2&b=1')), key)
  },

  '`cache.get_response(key)`': async (t) => {
    const { cache, ask, url } = await setUp(t)
    const { info } = await ask('/')
    await ask('/other')
    const target = { url: url('/') }
    assert.equal(String(await (await cache.get(target))!.body()), '1')
    const key = info!.key!
    const [found, ...others] = await Array.fromAsync(cache.filter({ keys: [key] }))
    assert.deepEqual([String(await found!.body()), others.length], ['1', 0])
  },

  '`cache.save_response(…)`': async (t) => {
    const folder = temporaryFolder(t)
    const { hits, cache } = await setUp(t, { cacheName: join(folder, 'from'), backend: 'sqlite' })
    await hits('/')
    await cache.close()
    await runCli(['export', 'sqlite:from', 'site.har'], { folder })
    const { code, err } = await runCli(['import', 'sqlite:to', 'site.har'], { folder })
    assert.equal(code, 0, err)
    const to = new SQLiteCache(join(folder, 'to'))
    t.after(() => to.close())
    assert.equal(await to.size(), 1)
  },

  '`cache.count()`, `cache.response_count()`': async (t) => {
    const { cache, ask } = await setUp(t)
    await ask('/')
    await ask('/tag', { expireAfter: expired })
    assert.equal(await cache.size(), 2)
    const { responses, expired: over } = await cache.stats()
    assert.deepEqual([responses, over], [2, 1])
  },

  '`cache.sorted(…)`': async (t) => {
    const { cache, hits } = await setUp(t)
    await hits('/b', '/a')
    const all = await Array.fromAsync(cache.filter())
    const sorted = all.toSorted((one, other) => one.url.localeCompare(other.url))
    assert.match(sorted[0]!.url, /\/a$/)
  },

  '`cache.size`, `responses.size()` in bytes': async (t) => {
    const { cache, hits } = await setUp(t)
    await hits('/a', '/b')
    assert.equal((await cache.stats()).bodyBytes, 2)
  },

  '`normalize_request()`, `normalize_url()`, `normalize_headers()`, `normalize_body()`, `normalize_params()`, `redact_response()`':
    async (t) => {
      const { caching } = await setUp(t)
      const key = (target: Parameters<typeof caching.createKey>[0]): string =>
        caching.createKey(target)
      assert.equal(key('HTTP://A.test:80?b=1&a=2'), key('http://a.test/?a=2&b=1'))
      assert.notEqual(key('http://a.test/?q='), key('http://a.test/'))
      const url = 'http://a.test/'
      assert.equal(key({ url, body: { a: 1, b: 2 } }), key({ url, body: { b: 2, a: 1 } }))
      assert.notEqual(key({ url, body: [1, 2] }), key({ url, body: [2, 1] }))
    },

  '`init_backend()`, `BACKEND_CLASSES`': () => {
    const { cache } = cacheInterceptor({ backend: 'memory' })
    assert.equal(cache.constructor, BaseCache)
  },
}
