/** Who gets what of whom, by names that are known and names that the caller adds or takes away. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fetch, request, type Dispatcher } from 'undici'
import type { CacheEvent } from '../../lib/exchange/report.ts'
import { exportHar } from '../../lib/har/export-har.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'
import { storedBytes } from './stored-bytes.ts'

interface Question {
  readonly path?: string
  readonly headers?: Record<string, string>
}

const clients = {
  async fetch(dispatcher: Dispatcher, url: string, { path = '/', headers = {} }: Question) {
    return (await fetch(url + path, { headers, dispatcher })).text()
  },
  async request(dispatcher: Dispatcher, url: string, { path = '/', headers = {} }: Question) {
    return (await request(url + path, { headers, dispatcher })).body.text()
  },
}

interface Setting {
  readonly origin: Origin
  /** The answer is the number of the question to the origin. */
  readonly ask: (question: Question) => Promise<string>
}

async function setUp(
  t: TestContext,
  client: keyof typeof clients,
  options: CacheOptions = {},
): Promise<Setting> {
  const origin = await startOrigin(t, (_, response) => response.end(`${origin.requests.length}`))
  const { agent } = cachedAgent(t, options)
  return { origin, ask: (question) => clients[client](agent, origin.url, question) }
}

const oneOfEach = [
  'X-Authorization',
  'Cf-Access-Jwt-Assertion',
  'DPoP',
  'X-ClickHouse-Key',
  'X-Honeycomb-Team',
  'X-Session',
  'X-MS-CLIENT-PRINCIPAL-ID',
  'X-Forwarded-User',
  'X_REMOTE_USER',
  'X-SSL-Client-Cert',
  'Xero-tenant-id',
  'Stripe-Account',
  'Sudo',
  'X-Act-As',
]

for (const client of Object.keys(clients) as (keyof typeof clients)[]) {
  describe(client, () => {
    for (const name of oneOfEach) {
      test(`${name} tells users apart`, async (t) => {
        const { ask, origin } = await setUp(t, client)
        const anna = await ask({ headers: { [name]: 'anna' } })
        const bert = await ask({ headers: { [name.toLowerCase()]: 'bert' } })
        const nobody = await ask({})
        assert.equal(new Set([anna, bert, nobody]).size, 3)
        assert.equal(await ask({ headers: { [name.toUpperCase()]: 'anna' } }), anna)
        assert.equal(origin.requests.length, 3)
      })
    }

    test('what is new in each request costs no hits', async (t) => {
      const { ask, origin } = await setUp(t, client)
      for (const nth of ['1', '2', '3']) {
        const headers = {
          'X-Request-Id': nth,
          'X-CSRF-Token': nth,
          traceparent: nth,
          'Idempotency-Key': nth,
          'X-Forwarded-For': nth,
          'Stripe-Version': nth,
          'X-Nonce': nth,
        }
        assert.equal(await ask({ headers }), '1')
      }
      assert.equal(origin.requests.length, 1)
    })

    test('isolate: names that are known to the caller alone', async (t) => {
      const { ask, origin } = await setUp(t, client, { isolate: ['x-seat', 'Place*'] })
      const questions: Question[] = [
        { headers: { 'X-Seat': '1' } },
        { headers: { 'X-Seat': '2' } },
        { path: '/?place_of=1' },
        { path: '/?place_of=2' },
        {},
      ]
      for (const expected of ['1', '2', '3', '4', '5'].map(String)) {
        assert.equal(await ask(questions[Number(expected) - 1]!), expected)
      }
      assert.equal(await ask(questions[0]!), '1')
      assert.equal(await ask({ headers: { 'x-seat': '2' } }), '2')
      assert.equal(origin.requests.length, 5)
    })

    test('share: names that tell nobody apart', async (t) => {
      const { ask, origin } = await setUp(t, client, { share: ['X-Api-Key', 'sig*'] })
      for (const nth of ['one', 'two', 'three']) {
        const headers = { 'x-api-key': nth, Signature: nth }
        assert.equal(await ask({ path: `/?signature=${nth}-and-more`, headers }), '1')
      }
      assert.equal(await ask({ headers: { cookie: 'a=1' } }), '2')
      assert.equal(origin.requests.length, 2)
    })

    test('a response that shows whose it is, is for nobody else', async (t) => {
      const origin = await startOrigin(t, ({ headers }, response) =>
        response.setHeader('x-for', String(headers['x-account-id'])).end(),
      )
      const { agent } = cachedAgent(t, { share: ['X-Account-Id'] })
      const ask = async (id: string): Promise<string | null> => {
        const headers = { 'X-Account-Id': id }
        return (await fetch(origin.url, { headers, dispatcher: agent })).headers.get('x-for')
      }
      for (const id of ['account-0001', 'account-0002', 'account-0001']) {
        assert.equal(await ask(id), id)
      }
      assert.equal(origin.requests.length, 2)
    })

    test('a word that stands in a response by chance is not put in the place of another', async (t) => {
      const origin = await startOrigin(t, (_, response) =>
        response.setHeader('link', '</admin/help>').end(),
      )
      const { agent } = cachedAgent(t, { identity: 'shared' })
      for (const role of ['admin', 'guest']) {
        const headers = { 'X-User-Role': role }
        const response = await fetch(origin.url, { headers, dispatcher: agent })
        assert.equal(response.headers.get('link'), '</admin/help>')
      }
      assert.equal(origin.requests.length, 1)
    })
  })
}

const secret = 'aVerySecretKey-4711'

for (const backend of embedded.filter((alias) => alias !== 'memory')) {
  test(`${backend}: nothing of it is stored, listed, exported or published`, async (t) => {
    const origin = await startOrigin(t, ({ path, headers }, response) => {
      response.setHeader('x-said', String(headers['x-seat'] ?? headers['x-remote-user'] ?? ''))
      if (path.startsWith('/start')) {
        return response.writeHead(302, { location: path.replace('start', 'end') }).end()
      }
      return response.end('the content')
    })
    const folder = temporaryFolder(t)
    const { agent, caching } = cachedAgent(t, {
      backend,
      cacheName: join(folder, 'c'),
      isolate: ['x-seat', 'seat'],
      share: ['x-hub-signature'],
    })
    const told: string[] = []
    const listen = (message: unknown): void => void told.push((message as CacheEvent).url!)
    for (const channel of ['hit', 'miss', 'store']) {
      subscribe(`undici-cache:${channel}`, listen)
      t.after(() => unsubscribe(`undici-cache:${channel}`, listen))
    }
    const paths = ['sid', 'code', 'token[]', 'user[password]', 'api.key', 'user%5Bpass%5D', 'seat']
    const fields = ['X-Remote-User', 'X-Seat', 'X-Hub-Signature', 'X-Session', 'x_api_key']
    for (let round = 0; round < 2; round++) {
      for (const name of paths) {
        const url = `${origin.url}/start?a=1&${name}=${secret}`
        const response = await fetch(url, { dispatcher: agent })
        assert.equal(await response.text(), 'the content')
        assert.equal(response.url, url.replace('start', 'end'))
      }
      for (const name of fields) {
        const headers = { [name]: secret, 'X-Copy': `of ${secret}` }
        const response = await fetch(`${origin.url}/${name}`, { headers, dispatcher: agent })
        assert.equal(await response.text(), 'the content')
      }
    }
    assert.equal(origin.requests.length, paths.length * 2 + fields.length)
    await caching.cache.flush()
    const listed = await Array.fromAsync(caching.cache.urls())
    const har: string[] = []
    await exportHar(caching.cache, async (text) => void har.push(text), {
      creatorVersion: '0',
      selects: () => true,
      onProgress: () => {},
    })
    const stored = storedBytes(folder)
    assert.ok(stored.includes('the content') && har.join('').includes('the content'))
    assert.ok(told.length > 0 && listed.length > 0)
    for (const text of [told.join(), listed.join(), har.join('')]) assert.ok(!text.includes(secret))
    assert.ok(!stored.includes(secret), 'a secret is on the disk')
  })
}

for (const backend of embedded) {
  test(`${backend}: recreateKeys() after a name was added`, async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) =>
      response.setHeader('x-said', String(headers['x-seat'])).end(`${origin.requests.length}`),
    )
    const folder = temporaryFolder(t)
    const cache = openCache(backend, folder)
    t.after(() => cache.close())
    const isolate = ['x-seat', 'seat']
    const ask = async (options: CacheOptions, { path = '/', headers = {} }: Question) => {
      const { agent } = cachedAgent(t, { ...options, backend: cache })
      const response = await fetch(origin.url + path, { headers, dispatcher: agent })
      return `${await response.text()} ${response.headers.get('x-said')}`
    }
    const mine = { path: `/a?seat=${secret}`, headers: { 'X-Seat': secret } }
    const nobodys = { path: '/b' }
    const told = { path: '/c', headers: { 'X-Seat': secret, Cookie: 'a=1' } }
    for (const question of [mine, nobodys, told]) await ask({}, question)

    // What was stored without the name may be anybody's.
    const { moved, kept } = await cache.recreateKeys({ isolate })
    assert.deepEqual([moved, kept], [2, 1])
    assert.equal(await ask({ isolate }, mine), `1 ${secret}`)
    assert.equal(await ask({ isolate }, nobodys), '2 undefined')
    assert.equal(origin.requests.length, 3)
    assert.equal(await ask({ isolate }, { ...mine, headers: { 'X-Seat': 'other' } }), '4 other')
    assert.equal(await ask({ isolate }, { path: '/a?seat=other' }), '5 undefined')

    await cache.delete({ urlPrefix: `${origin.url}/c` })
    await cache.flush()
    for await (const response of cache.filter()) {
      const { request: asked, rawHeaders } = response
      assert.ok(!JSON.stringify([asked, rawHeaders, response.key]).includes(secret))
    }
    const again = await cache.recreateKeys({ isolate })
    assert.equal(again.moved, 0)
  })
}
