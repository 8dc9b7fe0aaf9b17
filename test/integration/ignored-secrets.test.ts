/** What is ignored is not stored, wherever it stood and wherever the origin sends it back. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Agent, fetch, FormData, interceptors, request, type Dispatcher } from 'undici'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, temporaryFolder, type CachedAgent } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'
import { storedBytes } from './stored-bytes.ts'

const secret = 'aVerySecretKey-4711'
const spelled = 'a/secret+with spaces&4711'
const persistent = embedded.filter((alias) => alias !== 'memory')

interface Opened extends CachedAgent {
  readonly origin: Origin
  /** Fails where one of the secrets is on the disk, or nothing is. */
  readonly assertNothingStored: () => Promise<void>
}

async function open(
  t: TestContext,
  backend: (typeof embedded)[number],
  options: CacheOptions,
): Promise<Opened> {
  // Whatever names a secret: sent back in a redirect, in fields of the response and in cookies.
  const origin = await startOrigin(t, ({ path, headers, body }, response) => {
    const said = String(headers['x-session'] ?? 'nothing')
    const fields = { 'x-said': said, 'set-cookie': `session=${said}; HttpOnly`, link: `<${path}>` }
    if (!path.startsWith('/start')) return response.writeHead(200, fields).end('the content')
    const sent = /token[^\w]+([\w-]+)/i.exec(body)?.[1]
    const location = sent === undefined ? path.replace('start', 'end') : `/end?token=${sent}`
    return response.writeHead(303, { ...fields, location }).end()
  })
  const folder = temporaryFolder(t)
  const cached = cachedAgent(t, { backend, cacheName: join(folder, 'c'), ...options })
  const assertNothingStored = async (): Promise<void> => {
    await cached.caching.cache.flush()
    const stored = storedBytes(folder)
    assert.ok(stored.includes('the content'), 'the files that were looked through hold the entry')
    for (const each of [secret, spelled, encodeURIComponent(spelled), btoa(secret)]) {
      assert.ok(!stored.includes(each), each)
    }
  }
  return { ...cached, origin, assertNothingStored }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const json = { 'content-type': 'application/json' }

function multipart(): FormData {
  const data = new FormData()
  data.append('token', secret)
  data.append('a', '1')
  return data
}

const places: Record<
  string,
  () => {
    path: string
    method?: string
    headers?: Record<string, string>
    body?: string | FormData
  }
> = {
  'the query': () => ({ path: `/start?a=1&Token=${secret}` }),
  'the query, encoded': () => ({ path: `/start?token=${encodeURIComponent(spelled)}` }),
  'a header field': () => ({ path: '/start', headers: { 'X-Session': secret } }),
  'a header field, and a copy of it': () => ({
    path: '/start',
    headers: { 'X-Session': secret, 'X-Other': `see ${secret}` },
  }),
  'a form': () => ({ path: '/start', method: 'POST', headers: form, body: `a=1&token=${secret}` }),
  'a form with parts': () => ({ path: '/start', method: 'POST', body: multipart() }),
  JSON: () => ({
    path: '/start',
    method: 'POST',
    headers: json,
    body: JSON.stringify({ token: secret, items: [{ id: secret }] }),
  }),
}

for (const backend of persistent) {
  describe(`no secret is on the disk of ${backend}`, () => {
    for (const [place, question] of Object.entries(places)) {
      test(`that was in ${place}`, async (t) => {
        const { agent, origin, assertNothingStored } = await open(t, backend, {
          allowableMethods: ['GET', 'POST'],
          ignoredParameters: ['token', 'x-session', 'items[].id'],
        })
        const said = []
        for (let round = 0; round < 2; round++) {
          const { path, ...init } = question()
          const response = await fetch(origin.url + path, { ...init, dispatcher: agent })
          assert.equal(await response.text(), 'the content')
          assert.equal(response.redirected, true)
          said.push([
            response.url,
            response.headers.get('x-said'),
            response.headers.get('set-cookie'),
          ])
        }
        assert.deepEqual(said[0], said[1])
        assert.equal(origin.requests.length, 2)
        await assertNothingStored()
      })
    }

    test('of users that are not told apart', async (t) => {
      const { agent, origin, assertNothingStored } = await open(t, backend, { identity: 'shared' })
      const headers = { authorization: `Bearer ${secret}`, 'x-session': 'none' }
      const response = await fetch(`${origin.url}/start?api_key=${secret}`, {
        headers,
        dispatcher: agent,
      })
      assert.equal(response.url, `${origin.url}/end?api_key=${secret}`)
      await response.text()
      await assertNothingStored()
    })

    test('of a parameter that is not kept', async (t) => {
      const { agent, origin, assertNothingStored } = await open(t, backend, {
        keptParameters: ['a'],
      })
      await (await fetch(`${origin.url}/start?session=${secret}&a=1`, { dispatcher: agent })).text()
      await assertNothingStored()
    })

    test('of redirects that were followed below the cache', async (t) => {
      const { caching, origin, assertNothingStored } = await open(t, backend, {
        ignoredParameters: ['session'],
      })
      const bare = new Agent()
      t.after(() => bare.destroy())
      const agent = bare.compose(interceptors.redirect({ maxRedirections: 3 }), caching)
      const histories = []
      for (const session of [secret, 'another']) {
        const response = await request(`${origin.url}/start?session=${session}`, {
          dispatcher: agent,
        })
        assert.equal(await response.body.text(), 'the content')
        histories.push((response.context as { history: URL[] }).history.map(String))
      }
      const chainOf = (session: string): string[] =>
        ['start', 'end'].map((name) => `${origin.url}/${name}?session=${session}`)
      assert.deepEqual(histories, [chainOf(secret), chainOf('another')])
      assert.equal(origin.requests.length, 2)
      await assertNothingStored()
    })
  })
}

describe('whoever asks gets his own', () => {
  async function ask(agent: Dispatcher, url: string, headers = {}): ReturnType<typeof fetch> {
    const response = await fetch(url, { headers, dispatcher: agent })
    await response.text()
    return response
  }

  test('where a redirect passes it on', async (t) => {
    const { agent, origin } = await open(t, 'memory', { ignoredParameters: ['token'] })
    for (const token of ['one', 'two', secret]) {
      const response = await ask(agent, `${origin.url}/start?token=${token}`)
      assert.equal(response.url, `${origin.url}/end?token=${token}`)
    }
    assert.equal(origin.requests.length, 2)
  })

  test('of a credential', async (t) => {
    const origin = await startOrigin(t, ({ headers }, response) =>
      response.writeHead(200, { 'x-said': String(headers.authorization) }).end(),
    )
    const { agent } = cachedAgent(t, { ignoredParameters: ['authorization'] })
    for (const who of ['anna', 'bert']) {
      const response = await ask(agent, origin.url, { authorization: `Bearer ${who}` })
      assert.equal(response.headers.get('x-said'), `Bearer ${who}`)
    }
    assert.equal(origin.requests.length, 1)
  })

  test('and nobody a response that shows what somebody else has said', async (t) => {
    const { agent, origin } = await open(t, 'memory', { ignoredParameters: ['x-session'] })
    const seen = []
    for (const session of ['D9FAEB3449D3', '2F63E5DF4F44', 'D9FAEB3449D3', undefined]) {
      const response = await ask(agent, origin.url, session && { 'x-session': session })
      seen.push([response.headers.get('x-said'), getCacheInfo(response)?.reason])
    }
    assert.deepEqual(seen, [
      ['D9FAEB3449D3', 'uri-miss'],
      ['2F63E5DF4F44', 'vary-miss'],
      ['D9FAEB3449D3', 'fresh'],
      ['nothing', 'vary-miss'],
    ])
  })

  test('what stands in a response by chance stays as it is', async (t) => {
    const origin = await startOrigin(t, (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(),
    )
    const { agent } = cachedAgent(t, { ignoredParameters: ['lang', 'accept'], matchHeaders: true })
    for (const [lang, accept] of [
      ['text', 'text/html'],
      ['html', '*/*'],
    ]) {
      const response = await ask(agent, `${origin.url}/?lang=${lang}`, { accept })
      assert.equal(response.headers.get('content-type'), 'text/html')
    }
    assert.equal(origin.requests.length, 1)
  })
})
