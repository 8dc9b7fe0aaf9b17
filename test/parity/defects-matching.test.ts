/** What requests-cache confuses, loses or gives away (defects 3, 4, 7 and 9): not so here. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fetch as fetchBy, FormData, interceptors, request } from 'undici'
import { BaseCache, FileCache } from '../../lib/index.ts'
import { setUp } from '../coming-from-requests-cache/desk.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { storedBytes } from '../integration/stored-bytes.ts'

const posts = { allowableMethods: ['GET', 'POST'] }
const json = { 'content-type': 'application/json' }

describe('keys', () => {
  test('parts do not run together', () => {
    const { createKey } = bound(new BaseCache())
    const url = 'http://a.com/x'
    const keys = [
      createKey({ url, method: 'GET', body: 'y' }),
      createKey({ url: `${url}y`, method: 'GET' }),
      createKey({ url, method: 'GETy' }),
      createKey({ url, key: 'y' }),
    ]
    assert.equal(new Set(keys).size, keys.length)
    for (const key of keys) assert.equal(Buffer.from(key, 'base64url').length, 32, '256 bits')
  })

  test('an empty parameter, one without a value and none are three', () => {
    const { createKey } = bound(new BaseCache())
    const keys = ['', '?q=', '?q', '?q=1'].map((query) => createKey(`http://a.com/${query}`))
    assert.equal(new Set(keys).size, 4)
  })

  test('the order of a JSON list counts, that of members does not, however deep', () => {
    const { createKey } = bound(new BaseCache())
    const key = (body: object): string => createKey({ url: 'http://a.com/', body })
    assert.notEqual(key([1, 2]), key([2, 1]))
    assert.notEqual(key({ a: [1, 2] }), key({ a: [2, 1] }))
    assert.equal(key({ a: { b: 1, c: 2 } }), key({ a: { c: 2, b: 1 } }))
  })

  test('the order of equal names counts', () => {
    const { createKey } = bound(new BaseCache())
    assert.notEqual(createKey('http://a.com/?a=1&a=2'), createKey('http://a.com/?a=2&a=1'))
    assert.equal(createKey('http://a.com/?b=1&a=2'), createKey('http://a.com/?a=2&b=1'))
  })

  test('a fragment, which no origin gets to see, does not count', async (t) => {
    const { agent: dispatcher, url, origin } = await setUp(t)
    for (const fragment of ['', '#a', '#b']) {
      assert.equal(await (await fetchBy(url(`/${fragment}`), { dispatcher })).text(), '1')
    }
    assert.equal(origin.requests.length, 1)
  })

  test('a redirect that is not to be followed is the redirect, also when it has been followed', async (t) => {
    const { agent: dispatcher, url } = await setUp(t)
    assert.equal(await (await fetchBy(url('/old'), { dispatcher })).text(), '1')
    const manual = await fetchBy(url('/old'), { dispatcher, redirect: 'manual' })
    assert.equal(manual.status, 302)
    await manual.text()
    const following = dispatcher.compose(interceptors.redirect({ maxRedirections: 2 }))
    const { statusCode, body } = await request(url('/old'), { dispatcher: following })
    assert.deepEqual([statusCode, await body.text()], [200, '1'])
  })

  test('the URL that was asked for is given back as it was', async (t) => {
    const { agent: dispatcher, url, origin } = await setUp(t, { ignoredParameters: ['token'] })
    const path = '/?b=2&a=x%20y&e=&token=one1one1'
    for (let round = 0; round < 2; round++) {
      const response = await fetchBy(url(path), { dispatcher })
      assert.equal(response.url, url(path))
      await response.text()
    }
    assert.equal(origin.requests[0]!.path, path)
  })
})

describe('secrets', () => {
  test('none is stored, however its name is spelled, redirects and nested JSON included', async (t) => {
    const folder = temporaryFolder(t)
    const backend = new FileCache(folder, { serializer: 'json' })
    const options = { ...posts, backend, ignoredParameters: ['user.token', 'session'] }
    const origin = await startOrigin(t, ({ path }, response) => {
      // As from http: to https:, the query goes along.
      const query = path.split('?')[1]
      if (path.startsWith('/from')) {
        return response.writeHead(301, { location: `/to?${query}` }).end()
      }
      return response.end('x')
    })
    const { ask } = await setUp(t, options, origin)
    const secret = 'a1b2c3d4e5f6a7b8'
    for (const name of ['authorization', 'AUTHORIZATION', 'x-api-key', 'X-Auth-Token', 'Session']) {
      await ask('/from?a=1', {}, { headers: { [name]: secret } })
    }
    for (const name of ['access_token', 'api_key', 'apikey', 'API_KEY', 'session']) {
      await ask(`/from?${name}=${secret}`)
    }
    const body = JSON.stringify({ user: { token: secret }, session: secret })
    await ask('/json', {}, { method: 'POST', headers: json, body })
    await backend.flush()
    const stored = storedBytes(folder)
    assert.ok(stored.includes('/from'))
    assert.ok(!stored.includes(secret), 'a secret is stored')
  })

  test('a user never gets the response of another, also where Vary names the credential', async (t) => {
    const origin = await startOrigin(t, ({ path, headers }, response) => {
      if (path === '/vary') response.setHeader('vary', 'Authorization')
      response.end(headers.authorization)
    })
    const { ask } = await setUp(t, {}, origin)
    for (const path of ['/', '/vary']) {
      for (const hit of [false, true]) {
        for (const authorization of ['Bearer one', 'Bearer two']) {
          const { text, info } = await ask(path, {}, { headers: { authorization } })
          assert.deepEqual([text, info?.hit], [authorization, hit], path)
        }
      }
    }
  })
})

describe('what a caller gets', () => {
  test('header lines of the same name stay apart, and cookies whole', async (t) => {
    const cookies = ['a=1; Path=/x; Max-Age=60; HttpOnly', 'b=2, still=2; Expires=Thu, 01 Jan 2099']
    const origin = await startOrigin(t, (_, response) => {
      response.setHeader('Set-Cookie', cookies)
      response.setHeader('X-Twice', ['one', 'two'])
      response.end()
    })
    const { agent: dispatcher } = await setUp(t, {}, origin)
    for (let round = 0; round < 2; round++) {
      const { headers, body } = await request(origin.url, { dispatcher })
      await body.text()
      assert.deepEqual([headers['set-cookie'], headers['x-twice']], [cookies, ['one', 'two']])
    }
  })

  test('what one does to a response no other gets to see', async (t) => {
    const { agent: dispatcher, url } = await setUp(t)
    for (let round = 0; round < 3; round++) {
      const { headers, body } = await request(url('/'), { dispatcher })
      assert.equal(headers['x-changed'], undefined)
      headers['x-changed'] = 'by a caller'
      const bytes = Buffer.from(await body.arrayBuffer())
      assert.equal(String(bytes), '1')
      bytes.fill('x')
    }
  })

  test('the boundary of a form is the caller’s own, and does not count', async (t) => {
    const { agent: dispatcher, url, origin } = await setUp(t, posts)
    for (let round = 0; round < 2; round++) {
      const body = new FormData()
      body.set('file', new Blob(['text']), 'a.txt')
      const init = { method: 'POST', body, dispatcher }
      assert.equal(await (await fetchBy(url('/'), init)).text(), '1')
    }
    const [sent] = origin.requests
    const [, boundary] = /boundary=(.*)$/.exec(sent!.headers['content-type']!)!
    assert.ok(sent!.body.startsWith(`--${boundary}`))
    assert.doesNotMatch(boundary!, /requests-cache/)
  })
})

function bound(cache: BaseCache): { createKey: BaseCache['createKey'] } {
  return { createKey: (target) => cache.createKey(target) }
}
