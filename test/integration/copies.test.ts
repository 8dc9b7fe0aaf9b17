import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { fetch } from 'undici'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { CopyProgress } from '../../lib/upkeep/copy.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { copiedEntries, startSite } from './copied-site.ts'
import { startOrigin } from './origin.ts'

describe('update() keeps everything', () => {
  for (const from of embedded) {
    test(`from ${from} to every embedded backend`, async (t) => {
      const site = await startSite(t)
      const source = openCache(from, temporaryFolder(t))
      const seen = await site.fill(source)
      for (const to of embedded) {
        const target = openCache(to, temporaryFolder(t))
        const all = copiedEntries
        assert.deepEqual(await target.update(source), { copied: all, skipped: 0, unreadable: 0 })
        await site.check(target, seen)
        assert.deepEqual(await target.update(source), { copied: 0, skipped: all, unreadable: 0 })
        await target.close()
      }
      await source.close()
    })
  }
})

/** A cache that has fetched these paths; what the origin answers grows with each request. */
async function filled(t: TestContext, paths: readonly string[], language = 'de'): Promise<Filled> {
  const origin = await startOrigin(t, ({ path, headers }, response, nth) => {
    if (path === '/varies') response.setHeader('vary', 'accept-language')
    response.end(`${path} ${headers['accept-language']} ${nth}`)
  })
  const open = (): Filled => {
    const { caching, agent } = cachedAgent(t)
    const get = async (path: string, accepted = language): Promise<string> => {
      const headers = { 'accept-language': accepted }
      const response = await fetch(origin.url + path, { dispatcher: agent, headers })
      const text = await response.text()
      return getCacheInfo(response)?.hit === true ? text : `asked for ${text}`
    }
    return { cache: caching.cache, get, another: open }
  }
  const first = open()
  for (const path of paths) await first.get(path)
  return first
}

interface Filled {
  readonly cache: BaseCache
  /** The body of a hit; "asked for" it where the origin was asked. */
  readonly get: (path: string, language?: string) => Promise<string>
  /** An empty one, for the same origin. */
  readonly another: () => Filled
}

describe('update()', () => {
  test('replaces what differs, unless it is told not to', async (t) => {
    const source = await filled(t, ['/a', '/b'])
    for (const [overwrite, expected] of [
      [false, '/a de 2'],
      [true, '/a de 1'],
    ] as const) {
      const target = source.another()
      if (!overwrite) await target.get('/a')
      else await target.cache.update(source.cache, { filter: () => false })
      const { copied } = await target.cache.update(source.cache, { overwrite })
      assert.equal(copied, overwrite ? 2 : 1)
      assert.equal(await target.get('/a'), expected)
      assert.equal(await target.get('/b'), '/b de 1')
    }
    const target = source.another()
    await target.get('/a')
    assert.equal((await target.cache.update(source.cache)).copied, 2)
    assert.equal(await target.get('/a'), '/a de 1')
  })

  test('brings variants together, whichever came first', async (t) => {
    const source = await filled(t, ['/varies'], 'de')
    await source.get('/varies', 'en')
    const target = source.another()
    await target.get('/varies', 'fr')
    await target.get('/varies', 'en')
    assert.equal((await target.cache.update(source.cache, { overwrite: false })).copied, 1)
    for (const [language, nth] of [
      ['de', 1],
      ['en', 4],
      ['fr', 3],
    ] as const) {
      assert.equal(await target.get('/varies', language), `/varies ${language} ${nth}`)
    }
    assert.equal((await target.cache.update(source.cache)).copied, 1)
    assert.equal(await target.get('/varies', 'en'), '/varies en 2')
    assert.equal(await target.get('/varies', 'fr'), '/varies fr 3')
  })

  test('copies what the filter wants, which may read the body', async (t) => {
    const source = await filled(t, ['/a', '/b', '/c'])
    const target = source.another()
    const result = await target.cache.update(source.cache, {
      filter: async (response) => String(await response.body()).startsWith('/b'),
    })
    assert.deepEqual(result, { copied: 1, skipped: 2, unreadable: 0 })
    assert.match(await target.get('/a'), /asked/)
    assert.equal(await target.get('/b'), '/b de 1')
  })

  test('goes on where it was interrupted, and tells how far it is', async (t) => {
    const paths = Array.from({ length: 50 }, (_, n) => `/${n}`)
    const source = await filled(t, paths)
    const target = source.another()
    const abort = new AbortController()
    const heard: CopyProgress[] = []
    const interrupted = target.cache.update(source.cache, {
      signal: abort.signal,
      onProgress: (progress) => {
        heard.push(progress)
        if (heard.length === 20) abort.abort(new Error('that is enough'))
      },
    })
    await assert.rejects(interrupted, /that is enough/)
    const size = await target.cache.size()
    assert.ok(size >= 20 && size < 50, String(size))
    assert.deepEqual(heard[9], { copied: 10, skipped: 0, unreadable: 0, total: 50 })
    const rest = await target.cache.update(source.cache)
    assert.deepEqual(rest, { copied: 50 - size, skipped: size, unreadable: 0 })
    for (const path of paths) assert.equal(await target.get(path), `${path} de 1`)
  })

  test('counts what cannot be read, tells of it and copies the rest', async (t) => {
    const source = await filled(t, ['/a', '/b', '/long'])
    const { responses } = source.cache
    const [broken] = await Array.fromAsync(responses.keys())
    const record = await responses.get(broken!)
    await responses.set(broken!, { ...record!, body: Buffer.from('too short') })
    await responses.set('nonsense', { head: '{"version":1}', body: Buffer.alloc(0) })
    const target = source.another()
    const told: string[] = []
    const result = await target.cache.update(source.cache, {
      onError: ({ code }, key) => told.push(`${code} ${key}`),
    })
    assert.deepEqual(result, { copied: 2, skipped: 0, unreadable: 2 })
    assert.deepEqual(
      told.toSorted(),
      [`ERR_CACHE_ENTRY_CORRUPT ${broken}`, 'ERR_CACHE_ENTRY_CORRUPT nonsense'].toSorted(),
    )
    assert.equal(await target.cache.size(), 2)
  })

  test('leaves out what is of no use any more', async (t) => {
    const source = await filled(t, ['/a'])
    const { responses } = source.cache
    const [[key, record] = []] = await Array.fromAsync(responses)
    await responses.set(key!, { ...record!, expiresAt: Date.now() - 1 })
    const target = source.another()
    assert.deepEqual(await target.cache.update(source.cache), {
      copied: 0,
      skipped: 1,
      unreadable: 0,
    })
  })

  test('ends with the error of a storage that fails', async (t) => {
    const source = await filled(t, ['/a'])
    const target = source.another()
    t.mock.method(target.cache.responses, 'adopt', () => {
      throw new Error('disk full')
    })
    await assert.rejects(target.cache.update(source.cache), /disk full/)
  })

  test('refuses what it does not understand', async () => {
    const cache = new BaseCache()
    const uses: [() => Promise<unknown>, RegExp][] = [
      [() => cache.update({} as BaseCache), /'source' must be a cache/],
      [() => cache.update(cache, { overwrit: true } as object), /did you mean 'overwrite'/],
      [() => cache.update(cache, { signal: 1 } as object), /'signal' must be an AbortSignal/],
    ]
    for (const [use, message] of uses) await assert.rejects(use, { name: 'TypeError', message })
  })
})
