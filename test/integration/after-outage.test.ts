import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import { WrappedStorage } from '../cache/wrapped-storage.ts'
import { viaFetch, viaRequest, type Got } from './ask.ts'
import { cachedAgent, type CachedAgent } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'

type Trouble = 'none' | 'away' | 'hangs' | 'no deletions' | 'no writes'

/** A storage behind a network, which can be in trouble. */
class RemoteStorage extends WrappedStorage {
  trouble: Trouble = 'none'

  override get(key: string): Promise<StoredRecord | undefined> {
    return this.#answer('read', () => super.get(key))
  }

  override set(key: string, record: StoredRecord): Promise<void> {
    return this.#answer('write', () => super.set(key, record))
  }

  override delete(key: string): Promise<boolean> {
    return this.#answer('delete', () => super.delete(key))
  }

  async #answer<T>(kind: 'read' | 'write' | 'delete', work: () => T | Promise<T>): Promise<T> {
    await later(1)
    const { trouble } = this
    // As a driver does that gives up by itself.
    if (trouble === 'hangs') await later(300)
    const refused =
      trouble === 'away' ||
      trouble === 'hangs' ||
      (trouble === 'no deletions' && kind === 'delete') ||
      (trouble === 'no writes' && kind === 'write')
    if (refused) throw new Error(trouble)
    return work()
  }
}

class RemoteCache extends BaseCache {
  override readonly responses: RemoteStorage = new RemoteStorage()
  override readonly redirects: RemoteStorage = new RemoteStorage()

  set trouble(trouble: Trouble) {
    this.responses.trouble = trouble
    this.redirects.trouble = trouble
  }
}

interface Bench extends CachedAgent {
  readonly cache: RemoteCache
  readonly origin: Origin
  readonly reports: CacheError[]
  readonly get: (path?: string) => Promise<Got>
  readonly change: () => Promise<Got>
}

/** An origin whose version each PUT moves on. */
async function start(t: TestContext): Promise<Bench> {
  let version = 1
  const origin = await startOrigin(t, ({ method, path }, response) => {
    if (method === 'PUT') version++
    if (path === '/gone' && version > 1) response.statusCode = 404
    response.end(`v${version}`)
  })
  const cache = new RemoteCache()
  const reports: CacheError[] = []
  const onError = (error: CacheError): unknown => reports.push(error)
  const cached = cachedAgent(t, { backend: cache, onError, storageTimeout: 100 })
  const get = (path = '/'): Promise<Got> => viaRequest(cached, origin.url + path)
  const change = (): Promise<Got> =>
    viaRequest(cached, `${origin.url}/`, {}, { method: 'PUT', body: 'new' })
  return { ...cached, cache, origin, reports, get, change }
}

/** A storage at hand, kept decoded as well, that refuses to write. */
class FullStorage extends MemoryStorage {
  isFull = false

  override adopt(key: string, record: StoredRecord): void {
    if (this.isFull) throw new Error('no space left')
    super.adopt(key, record)
  }

  override delete(key: string): boolean {
    if (this.isFull) throw new Error('no space left')
    return super.delete(key)
  }
}

class FullCache extends BaseCache {
  override readonly responses: FullStorage = new FullStorage()
}

test('what a storage at hand refused to delete is over, also where it is kept decoded', async (t) => {
  let version = 1
  const origin = await startOrigin(t, ({ method }, response) => {
    if (method === 'PUT') version++
    response.end(`v${version}`)
  })
  const cache = new FullCache()
  const cached = cachedAgent(t, { backend: cache, onError() {} })
  for (let round = 0; round < 2; round++) await viaRequest(cached, origin.url)
  cache.responses.isFull = true
  await viaRequest(cached, origin.url, {}, { method: 'PUT', body: 'new' })
  await later(5)
  assert.equal((await viaRequest(cached, origin.url)).text, 'v2')
  cache.responses.isFull = false
  for (let round = 0; round < 2; round++) {
    assert.equal((await viaRequest(cached, origin.url)).text, 'v2')
  }
})

test('a storage that refuses to delete does not keep the other from it', async (t) => {
  let moved = '/old'
  const origin = await startOrigin(t, ({ method, path }, response) => {
    if (method === 'PUT') moved = '/new'
    if (path !== '/') return response.end(path)
    return response.writeHead(301, { location: moved }).end()
  })
  const cache = new FullCache()
  const cached = cachedAgent(t, { backend: cache, onError() {} })
  assert.equal((await viaFetch(cached, `${origin.url}/`)).text, '/old')
  cache.responses.isFull = true
  await viaRequest(cached, `${origin.url}/`, {}, { method: 'PUT', body: 'new' })
  await later(5)
  assert.equal((await viaFetch(cached, `${origin.url}/`)).text, '/new')
})

describe('after an outage the cache does not go back in time', () => {
  for (const trouble of ['away', 'hangs', 'no deletions'] as const) {
    test(`what was changed meanwhile is over (${trouble})`, async (t) => {
      const { cache, get, change, reports } = await start(t)
      assert.equal((await get()).text, 'v1')
      await cache.flush()
      cache.trouble = trouble
      assert.equal((await change()).text, 'v2')
      await get()
      await later(trouble === 'hangs' ? 400 : 20)
      cache.trouble = 'none'
      for (let round = 0; round < 5; round++) assert.equal((await get()).text, 'v2')
      assert.ok(reports.length >= 1)
    })
  }

  test('what could not be replaced is over', async (t) => {
    const { cache, get, change, caching, origin } = await start(t)
    await get()
    await cache.flush()
    cache.trouble = 'no writes'
    await change()
    const ask = (): Promise<Got> => caching.with({ forceRefresh: true }, get)
    assert.equal((await ask()).text, 'v2')
    await later(20)
    cache.trouble = 'none'
    assert.equal((await get()).text, 'v2')
    assert.ok(origin.requests.length >= 3)
  })

  test('what the origin has taken away is over, though nobody could look it up', async (t) => {
    const { cache, get, change } = await start(t)
    assert.equal((await get('/gone')).status, 200)
    await cache.flush()
    await change()
    cache.trouble = 'away'
    assert.equal((await get('/gone')).status, 404)
    cache.trouble = 'none'
    assert.equal((await get('/gone')).status, 404)
  })

  test('it is deleted when the storage answers again', async (t) => {
    const { cache, get, change, origin } = await start(t)
    await get()
    await cache.flush()
    cache.trouble = 'no deletions'
    await change()
    await later(20)
    cache.trouble = 'none'
    // Another process would find it until then.
    const other = new RemoteCache()
    Object.assign(other, { responses: cache.responses, redirects: cache.redirects })
    assert.equal(await other.has(`${origin.url}/`), true)
    // Without another request.
    await later(1_200)
    assert.equal(await other.has(`${origin.url}/`), false)
  })

  test('it is deleted when the cache is closed', async (t) => {
    const { cache, get, change, origin } = await start(t)
    await get()
    await cache.flush()
    cache.trouble = 'no deletions'
    await change()
    await later(20)
    cache.trouble = 'none'
    const other = new RemoteCache()
    Object.assign(other, { responses: cache.responses, redirects: cache.redirects })
    await cache.close()
    assert.equal(await other.has(`${origin.url}/`), false)
  })

  test('what is stored again counts', async (t) => {
    const { cache, get, change } = await start(t)
    await get()
    await cache.flush()
    cache.trouble = 'away'
    await change()
    await later(20)
    cache.trouble = 'none'
    await get()
    await cache.flush()
    const got = await get()
    assert.deepEqual([got.text, got.info?.hit], ['v2', true])
  })
})
