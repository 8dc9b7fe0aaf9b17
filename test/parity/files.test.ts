/** The examples of requests-cache's user guide, line by line: Cache files, Serializers, Security. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import {
  BaseCache,
  cacheInterceptor,
  compress,
  encrypt,
  FileCache,
  sign,
  SQLiteCache,
  type CacheError,
  type Stage,
} from '../../lib/index.ts'
import { setUp } from '../coming-from-requests-cache/desk.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'

describe('Cache files', () => {
  test('relative and absolute paths', async (t) => {
    const folder = temporaryFolder(t)
    for (const cacheName of [join(folder, 'http_cache'), join(folder, 'deep/er/http_cache')]) {
      const caching = cacheInterceptor({ backend: 'sqlite', cacheName })
      assert.equal((caching.cache as SQLiteCache).path, `${cacheName}.sqlite`)
      await caching.close()
    }
    assert.equal(new FileCache('http_cache').directory, join(process.cwd(), 'http_cache'))
    assert.equal(new FileCache('~/.myapp/http_cache').directory, `${homedir()}/.myapp/http_cache`)
  })

  test('system paths', () => {
    const { directory } = new FileCache('http_cache', { useTemp: true })
    assert.equal(directory, join(tmpdir(), 'http_cache'))
    assert.equal(new FileCache('/somewhere', { useTemp: true }).directory, '/somewhere')
  })

  test('in memory', async (t) => {
    const backend = new SQLiteCache(':memory:')
    t.after(() => backend.close())
    const { hits } = await setUp(t, { backend })
    assert.deepEqual(await hits('/', '/'), [false, true])
  })
})

describe('Serializers', () => {
  for (const serializer of ['json', 'yaml', 'bson'] as const) {
    for (const backend of ['sqlite', 'filesystem', 'memory'] as const) {
      test(`${serializer} with ${backend}`, async (t) => {
        const cacheName = join(temporaryFolder(t), 'my_cache')
        const { hits } = await setUp(t, { backend, cacheName, serializer })
        assert.deepEqual(await hits('/', '/'), [false, true])
      })
    }
  }

  const bodies: Record<string, [type: string, body: Buffer]> = {
    'JSON with a float that ends in 0': ['application/json', Buffer.from('{ "path": 1.50 }')],
    'text in Latin-1': ['text/plain; charset=iso-8859-1', Buffer.from([0xe4, 0xf6, 0xfc])],
    bytes: ['image/png', Buffer.from([0, 255, 13, 10, 0])],
  }
  for (const [name, [type, body]] of Object.entries(bodies)) {
    test(`the content of a document is for people, the bytes are the origin's: ${name}`, async (t) => {
      const origin = await startOrigin(t, (_, response) =>
        response
          .writeHead(200, { 'content-type': type, 'content-length': body.byteLength })
          .end(body),
      )
      const cache = new FileCache(temporaryFolder(t), { serializer: 'json' })
      const { hits } = await setUp(t, { backend: cache }, origin)
      assert.deepEqual(await hits('/', '/'), [false, true])
      const [stored] = await Array.fromAsync(cache.filter())
      assert.deepEqual(await stored!.body(), body)
      assert.equal(stored!.headers['content-length'], `${body.byteLength}`)
    })
  }

  test('a stage of compression, and one of JSON with it', async (t) => {
    const gzip: Stage = {
      name: 'my-gzip',
      encode: (_key, { head, body }) => ({ head, body: gzipSync(body) }),
      decode: (_key, { head, body }) => ({ head, body: gunzipSync(body) }),
      maxBodyBytes: (limit) => Math.floor(limit * 0.99) - 100,
    }
    for (const serializer of [gzip, ['json', gzip], ['json', compress('gzip')]] as const) {
      const { hits } = await setUp(t, { backend: new BaseCache({ serializer }) })
      assert.deepEqual(await hits('/', '/'), [false, true])
    }
  })

  test('a serializer of another kind is a miss, and no key depends on it', async (t) => {
    const folder = temporaryFolder(t)
    const errors: CacheError[] = []
    const first = await setUp(t, { backend: new FileCache(folder, { serializer: 'json' }) })
    assert.deepEqual(await first.hits('/', '/'), [false, true])
    const onError = (error: CacheError): number => errors.push(error)
    const backend = new FileCache(folder, { serializer: 'yaml' })
    const second = await setUp(t, { backend, onError }, first.origin)
    assert.deepEqual(await second.hits('/', '/'), [false, true])
  })
})

describe('Security', () => {
  test('whoever has another secret cannot write what is believed, and breaks no request', async (t) => {
    const folder = temporaryFolder(t)
    const errors: CacheError[] = []
    const backend = new FileCache(folder, { serializer: sign('a secret') })
    const { ask } = await setUp(t, { backend, onError: (error) => errors.push(error) })
    const { info } = await ask('/get')
    await backend.flush()
    const other = new FileCache(folder, { serializer: sign('a different one') })
    const head = JSON.stringify({ exploit: true })
    await other.responses.set(info!.key!, { head, body: Buffer.from('exploit!') })
    const { text, status } = await ask('/get')
    assert.deepEqual([status, text], [200, '2'])
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['ERR_CACHE_SIGNATURE_INVALID'],
    )
  })

  test('nothing that is read is run', async (t) => {
    const folder = temporaryFolder(t)
    const backend = new FileCache(folder)
    const { ask } = await setUp(t, { backend, onError: () => {} })
    const { info } = await ask('/get')
    await backend.flush()
    // What Python's pickle would run: os.system.
    const pickle = Buffer.from("cos\nsystem\n(S'touch exploited'\ntR.")
    await backend.responses.set(info!.key!, { head: pickle.toString('latin1'), body: pickle })
    assert.equal((await ask('/get')).text, '2')
  })

  test('sensitive information stays out of the cache', async (t) => {
    const folder = temporaryFolder(t)
    const backend = new FileCache(folder)
    const { ask } = await setUp(t, { backend, allowableMethods: ['GET', 'POST'] })
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const secret = 'a1b2c3d4e5f6a7b8'
    await ask('/1', {}, { headers: { authorization: `Bearer ${secret}` } })
    await ask(`/2?access_token=${secret}`)
    await ask('/3', {}, { method: 'POST', headers: form, body: `access_token=${secret}` })
    await ask('/4', {}, { headers: { 'x-API-key': secret } })
    await ask(`/5?api_key=${secret}`)
    for (const name of ['X-Access-Token', 'X-Auth-Token', 'X-API-Token', 'Proxy-Authorization']) {
      await ask('/6', {}, { headers: { [name]: secret } })
    }
    for await (const path of backend.paths()) {
      assert.ok(!readFileSync(path).includes(secret), path)
      assert.ok(!path.includes(secret))
    }
    assert.equal(await backend.size(), 9)
  })

  test('encrypted', async (t) => {
    const backend = new FileCache(temporaryFolder(t), { serializer: encrypt(Buffer.alloc(32, 7)) })
    const { hits, url } = await setUp(t, { backend })
    assert.deepEqual(await hits('/secret', '/secret'), [false, true])
    for await (const path of backend.paths()) {
      assert.ok(!readFileSync(path).includes(url('/secret')))
    }
  })
})
