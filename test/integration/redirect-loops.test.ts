/** A redirect between requests that share a key is no redirect to itself. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fetch, interceptors, request } from 'undici'
import type { CallOptions, CacheOptions } from '../../lib/options/options.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

interface Site {
  readonly name: string
  /** Where each path redirects to; all others have content. */
  readonly redirects: Readonly<Record<string, string>>
  readonly options?: CacheOptions
  readonly call?: CallOptions
}

const sites: Site[] = [
  { name: 'parameters in another order', redirects: { '/x?b=1&a=2': '/x?a=2&b=1' } },
  {
    name: 'a parameter that is ignored goes',
    redirects: { '/x?utm_source=a': '/x' },
    options: { ignoredParameters: ['utm_source'] },
  },
  {
    name: 'a parameter that is ignored comes',
    redirects: { '/x': '/x?session=1' },
    options: { ignoredParameters: ['session'] },
  },
  {
    name: 'a parameter that is ignored changes',
    redirects: { '/x?session=1': '/x?session=2' },
    options: { ignoredParameters: ['session'] },
  },
  {
    name: 'a parameter that is not kept comes on the way',
    redirects: { '/x?id=1': '/consent?id=1', '/consent?id=1': '/x?id=1&given=1' },
    options: { keptParameters: ['id'] },
  },
  {
    name: 'a credential that tells nobody apart',
    redirects: { '/x': '/x?access_token=abc' },
    options: { identity: 'shared' },
  },
  {
    name: 'a function that knows only the host',
    redirects: { '/x': '/y', '/y': '/z' },
    options: { keyFn: ({ url }) => new URL(url).host },
  },
  { name: 'a key of the call', redirects: { '/x': '/y' }, call: { key: 'mine' } },
]

for (const backend of embedded) {
  describe(`${backend}: a redirect that shares its key with where it leads`, () => {
    for (const { name, redirects, options, call = {} } of sites) {
      test(name, async (t) => {
        const origin = await startOrigin(t, ({ path }, response) => {
          const location = redirects[path]
          if (location === undefined) return response.end('the content')
          return response.writeHead(302, { location }).end()
        })
        const cache = openCache(backend, temporaryFolder(t))
        t.after(() => cache.close())
        const { agent, caching } = cachedAgent(t, { ...options, backend: cache })
        const [first = ''] = Object.keys(redirects)
        for (let round = 0; round < 3; round++) {
          const text = await caching.with(call, async () =>
            (await fetch(origin.url + first, { dispatcher: agent })).text(),
          )
          assert.equal(text, 'the content')
        }
        // Each step once.
        assert.equal(origin.requests.length, Object.keys(redirects).length + 1)
      })
    }

    test('one that undici follows', async (t) => {
      const origin = await startOrigin(t, ({ path }, response) => {
        if (path === '/x?a=2&b=1') return response.end('the content')
        return response.writeHead(302, { location: '/x?a=2&b=1' }).end()
      })
      const cache = openCache(backend, temporaryFolder(t))
      t.after(() => cache.close())
      const { agent } = cachedAgent(t, { backend: cache })
      const following = agent.compose(interceptors.redirect({ maxRedirections: 3 }))
      for (let round = 0; round < 2; round++) {
        const { body, statusCode } = await request(`${origin.url}/x?b=1&a=2`, {
          dispatcher: following,
        })
        assert.equal(statusCode, 200)
        assert.equal(await body.text(), 'the content')
      }
      assert.equal(origin.requests.length, 2)
    })
  })
}

test('a redirect that is one to itself stays one', async (t) => {
  const origin = await startOrigin(t, ({ path }, response) =>
    response.writeHead(302, { location: path }).end(),
  )
  const { agent } = cachedAgent(t)
  await assert.rejects(fetch(`${origin.url}/x?a=1&b=2`, { dispatcher: agent }), /fetch failed/)
})

test('other redirects are replayed where they lead to what is stored', async (t) => {
  const origin = await startOrigin(t, ({ path }, response) => {
    if (path.startsWith('/end')) return response.end('the content')
    const to = path.startsWith('/start') ? '/middle' : '/end'
    return response.writeHead(301, { location: `${to}?a=1&token=2` }).end()
  })
  const { agent } = cachedAgent(t, { ignoredParameters: ['token'] })
  for (const token of ['1', '2', '3']) {
    const response = await fetch(`${origin.url}/start?a=1&token=${token}`, { dispatcher: agent })
    assert.equal(await response.text(), 'the content')
    assert.equal(response.url, `${origin.url}/end?a=1&token=2`)
  }
  assert.equal(origin.requests.length, 3)
})
