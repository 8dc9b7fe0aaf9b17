import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { Agent, interceptors } from 'undici'
import type { CacheError } from '../../lib/errors.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { DO_NOT_CACHE, NEVER_EXPIRE } from '../../lib/policy/lifetime.ts'
import { secondsOf, viaFetch, viaRequest, type Got } from './ask.ts'
import { cachedAgent, type CachedAgent } from './caches.ts'
import { answerByPath, startOrigin, type Answer } from './origin.ts'

const count: Answer = (_, response, nth) => response.end(String(nth))

/** A cache above undici's own interceptor for redirects. */
function aboveRedirects(t: TestContext, options: CacheOptions): CachedAgent {
  const caching = cacheInterceptor({ backend: 'memory', ...options })
  const bare = new Agent()
  t.after(async () => {
    await caching.close()
    await bare.destroy()
  })
  const agent = bare.compose(interceptors.redirect({ maxRedirections: 3 }), caching)
  return { agent, caching }
}

describe('urlsExpireAfter', () => {
  test('the first pattern that matches counts; all others have the lifetime of all', async (t) => {
    const origin = await startOrigin(t, count)
    const host = new URL(origin.url).host
    const cached = cachedAgent(t, {
      expireAfter: 1000,
      urlsExpireAfter: new Map<
        string | { test(url: string): boolean },
        CacheOptions['expireAfter'] & {}
      >([
        [`${host}/static/short`, 10],
        [`http://${host}/static`, NEVER_EXPIRE],
        [`${host}/*/[a-c]?.json`, 20],
        [/\?q=\d+$/g, 30],
        [{ test: (url) => new URL(url).pathname === '/like/URLPattern' }, 40],
        [
          `${host}/fn`,
          ({ url }, { status }) => (url.endsWith('x') && status === 200 ? 50 : undefined),
        ],
      ]),
    })
    const seconds: Record<string, number> = {
      '/static/short/x': 10,
      '/static/x': Infinity,
      '/x/y/a1.json?z': 20,
      '/x/d1.json': 1000,
      '/search?q=1': 30,
      '/search?q=2': 30,
      '/search?q=x': 1000,
      '/like/URLPattern': 40,
      '/fn/x': 50,
      '/fn/y': 1000,
      '/': 1000,
    }
    for (const [path, expected] of Object.entries(seconds)) {
      assert.equal(secondsOf(await viaFetch(cached, origin.url + path)), expected, path)
      const call = { expireAfter: 5, forceRefresh: true }
      assert.equal(secondsOf(await viaRequest(cached, origin.url + path, call)), 5, path)
    }
  })

  test("'*': DO_NOT_CACHE makes a list of what is cached, whatever its status", async (t) => {
    const origin = await startOrigin(t, answerByPath)
    const host = new URL(origin.url).host
    const cached = cachedAgent(t, {
      urlsExpireAfter: { [`${host}/listed`]: '1h', '*': DO_NOT_CACHE },
      codesExpireAfter: { 200: '1d', '4xx': '1m' },
      expireAfter: '1w',
    })
    const texts: string[] = []
    for (const path of ['/listed/a', '/listed/404', '/other', '/other/404']) {
      for (let round = 0; round < 2; round++)
        texts.push((await viaFetch(cached, origin.url + path)).text)
    }
    assert.deepEqual(texts, ['1', '1', '1', '1', '1', '2', '1', '2'])
    const { info } = await viaRequest(cached, `${origin.url}/other`)
    assert.deepEqual([info?.stored, info?.key, info?.reason], [false, undefined, 'do-not-cache'])
    assert.equal(await cached.caching.cache.size(), 2)
    // Only the call itself can say otherwise.
    assert.equal(secondsOf(await viaFetch(cached, `${origin.url}/other`, { expireAfter: 5 })), 5)
  })

  test('a redirect that leads off the list: what it leads to is not stored, wherever it is followed', async (t) => {
    const origin = await startOrigin(t, ({ path }, response, nth) => {
      if (path.startsWith('/listed'))
        response.writeHead(302, { location: '/other?api_key=secret' }).end()
      else response.end(String(nth))
    })
    const host = new URL(origin.url).host
    const urlsExpireAfter = { [`${host}/listed`]: '1h', '*': DO_NOT_CACHE }
    const cached = cachedAgent(t, { urlsExpireAfter, codesExpireAfter: { 200: '1h' } })
    assert.equal((await viaFetch(cached, `${origin.url}/listed`)).text, '1')
    assert.equal((await viaFetch(cached, `${origin.url}/listed`)).text, '2')
    // A temporary redirect is replayed only together with what it leads to.
    assert.equal(origin.count('/listed'), 2)

    const above = aboveRedirects(t, { urlsExpireAfter })
    for (const text of ['3', '4']) {
      const got = await viaRequest(above, `${origin.url}/listed`)
      assert.deepEqual([got.text, got.info?.reason], [text, 'do-not-cache'])
    }
  })

  test('a chain that is followed below is used as long as each of its URLs allows', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      const next = { '/a': '/b', '/b': '/c', '/c': undefined, '/d': '/e' }[path]
      if (next === undefined) response.end(path)
      else response.writeHead(302, { location: next }).end()
    })
    const host = new URL(origin.url).host
    const asked: string[] = []
    const above = aboveRedirects(t, {
      expireAfter: '1h',
      urlsExpireAfter: {
        [`${host}/a`]: 30,
        [`${host}/b`]: 10,
        [`${host}/c`]: 20,
        [`${host}/d`]: NEVER_EXPIRE,
      },
      filter: ({ url }) => asked.push(new URL(url).pathname) > 0,
    })
    const ask = (path: string): Promise<Got> => viaRequest(above, origin.url + path)
    assert.deepEqual([secondsOf(await ask('/a')), secondsOf(await ask('/d'))], [10, 3600])
    assert.deepEqual(asked, ['/a', '/b', '/c', '/d', '/e'])
  })

  test('a pattern that throws: the request passes, uncached, and it is reported', async (t) => {
    const origin = await startOrigin(t, count)
    const reported: CacheError[] = []
    const pattern = {
      test(): boolean {
        throw new Error('mistake')
      },
    }
    const cached = cachedAgent(t, {
      urlsExpireAfter: [[pattern, '1h']],
      onError: (error) => reported.push(error),
    })
    const { text, info } = await viaFetch(cached, origin.url)
    assert.deepEqual([text, info?.stored, info?.reason], ['1', false, 'callback-failed'])
    assert.deepEqual([reported[0]?.code, reported.length], ['ERR_CACHE_CALLBACK_FAILED', 1])
  })
})
