import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { request } from 'undici'
import type { CacheError } from '../../lib/errors.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { DO_NOT_CACHE, EXPIRE_IMMEDIATELY, NEVER_EXPIRE } from '../../lib/policy/lifetime.ts'
import { secondsOf, viaFetch, viaRequest, type Got } from './ask.ts'
import { cachedAgent } from './caches.ts'
import { answerByPath, startOrigin, type Answer } from './origin.ts'

const count: Answer = (_, response, nth) => response.end(String(nth))

describe('expireAfter', () => {
  const date = new Date(2040, 0)
  const cases: [CacheOptions['expireAfter'], expiresAt: number | undefined][] = [
    [NEVER_EXPIRE, undefined],
    [undefined, undefined],
    [date, date.getTime()],
    [date.toUTCString(), date.getTime()],
    ['Sunday, 01-Jan-40 00:00:00 GMT', Date.UTC(2040, 0)],
  ]
  for (const [expireAfter, expiresAt] of cases) {
    test(`${String(expireAfter)}, for all and for one call`, async (t) => {
      const origin = await startOrigin(t, count)
      const forAll = await viaFetch(cachedAgent(t, { expireAfter }), origin.url)
      const forOne = await viaFetch(cachedAgent(t), origin.url, { expireAfter })
      for (const { info } of [forAll, forOne]) {
        assert.deepEqual([info?.stored, info?.expiresAt], [true, expiresAt])
      }
    })
  }

  test('immediately: without a validator it is not stored', async (t) => {
    const origin = await startOrigin(t, count)
    const cached = cachedAgent(t, { expireAfter: EXPIRE_IMMEDIATELY })
    const { info } = await viaFetch(cached, origin.url)
    assert.deepEqual([info?.stored, info?.reason], [false, 'expires-immediately'])
  })

  test('do-not-cache: neither looked up nor stored', async (t) => {
    const origin = await startOrigin(t, count)
    const cached = cachedAgent(t)
    const call = { expireAfter: DO_NOT_CACHE }
    const first = await viaRequest(cached, origin.url, call)
    assert.deepEqual([first.info?.stored, first.info?.reason], [false, 'do-not-cache'])
    assert.match(first.cacheStatus, /^undici-cache; fwd=bypass; detail=do-not-cache$/)
    assert.equal(await cached.caching.cache.size(), 0)
    await viaRequest(cached, origin.url)
    assert.equal((await viaFetch(cached, origin.url, call)).text, '3')
    assert.equal((await viaFetch(cached, origin.url)).text, '2')
  })

  test('do-not-cache for all, but not for one call', async (t) => {
    const origin = await startOrigin(t, count)
    const cached = cachedAgent(t, { expireAfter: DO_NOT_CACHE })
    const ask = async (call = {}): Promise<string> =>
      (await viaFetch(cached, origin.url, call)).text
    assert.deepEqual([await ask(), await ask({ expireAfter: '1h' })], ['1', '2'])
    assert.deepEqual([await ask({ expireAfter: '1h' }), await ask()], ['2', '3'])
  })
})

describe('codesExpireAfter', () => {
  test('failures are stored for a while, others not at all', async (t) => {
    const origin = await startOrigin(t, answerByPath)
    const cached = cachedAgent(t, {
      expireAfter: '1h',
      codesExpireAfter: {
        404: 10,
        '4xx': (_, { status }) => (status === 410 ? 20 : undefined),
        '5xx': 30,
        503: DO_NOT_CACHE,
        200: 40,
      },
    })
    const seconds: Record<string, number | undefined> = {
      '/404': 10,
      '/410': 20,
      '/403': undefined,
      '/500': 30,
      '/599': 30,
      '/503': undefined,
      '/200': 40,
      '/201': undefined,
    }
    for (const [path, expected] of Object.entries(seconds)) {
      assert.equal(secondsOf(await viaFetch(cached, origin.url + path)), expected, path)
      const { status, text, info } = await viaFetch(cached, origin.url + path)
      assert.equal(status, Number(path.slice(1)))
      assert.deepEqual([info?.hit, text], expected === undefined ? [false, '2'] : [true, '1'], path)
    }
    const reasons = await Promise.all(
      ['/403', '/503'].map((path) => viaRequest(cached, origin.url + path)),
    )
    assert.deepEqual(
      reasons.map(({ info }) => info?.reason),
      ['status', 'do-not-cache'],
    )
  })

  test('a call’s own lifetime counts, and what is stored stays a failure', async (t) => {
    const origin = await startOrigin(t, answerByPath)
    const cached = cachedAgent(t, { codesExpireAfter: { 404: 10 } })
    assert.equal(secondsOf(await viaFetch(cached, `${origin.url}/404`, { expireAfter: 5 })), 5)
    assert.equal(
      secondsOf(await viaFetch(cached, `${origin.url}/403`, { expireAfter: 5 })),
      undefined,
    )
  })
})

describe('filter', () => {
  test('decides besides all else, and is asked for nothing that is not stored', async (t) => {
    const origin = await startOrigin(t, (seen, response, nth) => {
      response.setHeader('x-size', seen.path.slice(1))
      if (seen.path === '/secret') response.setHeader('cache-control', 'no-store')
      answerByPath(seen, response, nth)
    })
    const asked: unknown[] = []
    const cached = cachedAgent(t, {
      filter(summary, { status, headers }) {
        asked.push([summary, status])
        Object.assign(headers, { 'x-size': 'spoilt' })
        return headers['x-size'] !== 'spoilt' || !summary.url.endsWith('/large')
      },
    })
    const reasons: unknown[] = []
    for (const path of ['/large', '/small', '/404', '/secret', '/small']) {
      const { info } = await viaRequest(cached, origin.url + path)
      reasons.push([info?.stored, info?.reason])
    }
    assert.deepEqual(reasons, [
      [false, 'filter'],
      [true, 'uri-miss'],
      [false, 'status'],
      [false, 'response-no-store'],
      [true, 'fresh'],
    ])
    const told = ['/large', '/small'].map((path) => [
      { method: 'GET', url: origin.url + path },
      200,
    ])
    assert.deepEqual(asked, told)
  })

  const mistakes: [how: string, filter: () => boolean][] = [
    [
      'throws',
      () => {
        throw new Error('mistake')
      },
    ],
    ['returns a promise', () => Promise.resolve(false) as unknown as boolean],
  ]
  for (const [how, filter] of mistakes) {
    test(`that ${how}: the response passes, unstored, and it is reported`, async (t) => {
      const origin = await startOrigin(t, count)
      const reported: CacheError[] = []
      const cached = cachedAgent(t, { filter, onError: (error) => reported.push(error) })
      for (const text of ['1', '2']) {
        const got = await viaFetch(cached, origin.url)
        assert.deepEqual([got.text, got.info?.reason], [text, 'callback-failed'])
      }
      assert.deepEqual(
        reported.map(({ code }) => code),
        ['ERR_CACHE_CALLBACK_FAILED', 'ERR_CACHE_CALLBACK_FAILED'],
      )
      assert.match(
        String(reported[0]!.cause),
        /mistake|filter must return a boolean, got a promise/,
      )
    })
  }
})

test('alwaysRevalidate: the origin is asked each time, but for one call', async (t) => {
  const origin = await startOrigin(t, ({ headers }, response) => {
    response.setHeader('etag', '"1"')
    if (headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else response.end('x')
  })
  const cached = cachedAgent(t, { alwaysRevalidate: true })
  const seen: unknown[] = []
  for (const call of [{}, {}, { refresh: false }, {}]) {
    const { text, info } = await viaFetch(cached, origin.url, call)
    seen.push([text, info?.revalidated, info?.reason])
  }
  const confirmed = ['x', true, 'request']
  assert.deepEqual(seen, [['x', false, 'uri-miss'], confirmed, ['x', false, 'fresh'], confirmed])
  assert.equal(origin.requests.length, 3)
})

test('after an answer for other fields: no validator goes along that belongs to another variant', async (t) => {
  const origin = await startOrigin(t, ({ headers }, response) => {
    response.setHeader('vary', 'accept-language').setHeader('etag', '"of all"')
    if (headers['if-none-match'] !== undefined) response.writeHead(304).end()
    else response.end(String(headers['accept-language']))
  })
  const cached = cachedAgent(t, { expireAfter: EXPIRE_IMMEDIATELY })
  const ask = (language: string, call = {}): Promise<Got> =>
    viaRequest(cached, origin.url, call, { headers: { 'accept-language': language } })
  assert.equal((await ask('de')).text, 'de')
  assert.equal((await ask('en', { onlyIfCached: true })).status, 504)
  assert.deepEqual(
    [(await ask('en')).text, (await ask('en')).text, (await ask('de')).text],
    ['en', 'en', 'de'],
  )
  const conditional = origin.requests.map(({ headers }) => headers['if-none-match'])
  assert.deepEqual(conditional, [undefined, undefined, '"of all"', '"of all"'])
})

test('undici’s own options pass', async (t) => {
  const origin = await startOrigin(t, count)
  const { agent } = cachedAgent(t, { urlsExpireAfter: { '*': '1h' } })
  const { body } = await request(origin.url, { dispatcher: agent, query: { a: 1 } })
  assert.equal(await body.text(), '1')
  assert.equal(origin.requests[0]!.path, '/?a=1')
})
