import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Agent, fetch, interceptors, request } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

const long = Buffer.alloc(2_500_000, 'long ')
const paths = ['/a?x=1&page=1', '/a?x=1&page=2', '/long?page=1', '/varies?page=1', '/hop?page=1']

describe('recreateKeys()', () => {
  for (const backend of embedded) {
    test(`${backend}: everything is found under the new keys`, async (t) => {
      const origin = await startOrigin(t, ({ path, headers }, response, nth) => {
        if (path.startsWith('/hop')) response.writeHead(302, { location: '/long' }).end()
        else if (path.startsWith('/varies')) {
          response.setHeader('vary', 'accept-language').end(headers['accept-language'])
        } else response.end(path.startsWith('/long') ? long : String(nth))
      })
      const cache = openCache(backend, temporaryFolder(t))
      t.after(() => cache.close())
      const visit = async (options: CacheOptions, below: boolean): Promise<string[]> => {
        const { agent } = cachedAgent(t, { ...options, backend: cache })
        const dispatcher = agent
        const seen = []
        for (const language of ['de', 'en']) {
          for (const path of paths) {
            const headers = { 'accept-language': language }
            const response = await fetch(origin.url + path, { dispatcher, headers })
            const { length } = await response.text()
            seen.push(`${path} ${length} ${response.redirected} ${getCacheInfo(response)?.hit}`)
          }
        }
        if (!below) return seen
        const following = agent.compose(interceptors.redirect({ maxRedirections: 3 }))
        const { body } = await request(`${origin.url}/hop?page=1`, { dispatcher: following })
        return [...seen, String((await body.text()).length)]
      }
      await visit({}, true)
      const before = await visit({}, false)
      assert.ok(before.every((line) => line.endsWith('true')))
      const size = await cache.size()

      const ignoring = { ignoredParameters: ['page'] }
      const seen: number[] = []
      const result = await cache.recreateKeys({
        ...ignoring,
        onProgress: ({ moved }) => seen.push(moved),
      })
      // Of the two pages of /a, which are one now, the newer is left; of /long, too.
      assert.equal(result.unreadable, 0)
      assert.equal(await cache.size(), size - 2)
      assert.equal(seen.at(-1), result.moved)
      const asked = origin.requests.length
      assert.deepEqual(await visit(ignoring, true), [...before, String(long.byteLength)])
      assert.equal(origin.requests.length, asked, 'the origin was asked')
      const { unreadable, endless } = await cache.verify()
      assert.deepEqual([unreadable, endless], [0, 0])

      const again = await cache.recreateKeys(ignoring)
      assert.deepEqual([again.moved, again.superseded], [0, 0])
    })
  }

  test('a chain that was followed below the cache still leads to its end', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      if (path.startsWith('/hop')) response.writeHead(302, { location: '/end?page=9' }).end()
      else response.end('the end')
    })
    const cache = openCache('memory', temporaryFolder(t))
    const ask = async (options: CacheOptions, page: number): Promise<string> => {
      const caching = cacheInterceptor({ ...options, backend: cache })
      const bare = new Agent()
      t.after(() => bare.destroy())
      const agent = bare.compose(interceptors.redirect({ maxRedirections: 3 }), caching)
      const { body, context } = await request(`${origin.url}/hop?page=${page}`, {
        dispatcher: agent,
      })
      const { history } = context as { history: URL[] }
      return `${await body.text()} ${history.length} ${origin.requests.length}`
    }
    assert.equal(await ask({}, 1), 'the end 2 2')
    const ignoring = { ignoredParameters: ['page'] }
    assert.deepEqual(await cache.recreateKeys(ignoring), {
      ...{ moved: 2, kept: 0, superseded: 0, unreadable: 0 },
    })
    assert.equal(await ask(ignoring, 2), 'the end 2 2')
  })

  test('uses the rules of its interceptor, and refuses nonsense', async (t) => {
    const { caching } = cachedAgent(t, { ignoredParameters: ['page'] })
    const { cache } = caching
    assert.equal((await cache.recreateKeys()).moved, 0)
    const wrong = { ignoredParameter: ['x'] } as object
    await assert.rejects(cache.recreateKeys(wrong), /did you mean 'ignoredParameters'/)
    await assert.rejects(cache.recreateKeys({ identity: 'alone' as 'shared' }), /'isolated'/)
  })

  test('ends when it is told to', async (t) => {
    const { caching, agent } = cachedAgent(t)
    const origin = await startOrigin(t, (_, response) => response.end('x'))
    for (const n of [1, 2, 3]) await request(`${origin.url}/?page=${n}`, { dispatcher: agent })
    const stop = new AbortController()
    const recreating = caching.cache.recreateKeys({
      matchHeaders: ['accept'],
      signal: stop.signal,
      onProgress: ({ moved }) => moved === 2 && stop.abort(new Error('enough')),
    })
    await assert.rejects(recreating, /enough/)
    assert.equal(await caching.cache.size(), 3)
    const { moved, kept } = await caching.cache.recreateKeys({ matchHeaders: ['accept'] })
    assert.deepEqual([moved, kept], [1, 2])
  })
})
