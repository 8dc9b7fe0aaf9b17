/** Which requests share a response: the options of matching, with a real origin. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { fetch, request, type Dispatcher } from 'undici'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, type CachedAgent } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'

type Headers = Record<string, string>

interface Question {
  readonly path?: string
  readonly method?: string
  readonly headers?: Headers
  readonly body?: string
}

const clients = {
  async fetch(agent: Dispatcher, url: string, { path = '/', ...init }: Question) {
    const response = await fetch(url + path, { ...init, dispatcher: agent })
    return { text: await response.text(), info: getCacheInfo(response)! }
  },
  async request(agent: Dispatcher, url: string, { path = '/', method = 'GET', ...more }: Question) {
    const options = { ...more, method, dispatcher: agent }
    const response = await request(url + path, options)
    return { text: await response.body.text(), info: getCacheInfo(response)! }
  },
}

interface Setting extends CachedAgent {
  readonly origin: Origin
  /** The text of the answer: the how many-th question to the origin it was. */
  readonly ask: (question: Question) => Promise<string>
}

async function setUp(
  t: TestContext,
  options: CacheOptions,
  client: keyof typeof clients = 'fetch',
): Promise<Setting> {
  const origin = await startOrigin(t, (_, response) => response.end(`${origin.requests.length}`))
  const cached = cachedAgent(t, options)
  const ask = async (question: Question): Promise<string> =>
    (await clients[client](cached.agent, origin.url, question)).text
  return { ...cached, origin, ask }
}

const json = { 'content-type': 'application/json' }
const posts = { allowableMethods: ['GET', 'POST'] }

// The examples of requests-cache, user guide, "Request Matching".
describe('as requests-cache documents it', () => {
  for (const client of Object.keys(clients) as (keyof typeof clients)[]) {
    test(`match_headers=True, ${client}`, async (t) => {
      const { ask } = await setUp(t, { matchHeaders: true }, client)
      const plain = { path: '/headers', headers: { Accept: 'text/plain' } }
      const other = { path: '/headers', headers: { Accept: 'application/json' } }
      assert.deepEqual([await ask(plain), await ask(other)], ['1', '2'])
      assert.deepEqual([await ask(plain), await ask(other)], ['1', '2'])
    })

    test(`match_headers=['Accept', 'Accept-Language'], ${client}`, async (t) => {
      const { ask } = await setUp(t, { matchHeaders: ['Accept', 'Accept-Language'] }, client)
      const asked: Headers[] = [
        { Accept: 'a/b' },
        { Accept: 'a/c' },
        { 'Accept-Language': 'de' },
        { 'X-Other': '1' },
      ]
      for (const _ of [1, 2]) {
        for (const [index, headers] of asked.entries()) {
          assert.equal(await ask({ headers }), `${index + 1}`)
        }
      }
      assert.equal(await ask({ headers: { 'X-Other': '2' } }), '4')
    })

    test(`ignored_parameters=['auth-token'], ${client}`, async (t) => {
      const { ask } = await setUp(t, { ignoredParameters: ['auth-token'] }, client)
      assert.equal(await ask({ path: '/get?auth-token=2F63E5DF4F44' }), '1')
      assert.equal(await ask({ path: '/get?auth-token=D9FAEB3449D3' }), '1')
    })

    test(`ignored_parameters in a JSON body, ${client}`, async (t) => {
      const { ask } = await setUp(t, { ...posts, ignoredParameters: ['auth-token'] }, client)
      for (const token of ['2F63E5DF4F44', 'D9FAEB3449D3']) {
        const body = JSON.stringify({ 'auth-token': token })
        assert.equal(await ask({ path: '/post', method: 'POST', headers: json, body }), '1')
      }
    })

    test(`ignored_parameters in header fields, with match_headers=True, ${client}`, async (t) => {
      const options = { ignoredParameters: ['auth-token'], matchHeaders: true }
      const { ask } = await setUp(t, options, client)
      assert.equal(await ask({ headers: { 'auth-token': '2F63E5DF4F44' } }), '1')
      assert.equal(await ask({ headers: { 'auth-token': 'D9FAEB3449D3' } }), '1')
      assert.equal(await ask({ headers: { other: '1' } }), '2')
    })
  }

  test("ignored_parameters=['foo']: with it, without it, with another", async (t) => {
    const { agent, origin } = await setUp(t, { ignoredParameters: ['foo'] })
    const infos = []
    for (const path of ['/', '/?foo=bar', '/?foo=qux']) {
      infos.push((await clients.fetch(agent, origin.url, { path })).info)
    }
    assert.deepEqual(
      infos.map(({ hit }) => hit),
      [false, true, true],
    )
    assert.equal(new Set(infos.map(({ key }) => key)).size, 1)
  })

  test('key_fn=create_key', async (t) => {
    // All of example.com/items/… in one.
    const keyFn: CacheOptions['keyFn'] = ({ url }) =>
      new URL(url).pathname.startsWith('/items/') ? 'items' : undefined
    const { ask, caching } = await setUp(t, { keyFn })
    assert.deepEqual(
      [await ask({ path: '/items/1' }), await ask({ path: '/items/2?x' })],
      ['1', '1'],
    )
    assert.deepEqual([await ask({ path: '/1' }), await ask({ path: '/2' })], ['2', '3'])
    assert.equal(await caching.cache.size(), 3)
  })
})

describe('what the origin gets', () => {
  const secret = 'D9FAEB3449D3'
  const options = {
    ...posts,
    ignoredParameters: ['Token', 'user.id', 'x-session'],
    keptParameters: ['b', 'a'],
    matchHeaders: true,
    graphql: true,
  }
  for (const client of Object.keys(clients) as (keyof typeof clients)[]) {
    test(`is what was asked, ${client}`, async (t) => {
      const { ask, origin } = await setUp(t, options, client)
      const path = `/x?utm=1&b=%7e&token=${secret}&&a=+`
      const body = `{ "user": {"id": "${secret}"},\n "token" : 1.0, "a":[ ] }`
      await ask({ path, method: 'POST', headers: { ...json, 'X-Session': secret }, body })
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      await ask({ path, method: 'POST', headers: form, body: `token=${secret}&b=%7e&a=+` })
      await ask({ path: '/graphql?query={%20a%20}&variables={}' })
      const [first, second, third] = origin.requests
      assert.deepEqual([first!.path, first!.body], [path, body])
      assert.equal(first!.headers['x-session'], secret)
      assert.deepEqual([second!.path, second!.body], [path, `token=${secret}&b=%7e&a=+`])
      assert.equal(third!.path, '/graphql?query={%20a%20}&variables={}')
    })
  }

  test('the URL that was asked for is given back', async (t) => {
    const { agent, origin } = await setUp(t, options)
    for (const query of ['?b=2&token=one&a=x%20y&e=', '?b=2&token=two&a=x%20y&e=']) {
      const response = await fetch(origin.url + query, { dispatcher: agent })
      assert.equal(response.url, `${origin.url}/${query}`)
      await response.text()
    }
    assert.equal(origin.requests.length, 1)
  })
})

describe('keptParameters', () => {
  test('are all that counts', async (t) => {
    const { ask } = await setUp(t, { keptParameters: ['id'] })
    const paths = ['/?id=1&utm_source=a', '/?utm_source=b&id=1', '/?id=1', '/?id=2']
    const answers = []
    for (const path of paths) answers.push(await ask({ path }))
    assert.deepEqual(answers, ['1', '1', '1', '2'])
  })
})

describe('identity', () => {
  const anna = { authorization: 'Bearer anna-1' }
  const bert = { authorization: 'Bearer bert-1' }

  test("'shared': whoever asks", async (t) => {
    const { ask } = await setUp(t, { identity: 'shared' })
    const answers = [await ask({ headers: anna }), await ask({ headers: bert }), await ask({})]
    assert.deepEqual(answers, ['1', '1', '1'])
  })

  test('a function: a token that changes is the same user', async (t) => {
    const { ask } = await setUp(t, {
      identity: ({ headers }) => headers['authorization']?.replace(/-\d$/, ''),
    })
    const again = { authorization: 'Bearer anna-2' }
    assert.deepEqual([await ask({ headers: anna }), await ask({ headers: again })], ['1', '1'])
    assert.deepEqual([await ask({ headers: bert }), await ask({})], ['2', '3'])
  })

  test('what is stored for all does not answer a cache that tells users apart', async (t) => {
    const { ask, origin, caching } = await setUp(t, { identity: 'shared' })
    await ask({ headers: anna })
    const careful = cachedAgent(t, { backend: caching.cache })
    const answer = await clients.fetch(careful.agent, origin.url, {})
    assert.equal(answer.text, '2')
  })

  test('a credential that is ignored is no obstacle, others are', async (t) => {
    const { ask, origin, caching } = await setUp(t, { ignoredParameters: ['Authorization'] })
    assert.deepEqual([await ask({ headers: anna }), await ask({ headers: bert })], ['1', '1'])
    assert.equal(await ask({ headers: { ...anna, cookie: 'a=1' } }), '2')
    const careful = cachedAgent(t, { backend: caching.cache })
    assert.equal((await clients.fetch(careful.agent, origin.url, {})).text, '3')
  })

  test('what Vary names still selects', async (t) => {
    const origin = await startOrigin(t, (_, response) =>
      response.writeHead(200, { vary: 'authorization' }).end(`${origin.requests.length}`),
    )
    const { agent } = cachedAgent(t, { identity: 'shared' })
    const answers = []
    for (const headers of [anna, bert, anna, bert]) {
      answers.push((await clients.fetch(agent, origin.url, { headers })).text)
    }
    assert.deepEqual(answers, ['1', '2', '1', '2'])
  })
})

describe('a function of the caller that fails', () => {
  for (const option of ['keyFn', 'identity'] as const) {
    for (const client of Object.keys(clients) as (keyof typeof clients)[]) {
      test(`${option}: the request goes uncached, and that is reported, ${client}`, async (t) => {
        const errors: { code: string; cause?: unknown }[] = []
        const failure = new Error('on purpose')
        const fails = (): never => {
          throw failure
        }
        const { agent, origin } = await setUp(t, {
          ...posts,
          [option]: fails,
          onError: (error) => errors.push(error),
        })
        for (const question of [{}, { method: 'POST', body: 'x' }]) {
          errors.length = 0
          const before = origin.requests.length
          const { text, info } = await clients[client](agent, origin.url, question)
          assert.equal(text, `${before + 1}`)
          assert.deepEqual([info.stored, info.reason], [false, 'callback-failed'])
          assert.equal(origin.requests.at(-1)!.body, question.body ?? '')
          assert.deepEqual(
            errors.map(({ code, cause }) => [code, cause]),
            [['ERR_CACHE_CALLBACK_FAILED', failure]],
          )
        }
      })
    }
  }
})

describe('options of a call', () => {
  test('win over those of the interceptor', async (t) => {
    const { ask, caching } = await setUp(t, { ignoredParameters: ['a'] })
    assert.deepEqual([await ask({ path: '/?a=1' }), await ask({ path: '/?a=2' })], ['1', '1'])
    const inside = await caching.with({ ignoredParameters: ['b'] }, async () => [
      await ask({ path: '/?a=1&b=1' }),
      await ask({ path: '/?a=1&b=2' }),
      await ask({ path: '/?a=2&b=2' }),
    ])
    assert.deepEqual(inside, ['2', '2', '3'])
    const lang = (text: string): Question => ({ headers: { 'x-lang': text } })
    const matched = await caching.with({ matchHeaders: ['x-lang'] }, async () => [
      await ask(lang('de')),
      await ask(lang('en')),
      await ask(lang('de')),
    ])
    assert.deepEqual(matched, ['4', '5', '4'])
    assert.equal(await ask({ path: '/?a=3' }), '1')
  })

  test('that contradict are refused', async (t) => {
    const { caching } = await setUp(t, { matchHeaders: ['x-lang'] })
    assert.throws(() => caching.with({ ignoredParameters: ['X-Lang'] }, () => {}), {
      name: 'TypeError',
      code: 'ERR_CACHE_OPTION_INVALID',
    })
  })
})

describe('a request that is named', () => {
  const options: CacheOptions = {
    ...posts,
    ignoredParameters: ['token', 'user.session.id'],
    matchHeaders: ['accept'],
    keptParameters: ['q'],
    identity: ({ headers }) => headers['x-user'],
  }
  const headers = { accept: 'a/b', 'x-user': 'anna', cookie: 'a=1' }

  test('is found under the rules of the first interceptor on the cache', async (t) => {
    const { ask, origin, caching } = await setUp(t, options)
    const { cache } = caching
    await ask({ path: '/?q=1&token=1&utm=2', headers })
    const url = `${origin.url}/?token=2&q=1`
    assert.equal(await cache.has({ url, headers: { Accept: 'a/b', 'X-User': 'anna' } }), true)
    assert.equal(await cache.has({ url, headers: { ...headers, accept: 'a/c' } }), false)
    assert.equal(await cache.has({ url, headers: { ...headers, 'x-user': 'bert' } }), false)
    // Another one changes nothing about that.
    const later = cachedAgent(t, { backend: cache })
    assert.equal(await cache.has({ url, headers }), true)
    assert.equal(cache.createKey({ url, headers }), caching.createKey({ url, headers }))
    assert.notEqual(cache.createKey({ url, headers }), later.caching.createKey({ url, headers }))
    assert.equal(await cache.delete({ url, headers }), true)
    assert.equal(await cache.size(), 0)
  })

  test('with its body', async (t) => {
    const { agent, origin, caching } = await setUp(t, options)
    const body = JSON.stringify({ token: 's1', user: { session: { id: 's2' }, n: 1 } })
    const question = { method: 'POST', headers: { ...headers, ...json }, body }
    const { info } = await clients.fetch(agent, origin.url, question)
    const target = { url: origin.url, headers, body: { user: { n: 1, session: {} } } }
    assert.equal(caching.createKey(target), info.key)
    assert.equal(await caching.cache.has(target), true)
    assert.equal(await caching.cache.has({ ...target, body: { user: {} } }), false)
    assert.equal(await caching.cache.delete(target), true)
  })

  test('with its body, where a redirect takes it along', async (t) => {
    const origin = await startOrigin(t, ({ path, body }, response) => {
      if (path !== '/old') return response.end(body)
      return response.writeHead(307, { location: '/new' }).end()
    })
    const { agent, caching } = cachedAgent(t, posts)
    const question = { path: '/old', method: 'POST', headers: json, body: '{"a":1}' }
    await clients.fetch(agent, origin.url, question)
    const history = await caching.cache.history({ url: `${origin.url}/old`, body: { a: 1 } })
    assert.deepEqual(
      history.map(({ status }) => status),
      [307, 200],
    )
    assert.deepEqual(await caching.cache.history({ url: `${origin.url}/old`, body: { a: 2 } }), [])
  })

  test('with the key of its call', async (t) => {
    const { ask, origin, caching } = await setUp(t, {})
    await caching.with({ key: 'mine' }, () => ask({}))
    const target = { url: origin.url, key: 'mine' }
    assert.equal(await caching.cache.has(target), true)
    assert.equal(await caching.cache.has(origin.url), false)
    const inside = caching.with({ key: 'mine' }, () => caching.createKey(origin.url))
    assert.equal(inside, caching.createKey(target))
  })

  test('by any parameter that is ignored, its chain of redirects', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      if (!path.startsWith('/old')) return response.end('new')
      return response.writeHead(302, { location: path.replace('old', 'new') }).end()
    })
    const { agent, caching } = cachedAgent(t, { ignoredParameters: ['token'] })
    await clients.fetch(agent, origin.url, { path: '/old?token=one' })
    const history = await caching.cache.history(`${origin.url}/old?token=two`)
    assert.deepEqual(
      history.map(({ url, status }) => [url, status]),
      [
        [`${origin.url}/old?token=two`, 302],
        [`${origin.url}/new?token=two`, 200],
      ],
    )
    assert.equal(await caching.cache.delete(`${origin.url}/old`), true)
    assert.equal(await caching.cache.size(), 0)
  })
})
