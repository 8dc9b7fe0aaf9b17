import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { fetch, request } from 'undici'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'
import { cachedAgent, openCache, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

type Trouble = 'none' | 'throws' | 'rejects' | 'hangs'

/** A storage that fails when it is told to: what no real one does on demand. */
class TroubledStorage extends MemoryStorage {
  trouble: Trouble = 'none'
  /** One that can reject or hang takes its time when it is well. */
  isRemote = false

  override peek(key: string): StoredRecord | undefined {
    return this.#or(() => super.peek(key)) as StoredRecord | undefined
  }

  override adopt(key: string, record: StoredRecord): void {
    return this.#or(() => super.adopt(key, record)) as void
  }

  // Whatever was kept hot is out of date, so that each request asks the storage.
  override changeToken(): number {
    return Math.random()
  }

  #or<T>(work: () => T): MaybePromise<T> {
    switch (this.trouble) {
      case 'throws':
        throw new Error('disk on fire')
      case 'rejects':
        return Promise.reject(new Error('connection lost'))
      case 'hangs':
        return new Promise(() => {})
      case 'none':
        return this.isRemote ? Promise.resolve(work()) : work()
    }
  }
}

class TroubledCache extends BaseCache {
  override readonly responses: TroubledStorage = new TroubledStorage()
  override readonly redirects: TroubledStorage = new TroubledStorage()
}

for (const trouble of ['throws', 'rejects', 'hangs'] as const) {
  describe(`a backend that ${trouble}`, () => {
    test('costs the cache, not the answer, and is reported once', async (t) => {
      const origin = await startOrigin(t, (_, response, nth) => response.end(String(nth)))
      const cache = new TroubledCache()
      const reported: CacheError[] = []
      const { agent } = cachedAgent(t, {
        backend: cache,
        storageTimeout: 100,
        onError: (error) => reported.push(error),
      })
      const ask = async (path = '/'): Promise<string> =>
        (await request(origin.url + path, { dispatcher: agent })).body.text()
      cache.responses.trouble = trouble
      cache.responses.isRemote = trouble !== 'throws'
      const begin = performance.now()
      for (let n = 1; n <= 8; n++) assert.equal(await ask(`/${n}`), '1')
      // Three budgets, however many requests; the rest is slack for a busy machine.
      assert.ok(performance.now() - begin < 1000)
      assert.equal(reported.length, 1)
      const timeout = trouble === 'hangs'
      assert.equal(
        reported[0]!.code,
        timeout ? 'ERR_CACHE_STORAGE_TIMEOUT' : 'ERR_CACHE_STORAGE_FAILED',
      )

      // It is used again when it is back, and the next outage is a report of its own.
      cache.responses.trouble = 'none'
      if (timeout) await later(1100)
      const [first, second] = [await ask(), await ask()]
      assert.equal(first, second)
      cache.responses.trouble = 'throws'
      await later(600)
      await ask()
      assert.equal(reported.length, 2)
    })
  })
}

for (const trouble of ['throws', 'rejects'] as const) {
  test(`a redirect that cannot be stored: the backend ${trouble}`, async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      if (path === '/end') return response.end('the end')
      return response.writeHead(302, { location: '/end' }).end('moved')
    })
    const cache = new TroubledCache()
    const reported: CacheError[] = []
    const { agent } = cachedAgent(t, { backend: cache, onError: (error) => reported.push(error) })
    cache.redirects.trouble = trouble
    for (let round = 0; round < 2; round++) {
      const response = await fetch(`${origin.url}/begin`, { dispatcher: agent })
      assert.equal(await response.text(), 'the end')
    }
    assert.equal(origin.count('/begin'), 2)
    assert.equal(reported.length, 1)
  })
}

test('errors are told on a diagnostics channel as well', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('x'))
  const cache = new TroubledCache()
  const told: unknown[] = []
  const listen = (message: unknown): void => void told.push((message as { error: Error }).error)
  subscribe('undici-cache:error', listen)
  t.after(() => unsubscribe('undici-cache:error', listen))
  const reported: CacheError[] = []
  const { agent } = cachedAgent(t, { backend: cache, onError: (error) => reported.push(error) })
  cache.responses.trouble = 'throws'
  await (await request(origin.url, { dispatcher: agent })).body.dump()
  assert.deepEqual(told, reported)
})

test('an onError that throws breaks nothing', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('x'))
  const cache = new TroubledCache()
  const { agent } = cachedAgent(t, {
    backend: cache,
    onError: () => {
      throw new Error('the listener failed')
    },
  })
  const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
  cache.responses.trouble = 'throws'
  const response = await request(origin.url, { dispatcher: agent })
  assert.equal(await response.body.text(), 'x')
  assert.match((await warning).message, /the listener failed/)
})

describe('a store that somebody has tampered with', () => {
  const tampered: Record<string, (record: StoredRecord) => StoredRecord> = {
    'a header value with a newline': (record) => ({
      ...record,
      head: record.head.replace('"tag"', JSON.stringify('evil\r\nset-cookie: a=b')),
    }),
    'no JSON': (record) => ({ ...record, head: 'garbage' }),
    'a head of another shape': (record) => ({ ...record, head: '{"version":1}' }),
    'a body that is cut': (record) => ({ ...record, body: record.body.subarray(1) }),
    "another request's response": (record) => ({
      ...record,
      head: record.head.replace('/victim', '/other!'),
    }),
  }
  for (const [what, tamper] of Object.entries(tampered)) {
    for (const backend of ['memory', 'sqlite', 'filesystem'] as const) {
      test(`${backend}, ${what}: the origin's answer, and the entry is replaced`, async (t) => {
        const origin = await startOrigin(t, (_, response) => {
          response.setHeader('x-tag', 'tag')
          response.end('honest')
        })
        const cache = openCache(backend, temporaryFolder(t))
        t.after(() => cache.close())
        const reported: CacheError[] = []
        const { agent } = cachedAgent(t, {
          backend: cache,
          onError: (error) => reported.push(error),
        })
        const ask = async (): Promise<void> => {
          const response = await fetch(`${origin.url}/victim`, { dispatcher: agent })
          assert.equal(await response.text(), 'honest')
          assert.equal(response.headers.get('x-tag'), 'tag')
          assert.equal(response.headers.get('set-cookie'), null)
        }
        await ask()
        for await (const [key, record] of cache.responses) {
          await cache.responses.set(key, tamper(record))
        }
        await ask()
        await ask()
        assert.equal(origin.requests.length, 2)
        const corrupt = reported.map((error) => error.code)
        // In memory nothing is compared with its checksum.
        const passedOver = what.startsWith('another') && backend === 'memory'
        const expected = passedOver ? [] : ['ERR_CACHE_ENTRY_CORRUPT']
        assert.deepEqual(corrupt, expected)
      })
    }
  }

  test('a missing part of a long body', async (t) => {
    const body = Buffer.alloc(3_000_000, 'long')
    const origin = await startOrigin(t, (_, response) => response.end(body))
    const reported: CacheError[] = []
    const { agent, caching } = cachedAgent(t, { onError: (error) => reported.push(error) })
    const ask = async (): Promise<number> =>
      (await (await request(origin.url, { dispatcher: agent })).body.arrayBuffer()).byteLength
    await ask()
    for await (const key of caching.cache.responses.keys()) {
      if (key.endsWith('.0')) await caching.cache.responses.delete(key)
    }
    assert.deepEqual([await ask(), await ask()], [body.length, body.length])
    assert.equal(origin.requests.length, 2)
    assert.deepEqual(
      reported.map((error) => error.code),
      ['ERR_CACHE_ENTRY_CORRUPT'],
    )
  })
})

test('an expireAfter that throws: the response passes, unstored, and it is reported', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('x'))
  const reported: CacheError[] = []
  const { agent, caching } = cachedAgent(t, {
    onError: (error) => reported.push(error),
    expireAfter: () => {
      throw new Error('mistake')
    },
  })
  const response = await request(origin.url, { dispatcher: agent })
  assert.equal(await response.body.text(), 'x')
  assert.equal(await caching.cache.size(), 0)
  assert.equal(reported[0]?.code, 'ERR_CACHE_CALLBACK_FAILED')
})

test('an origin that is down fails as it does without a cache', async (t) => {
  const { agent } = cachedAgent(t)
  const url = 'http://127.0.0.1:9/'
  await assert.rejects(request(url, { dispatcher: agent }), { code: 'ECONNREFUSED' })
  await assert.rejects(fetch(url, { dispatcher: agent }), /fetch failed/)
})
