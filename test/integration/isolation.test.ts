import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { fetch, request } from 'undici'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'
import { storedBytes } from './stored-bytes.ts'

const credentials: Record<string, (who: string) => Record<string, string>> = {
  Authorization: (who) => ({ Authorization: `Bearer ${who}` }),
  'authorization, lower case': (who) => ({ authorization: `Basic ${btoa(who)}` }),
  Cookie: (who) => ({ Cookie: `theme=dark; session=${who}` }),
  'X-API-Key': (who) => ({ 'X-API-Key': who }),
  'x-acme-access-token': (who) => ({ 'x-acme-access-token': who }),
}

describe('one identity never sees the response of another', () => {
  for (const [name, headersOf] of Object.entries(credentials)) {
    test(name, async (t) => {
      const origin = await startOrigin(t, ({ headers }, response) =>
        response.end(
          JSON.stringify([
            headers.authorization,
            headers.cookie,
            headers['x-api-key'],
            headers['x-acme-access-token'],
          ]),
        ),
      )
      const { agent } = cachedAgent(t)
      const ask = async (who: string | undefined): Promise<string> => {
        const headers = who === undefined ? {} : headersOf(who)
        return (await fetch(origin.url, { headers, dispatcher: agent })).text()
      }
      const anna = await ask('anna-secret-0001')
      const bert = await ask('bert-secret-0002')
      const nobody = await ask(undefined)
      assert.equal(new Set([anna, bert, nobody]).size, 3)
      assert.deepEqual(
        [await ask('anna-secret-0001'), await ask('bert-secret-0002'), await ask(undefined)],
        [anna, bert, nobody],
      )
      assert.equal(origin.requests.length, 3)
    })
  }

  test('query parameters, whatever their casing', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => response.end(path))
    const { agent, caching } = cachedAgent(t)
    const ask = async (path: string): Promise<string> =>
      (await request(origin.url + path, { dispatcher: agent })).body.text()
    for (const path of ['/?api_key=one', '/?api_key=two', '/?API_KEY=one', '/?Access_Token=one']) {
      assert.equal(await ask(path), path)
      assert.equal(await ask(path), path)
    }
    assert.equal(origin.requests.length, 4)
    for await (const url of caching.cache.urls()) assert.match(url, /=REDACTED$/)
  })
})

for (const backend of embedded.filter((alias) => alias !== 'memory')) {
  test(`no credential is on the disk of ${backend}, those that come back in redirects included`, async (t) => {
    const secret = 'aVerySecretKey-4711'
    const token = 'theBearerToken.of.mine'
    const cookie = 'sessionCookieValue99'
    const origin = await startOrigin(t, ({ path, headers }, response) => {
      if (path.startsWith('/start')) {
        response.writeHead(302, {
          location: path.replace('/start', '/end'),
          'x-echo': String(headers.authorization),
        })
        return response.end()
      }
      response.setHeader('x-echo', String(headers.cookie))
      return response.end(path.includes(secret) ? 'got the key' : 'lost the key')
    })
    const folder = temporaryFolder(t)
    const { agent, caching } = cachedAgent(t, { backend, cacheName: join(folder, 'c') })
    const headers = { Authorization: `Bearer ${token}`, cookie: `a=b; session=${cookie}` }
    const url = `${origin.url}/start?x=1&Api_Key=${secret}`
    for (let round = 0; round < 2; round++) {
      const response = await fetch(url, { headers, dispatcher: agent })
      assert.equal(await response.text(), 'got the key')
      assert.equal(response.url, url.replace('start', 'end'))
      assert.equal(response.headers.get('x-echo'), headers.cookie)
    }
    assert.equal(origin.requests.length, 2)
    await caching.cache.flush()
    const stored = storedBytes(folder)
    assert.ok(stored.includes('got the key'), 'the files that were looked through hold the entry')
    for (const each of [secret, token, cookie]) assert.ok(!stored.includes(each), each)
  })
}

test('what a response hands out by itself is content, and comes back exactly', async (t) => {
  const origin = await startOrigin(t, (_, response) => {
    response.setHeader('set-cookie', 'session=fresh-token-1234; HttpOnly')
    response.end('{"token":"fresh-token-1234"}')
  })
  const { agent } = cachedAgent(t)
  for (let round = 0; round < 2; round++) {
    const response = await fetch(origin.url, { dispatcher: agent })
    assert.equal(response.headers.get('set-cookie'), 'session=fresh-token-1234; HttpOnly')
    assert.equal(await response.text(), '{"token":"fresh-token-1234"}')
  }
  assert.equal(origin.requests.length, 1)
})
