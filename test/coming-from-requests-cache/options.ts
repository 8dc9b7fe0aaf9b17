/** What is cached, and which requests share it. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { BaseCache, cacheInterceptor, SQLiteCache, type FileCache } from '../../lib/index.ts'
import { secondsOf } from '../integration/ask.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { storedBytes } from '../integration/stored-bytes.ts'
import { setUp, type Checks } from './desk.ts'

const posts = { allowableMethods: ['GET', 'POST'] }
const unknown = { code: 'ERR_CACHE_OPTION_UNKNOWN' }

function json(value: unknown): { method: string; headers: Record<string, string>; body: string } {
  const headers = { 'content-type': 'application/json' }
  return { method: 'POST', headers, body: JSON.stringify(value) }
}

export const optionChecks: Checks = {
  '`cache_name`': async (t) => {
    const cacheName = join(temporaryFolder(t), 'mine')
    await using caching = cacheInterceptor({ cacheName })
    assert.equal((caching.cache as SQLiteCache).path, `${cacheName}.sqlite`)
  },

  'other words for `cache_name`: `db_path`, `db_name`, `namespace`, `table_name`': (t) => {
    const folder = temporaryFolder(t)
    for (const name of ['db_path', 'db_name', 'namespace', 'table_name']) {
      const wrong = { [name]: 'mine' }
      assert.throws(() => cacheInterceptor({ backend: 'sqlite', ...wrong }), unknown, name)
      assert.throws(() => new SQLiteCache(join(folder, 'x'), wrong), unknown, name)
    }
    // The word that is right goes with every alias.
    const { cache } = cacheInterceptor({ backend: 'filesystem', cacheName: folder })
    assert.equal((cache as FileCache).directory, folder)
  },

  '`backend`': async (t) => {
    const backend = new BaseCache()
    const { cache, hits } = await setUp(t, { backend })
    assert.equal(cache, backend)
    assert.deepEqual(await hits('/', '/'), [false, true])
    assert.throws(() => cacheInterceptor({ backend: 'sqlit' as 'sqlite' }), {
      code: 'ERR_CACHE_BACKEND_UNKNOWN',
      message: /did you mean 'sqlite'/,
    })
  },

  '`serializer`': async (t) => {
    const cacheName = temporaryFolder(t)
    const { ask, cache } = await setUp(t, { backend: 'filesystem', cacheName, serializer: 'json' })
    const { info } = await ask('/')
    await cache.flush()
    assert.match(storedBytes(cacheName), /"undici-cache": 1/)
    const plain = await setUp(t)
    assert.equal(plain.cache.createKey('http://a.test/'), cache.createKey('http://a.test/'))
    assert.equal(info?.stored, true)
  },

  '`match_headers`, `include_get_headers`': async (t) => {
    for (const matchHeaders of [true, ['Accept']]) {
      const { ask } = await setUp(t, { matchHeaders })
      const texts: string[] = []
      for (const accept of ['a/b', 'a/c', 'a/b', 'a/c']) {
        const headers: Record<string, string> = { accept, 'x-request-id': `${texts.length}` }
        texts.push((await ask('/', {}, { headers })).text)
      }
      assert.deepEqual(texts, ['1', '2', '1', '2'])
    }
  },

  '`ignored_parameters`, `DEFAULT_IGNORED_PARAMS`': async (t) => {
    const folder = temporaryFolder(t)
    const cacheName = join(folder, 'cache')
    const { ask, hits, cache } = await setUp(t, {
      ...posts,
      backend: 'sqlite',
      cacheName,
      ignoredParameters: ['Session'],
    })
    assert.deepEqual(await hits('/?session=one1one1', '/?a=1', '/?SESSION=two2two2'), [
      false,
      false,
      true,
    ])
    await ask('/post', {}, json({ session: 'three3three3' }))
    assert.equal((await ask('/post', {}, json({ session: 'four4four4' }))).info?.hit, true)
    // Of these they make one user, unless they are told.
    for (const authorization of ['Bearer five5five5', 'Bearer six6six6']) {
      assert.equal((await ask('/me', {}, { headers: { authorization } })).info?.hit, false)
    }
    await hits('/api?api_key=seven7seven7')
    await cache.flush()
    assert.doesNotMatch(storedBytes(folder), /one1|two2|three3|four4|five5|six6|seven7/)
  },

  '`content_root_key`': async (t) => {
    const { ask } = await setUp(t, { ...posts, ignoredParameters: ['data.token'] })
    const hit = async (body: unknown): Promise<boolean | undefined> =>
      (await ask('/', {}, json(body))).info?.hit
    assert.equal(await hit({ data: { token: 1, x: 1 } }), false)
    assert.equal(await hit({ data: { token: 2, x: 1 } }), true)
    assert.equal(await hit({ token: 1, data: { token: 2, x: 1 } }), false)
  },

  '`key_fn`': async (t) => {
    const { hits, ask } = await setUp(t, {
      keyFn: ({ url }) => (url.includes('/any/') ? 'any' : undefined),
    })
    assert.deepEqual(await hits('/any/1', '/any/2', '/one'), [false, true, false])
    const me = { headers: { authorization: 'Bearer one1one1' } }
    assert.equal((await ask('/any/3', {}, me)).info?.hit, false)
    assert.equal((await ask('/x', { key: 'named' })).info?.hit, false)
    assert.equal((await ask('/y', { key: 'named' })).info?.hit, true)
  },

  '`filter_fn`': async (t) => {
    const { ask, cache, hits } = await setUp(t, {
      filter: ({ url }, { headers }) => !url.endsWith('/no') && headers['etag'] === undefined,
    })
    assert.equal((await ask('/no')).info?.reason, 'filter')
    await hits('/tag', '/yes')
    assert.equal(await cache.size(), 1)
    assert.equal(await cache.delete({ filter: ({ bodyBytes }) => bodyBytes === 1 }), 1)
    assert.throws(() => cacheInterceptor({ filterFn: () => true } as object), {
      ...unknown,
      message: /did you mean 'filter'/,
    })
  },

  '`allowable_methods`': async (t) => {
    const { ask } = await setUp(t, { allowableMethods: ['GET', 'POST'] })
    for (const hit of [false, true]) {
      assert.equal((await ask('/', {}, json({ param: 'value' }))).info?.hit, hit)
    }
    const { ask: plain } = await setUp(t)
    assert.equal((await plain('/', {}, json({}))).info?.reason, 'method')
  },

  '`X-HTTP-Method-Override` and its like': async (t) => {
    const headers = { 'x-http-method-override': 'GET' }
    const posting = { method: 'POST', headers, body: 'x' }
    const { ask } = await setUp(t)
    assert.equal((await ask('/', {}, posting)).info?.reason, 'method')
    const allowed = await setUp(t, {
      allowableMethods: ['GET', 'POST'],
      matchHeaders: ['X-HTTP-Method-Override'],
    })
    for (const hit of [false, true])
      assert.equal((await allowed.ask('/', {}, posting)).info?.hit, hit)
    assert.equal((await allowed.ask('/', {}, { method: 'POST', body: 'x' })).info?.hit, false)
  },

  '`allowable_codes`': async (t) => {
    const { hits, ask } = await setUp(t, {
      allowableCodes: [200, 418],
      codesExpireAfter: { 404: '5m' },
    })
    assert.deepEqual(await hits('/418', '/418', '/500', '/500'), [false, true, false, false])
    assert.equal(secondsOf(await ask('/404')), 300)
  },

  '`read_only`': async (t) => {
    const backend = new BaseCache()
    const before = await setUp(t, { backend })
    await before.ask('/')
    const { ask, cache } = await setUp(t, { backend, readOnly: true })
    assert.equal((await ask('/new')).info?.reason, 'read-only')
    assert.equal((await before.ask('/tag', { readOnly: true })).info?.stored, false)
    assert.equal((await before.ask('/')).info?.hit, true)
    assert.equal(await cache.size(), 1)
  },

  '`verify` in the key': async (t) => {
    const folder = temporaryFolder(t)
    const [trusting, careful] = ['trusting', 'careful'].map((name) =>
      cacheInterceptor({ cacheName: join(folder, name) }),
    )
    assert.notEqual((trusting!.cache as SQLiteCache).path, (careful!.cache as SQLiteCache).path)
    await Promise.all([trusting!.close(), careful!.close()])
    assert.throws(() => cacheInterceptor({ verify: false } as object), unknown)
  },
}
