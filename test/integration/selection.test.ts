import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { Agent, fetch, interceptors, request, type Dispatcher } from 'undici'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { Selection } from '../../lib/upkeep/selection.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'

type Get = (path: string, language?: string) => Promise<string>

interface Site {
  readonly origin: Origin
  readonly cache: BaseCache
  readonly agent: Dispatcher
  /** The body; "asked for" it where it did not come from the cache. */
  readonly get: Get
}

async function startSite(t: TestContext, cache: BaseCache, options: CacheOptions): Promise<Site> {
  const origin = await startOrigin(t, ({ path, headers }, response, nth) => {
    const [, hop] = /^\/hop(\d)/.exec(path) ?? []
    if (hop !== undefined && hop !== '0') {
      return void response.writeHead(302, { location: `/hop${Number(hop) - 1}` }).end()
    }
    if (path === '/varies') response.setHeader('vary', 'accept-language')
    if (path.startsWith('/tagged')) response.setHeader('Cache-Tag', 'red, green')
    if (path === '/long') return void response.end(Buffer.alloc(2_500_000, nth))
    if (path === '/gone') response.statusCode = 410
    response.end(`${path} ${headers['accept-language']} ${nth}`)
  })
  const { agent } = cachedAgent(t, { backend: cache, ...options })
  const get: Get = async (path, language = 'de') => {
    const headers = { 'accept-language': language }
    const response = await fetch(origin.url + path, { dispatcher: agent, headers })
    const text = await response.text()
    return getCacheInfo(response)?.hit === true ? text : `asked for ${text}`
  }
  return { origin, cache, agent, get }
}

for (const backend of embedded) {
  describe(`what is stored, as an object, with ${backend}`, () => {
    const start = (t: TestContext, options: CacheOptions = {}): Promise<Site> => {
      const cache = openCache(backend, temporaryFolder(t))
      t.after(() => cache.close())
      return startSite(t, cache, options)
    }

    test('filter() and urls() select by every condition', async (t) => {
      const { origin, cache, get } = await start(t, {
        codesExpireAfter: { 410: '1h' },
        expireAfter: ({ url }) => (url.endsWith('/short') ? 0.001 : 'never'),
        allowableCodes: [200],
        tags: ({ url }) => (url.endsWith('/b') ? ['blue'] : undefined),
        tagHeaders: ['Cache-Tag'],
      })
      for (const path of ['/a', '/b', '/a/b?x=1', '/tagged', '/gone', '/short']) await get(path)
      await later(5)
      const [first] = await Array.fromAsync(cache.filter({ urls: [`${origin.url}/a`] }))
      const { host } = new URL(origin.url)
      const cases: [Selection, string[]][] = [
        [{}, ['/a', '/a/b?x=1', '/b', '/gone', '/short', '/tagged']],
        [{ expired: true }, ['/short']],
        [{ expired: false }, ['/a', '/a/b?x=1', '/b', '/gone', '/tagged']],
        [{ olderThan: '1h' }, []],
        [{ olderThan: 0 }, ['/a', '/a/b?x=1', '/b', '/gone', '/short', '/tagged']],
        [{ olderThan: new Date(Date.now() - 60_000) }, []],
        [{ urls: [`${origin.url}/a`, new URL(`${origin.url}/b`)] }, ['/a', '/b']],
        [{ urlPrefix: `${origin.url}/a` }, ['/a', '/a/b?x=1']],
        [{ urlPattern: `${host}/*b` }, ['/a/b?x=1', '/b']],
        [{ urlPattern: /\/b$/ }, ['/b']],
        [{ origin: origin.url }, ['/a', '/a/b?x=1', '/b', '/gone', '/short', '/tagged']],
        [{ origin: 'http://127.0.0.1:1' }, []],
        [{ tags: ['green', 'blue'] }, ['/b', '/tagged']],
        [{ keys: [first!.key] }, ['/a']],
        [{ codes: [410] }, ['/gone']],
        [{ filter: ({ bodyBytes }) => bodyBytes > 11 }, ['/a/b?x=1', '/tagged']],
        [{ filter: async (each) => String(await each.body()).startsWith('/b') }, ['/b']],
        [{ tags: ['green', 'blue'], urlPrefix: `${origin.url}/b` }, ['/b']],
      ]
      for (const [selection, expected] of cases) {
        const urls = await Array.fromAsync(cache.urls(selection))
        assert.deepEqual(
          urls.map((url) => url.slice(origin.url.length)).toSorted(),
          expected,
          JSON.stringify(selection),
        )
      }
      const [tagged] = await Array.fromAsync(cache.filter({ tags: ['red'] }))
      assert.deepEqual(tagged!.tags, ['red', 'green'])
      assert.equal(tagged!.method, 'GET')
      assert.equal(tagged!.status, 200)
      assert.equal(tagged!.headers['cache-tag'], 'red, green')
      assert.equal(tagged!.expired, false)
    })

    test('delete() by condition, parts and redirects included', async (t) => {
      const { origin, cache, get } = await start(t, { tagHeaders: ['cache-tag'] })
      for (const path of ['/a', '/long', '/tagged/1', '/tagged/2', '/hop1']) await get(path)
      assert.equal(await cache.delete({ tags: ['green'] }), 2)
      assert.match(await get('/tagged/1'), /^asked/)
      assert.equal(await get('/a'), '/a de 1')
      assert.equal(await cache.delete({ urlPattern: '*/hop' }), 2)
      assert.match(await get('/hop1'), /asked for \/hop0 de 2/)
      assert.equal(origin.count('/hop1'), 2)
      assert.equal(await cache.delete({ urls: [`${origin.url}/long`] }), 1)
      assert.equal(await cache.delete({ urls: [`${origin.url}/long`] }), 0)
      assert.equal(await cache.delete({ expired: false }), 4)
      assert.equal(await cache.size(), 0)
    })

    test('delete() of a URL: its variants, and where it leads to', async (t) => {
      const { origin, cache, get } = await start(t)
      for (const language of ['de', 'en', 'fr']) await get('/varies', language)
      assert.equal(await cache.delete(`${origin.url}/varies`), true)
      assert.equal(await cache.delete(`${origin.url}/varies`), false)
      for (const language of ['en', 'de']) assert.match(await get('/varies', language), /^asked/)

      // Under fetch each hop is stored on its own; what was asked for by hand begins there, too.
      await get('/hop3')
      assert.equal(await cache.delete(`${origin.url}/hop2`), true)
      assert.match(await get('/hop3'), /^asked for \/hop0 de 2/)
      const counts = [3, 2, 1, 0].map((hop) => origin.count(`/hop${hop}`))
      // A temporary redirect is not replayed without what it leads to.
      assert.deepEqual(counts, [2, 2, 2, 2])
    })

    test('delete() of any URL of a chain that was followed below the cache', async (t) => {
      const { origin, cache } = await start(t)
      const { caching } = cachedAgent(t, { backend: cache })
      const bare = new Agent()
      t.after(() => bare.destroy())
      const dispatcher = bare.compose(interceptors.redirect({ maxRedirections: 5 }), caching)
      const get = async (): Promise<boolean> => {
        const response = await request(`${origin.url}/hop2`, { dispatcher })
        await response.body.text()
        return getCacheInfo(response)?.hit === true
      }
      await get()
      assert.equal(await get(), true)
      for (const hop of [2, 0]) {
        assert.equal(await cache.delete(`${origin.url}/hop${hop}`), true)
        assert.equal(await get(), false)
        assert.equal(await get(), true)
      }
      assert.equal(await cache.delete({ urls: [`${origin.url}/hop1`] }), 0)
      assert.equal(await get(), false, 'the chain leads through it')
    })

    test('get() gives what answers a request', async (t) => {
      const { origin, cache, get } = await start(t)
      for (const path of ['/a', '/hop1']) await get(path)
      await get('/long')
      const found = await cache.get(`${origin.url}/a`)
      const { method, url, status, key } = found!
      assert.deepEqual([method, url, status], ['GET', `${origin.url}/a`, 200])
      assert.equal(key, cache.createKey(`${origin.url}/a`))
      assert.equal((await found!.body()).toString(), '/a de 1')
      assert.equal((await cache.get(`${origin.url}/hop1`))!.status, 302)
      assert.equal((await (await cache.get(`${origin.url}/long`))!.body()).byteLength, 2_500_000)
      assert.equal(await cache.get(`${origin.url}/other`), undefined)
      assert.equal(await cache.get({ url: `${origin.url}/a`, method: 'HEAD' }), undefined)
    })

    test('stats() counts what is stored and what was done', async (t) => {
      const { origin, cache, agent, get } = await start(t, {
        expireAfter: ({ url }) => (url.endsWith('/short') ? 0.001 : 'never'),
      })
      for (const path of ['/a', '/a', '/long', '/short', '/hop1']) await get(path)
      await request(`${origin.url}/other`, { method: 'POST', dispatcher: agent })
      const offline = { dispatcher: agent, cache: { onlyIfCached: true } }
      await request(`${origin.url}/none`, offline as object)
      await later(5)
      const { oldest, newest, ...counts } = await cache.stats()
      assert.ok(oldest! <= newest! && newest! <= Date.now())
      assert.deepEqual(counts, {
        responses: 4,
        redirects: 1,
        bodyBytes: 2_500_000 + '/a de 1'.length + '/short de 1'.length + '/hop0 de 1'.length,
        expired: 1,
        unreadable: 0,
        hits: 1,
        misses: 5,
        revalidated: 0,
        stale: 0,
        stored: 5,
        bypassed: 1,
        refused: 1,
        errors: 0,
      })
    })

    test('resetExpiration() gives another lifetime, from now on', async (t) => {
      const { origin, cache, get } = await start(t, { expireAfter: 0.001 })
      for (const path of ['/a', '/b', '/long', '/hop1']) await get(path)
      await later(5)
      assert.equal(await cache.resetExpiration('1h', { urlPrefix: `${origin.url}/a` }), 1)
      assert.equal(await get('/a'), '/a de 1')
      const from = Date.now()
      assert.equal(
        await cache.resetExpiration(({ url }) => (url.endsWith('/b') ? undefined : 'never')),
        4,
      )
      assert.equal((await get('/long')).length, 2_500_000)
      assert.equal(await get('/hop1'), '/hop0 de 1')
      assert.equal(origin.count('/hop1'), 1)
      assert.match(await get('/b'), /^asked/)
      assert.equal(await cache.resetExpiration(60, { urls: [`${origin.url}/b`] }), 1)
      const [b] = await Array.fromAsync(cache.filter({ urls: [`${origin.url}/b`] }))
      assert.ok(b!.expiresAt! >= from + 60_000 && b!.expiresAt! <= Date.now() + 60_000)
      assert.equal(await cache.resetExpiration('do-not-cache'), 5)
      assert.equal(await cache.size(), 0)
    })
  })
}

describe('what is stored, as an object', () => {
  test('refuses what it does not understand', async () => {
    const cache = new BaseCache()
    const uses: [() => unknown, RegExp][] = [
      [() => cache.delete({}), /clear\(\) deletes everything/],
      [() => cache.delete({ expired: undefined }), /clear\(\) deletes everything/],
      [() => cache.delete({ expird: true } as Selection), /did you mean 'expired'/],
      [() => cache.delete({ olderThan: 'soon' }), /'olderThan' must be seconds/],
      [() => cache.delete({ urls: ['/a'] }), /'urls' must be a list of absolute URLs/],
      [async () => cache.filter({ tags: [] }), /'tags' must be a list of tags/],
      [() => cache.resetExpiration('soon'), /'expireAfter' must be seconds/],
      [() => cache.delete('nonsense'), /absolute URL/],
    ]
    for (const [use, message] of uses) {
      await assert.rejects(async () => use(), { name: 'TypeError', message })
    }
  })

  test('an entry that cannot be read is passed over', async (t) => {
    const site = await startSite(t, new BaseCache(), {})
    for (const path of ['/a', '/b']) await site.get(path)
    const { responses } = site.cache
    await responses.set('nonsense', { head: '', body: Buffer.alloc(0) })
    assert.equal((await Array.fromAsync(site.cache.urls())).length, 2)
    assert.equal((await site.cache.stats()).unreadable, 1)
    assert.equal(await site.cache.delete({ expired: false }), 2)
  })
})

test('tags that are none are a failure of the callback, and nothing is stored', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('x'))
  for (const nonsense of ['news', [1, null], ['']]) {
    const errors: string[] = []
    const { caching, agent } = cachedAgent(t, {
      tags: () => nonsense as never,
      onError: ({ code }) => errors.push(code),
    })
    const response = await fetch(origin.url, { dispatcher: agent })
    await response.text()
    assert.equal(getCacheInfo(response)?.reason, 'callback-failed')
    assert.equal(await caching.cache.size(), 0)
    assert.deepEqual(errors, ['ERR_CACHE_CALLBACK_FAILED'])
  }
})
