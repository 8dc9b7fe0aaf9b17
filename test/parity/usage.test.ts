/** The examples of requests-cache's user guide, line by line: General, Filtering, Inspection, Advanced. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fetch as fetchBy, getGlobalDispatcher, request } from 'undici'
import {
  BaseCache,
  DO_NOT_CACHE,
  getCacheInfo,
  installCache,
  NEVER_EXPIRE,
  uninstallCache,
} from '../../lib/index.ts'
import { setUp } from '../coming-from-requests-cache/desk.ts'
import { secondsOf } from '../integration/ask.ts'

const memory = { backend: 'memory' } as const

describe('General usage', () => {
  test('sessions', async (t) => {
    const { caching, cache, ask, request: by } = await setUp(t)
    assert.equal((await ask('/get')).text, '1')
    assert.equal((await by('/get', {}, { method: 'GET' })).info?.hit, true)
    await by('/get', {}, { method: 'HEAD' })
    assert.equal((await by('/get', {}, { method: 'HEAD' })).info?.hit, true)
    assert.equal((await caching.with({ disabled: true }, () => ask('/get'))).text, '3')
    await cache.clear()
    assert.equal((await ask('/get')).text, '4')
  })

  test('patching', async (t) => {
    const { url } = await setUp(t)
    const before = getGlobalDispatcher()
    const get = async (): Promise<string> => (await fetch(url('/get'))).text()
    const caching = installCache({
      ...memory,
      expireAfter: 360,
      allowableMethods: ['GET', 'POST'],
    })
    assert.deepEqual([await get(), await get()], ['1', '1'])
    // Whatever uses the global dispatcher, as every session there does.
    assert.equal(await (await request(url('/get'))).body.text(), '1')
    assert.equal(await caching.with({ disabled: true }, get), '2')
    assert.equal(await get(), '1')
    await caching.clear()
    assert.equal(await get(), '3')
    await uninstallCache()
    assert.equal(getGlobalDispatcher(), before)
    assert.deepEqual([await get(), await get()], ['4', '5'])
  })

  test('settings', async (t) => {
    const { caching, ask } = await setUp(t)
    await caching.with({ expireAfter: 360, staleIfError: true }, async () => {
      assert.equal(secondsOf(await ask('/')), 360)
    })
  })
})

describe('Cache filtering', () => {
  test('by HTTP methods', async (t) => {
    const { ask } = await setUp(t, { allowableMethods: ['GET', 'POST'] })
    const headers = { 'content-type': 'application/json' }
    const post = { method: 'POST', headers, body: JSON.stringify({ param: 'value' }) }
    assert.equal((await ask('/post', {}, post)).info?.hit, false)
    assert.equal((await ask('/post', {}, post)).info?.hit, true)
  })

  test('by status codes', async (t) => {
    const { hits } = await setUp(t, { allowableCodes: [200, 418] })
    assert.deepEqual(await hits('/418', '/418', '/404', '/404'), [false, true, false, false])
  })

  test('by URLs', async (t) => {
    const { origin } = await setUp(t)
    const { host } = new URL(origin.url)
    const listed = { '*.site_1.com': 30, [`${host}/static`]: NEVER_EXPIRE }
    for (const options of [
      { urlsExpireAfter: { ...listed, '*': DO_NOT_CACHE } },
      { urlsExpireAfter: listed, expireAfter: 0 },
    ]) {
      const { ask } = await setUp(t, options, origin)
      assert.equal(secondsOf(await ask('/static/a.css')), Infinity)
      assert.equal((await ask('/other')).info?.stored, false)
    }
  })

  test('by a function: no more than so many bytes', async (t) => {
    for (const [most, stored] of [
      [1024 * 1024, true],
      [0, false],
    ] as const) {
      const { ask } = await setUp(t, {
        filter: (_, { headers }) => Number(headers['content-length']) <= most,
      })
      assert.equal((await ask('/')).info?.stored, stored)
      // Whether the response tells its length or not.
      const { hits } = await setUp(t, { maxBodyBytes: most })
      assert.deepEqual(await hits('/', '/'), [false, stored])
    }
  })

  test('read-only', async (t) => {
    const backend = new BaseCache()
    const { ask, origin } = await setUp(t, { backend })
    await ask('/get')
    const { hits, cache, url } = await setUp(t, { backend, readOnly: true }, origin)
    assert.deepEqual(await hits('/get', '/json'), [true, false])
    assert.equal(await cache.has(url('/json')), false)
    assert.deepEqual(await hits('/json'), [false])
  })
})

describe('Cache inspection', () => {
  test('response details', async (t) => {
    const { agent: dispatcher, url } = await setUp(t, { expireAfter: '1d' })
    const facts = []
    for (let round = 0; round < 2; round++) {
      const response = await fetchBy(url('/get'), { dispatcher })
      await response.text()
      const { hit, storedAt, expiresAt, stale } = getCacheInfo(response)!
      facts.push([hit, expiresAt! - storedAt!, stale])
    }
    assert.deepEqual(facts, [
      [false, 86_400_000, false],
      [true, 86_400_000, false],
    ])
  })

  test('contains, by request and by key', async (t) => {
    const { cache, caching, ask, url } = await setUp(t)
    await ask('/get?k=v')
    assert.equal(await cache.has({ method: 'GET', url: url('/get?k=v') }), true)
    const keys = [caching.createKey(url('/get?k=v'))]
    assert.equal((await Array.fromAsync(cache.filter({ keys }))).length, 1)
  })

  test('filter', async (t) => {
    const { cache, ask, url } = await setUp(t)
    await ask('/fresh')
    await ask('/tag', { expireAfter: new Date(0) })
    assert.equal((await Array.fromAsync(cache.filter())).length, 2)
    const [fresh] = await Array.fromAsync(cache.filter({ expired: false }))
    assert.equal(fresh?.url, url('/fresh'))
    const expired = await Array.fromAsync(cache.filter({ expired: true }))
    assert.deepEqual(
      expired.map(({ key }) => key),
      [cache.createKey(url('/tag'))],
    )
  })

  test('URLs, and those of one method', async (t) => {
    const { cache, ask, url } = await setUp(t, { allowableMethods: ['GET', 'POST'] })
    await ask('/get')
    await ask('/post', {}, { method: 'POST', body: 'x' })
    const urls = await Array.fromAsync(cache.urls())
    assert.deepEqual(urls.toSorted(), [url('/get'), url('/post')])
    const filter = ({ method }: { method: string }): boolean => method === 'POST'
    assert.deepEqual(await Array.fromAsync(cache.urls({ filter })), [url('/post')])
  })
})

describe('Advanced requests', () => {
  test('a hook that throttles what does not come from the cache', async (t) => {
    const { agent, url } = await setUp(t)
    let throttled = 0
    const dispatcher = agent.compose((dispatch) => (options, handler) => {
      const original = handler.onResponseStart?.bind(handler)
      handler.onResponseStart = (controller, status, headers, message) => {
        if (getCacheInfo({ headers })?.hit !== true) throttled++
        original?.(controller, status, headers, message)
      }
      return dispatch(options, handler)
    })
    for (let round = 0; round < 3; round++) {
      await (await request(url('/get'), { dispatcher })).body.text()
    }
    assert.equal(throttled, 1)
  })

  test('streaming: the same code for what is cached and what is not', async (t) => {
    const { agent: dispatcher, url } = await setUp(t)
    for (let round = 0; round < 2; round++) {
      const { body } = await request(url('/stream'), { dispatcher })
      let text = ''
      for await (const chunk of body) text += String(chunk)
      assert.equal(text, '1')
    }
  })
})
