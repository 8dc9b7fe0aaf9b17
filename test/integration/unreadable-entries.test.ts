import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { request } from 'undici'
import type { CacheError } from '../../lib/errors.ts'
import { encrypt } from '../../lib/index.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

for (const backend of embedded) {
  test(`${backend}: an entry that cannot be read is told of once, though its answer is not stored`, async (t) => {
    const origin = await startOrigin(t, (_, response, nth) => {
      if (nth > 1) response.setHeader('cache-control', 'no-store')
      response.end(String(nth))
    })
    const reported: CacheError[] = []
    const { agent, caching } = cachedAgent(t, {
      backend,
      cacheName: `${temporaryFolder(t)}/c`,
      onError: (error) => reported.push(error),
    })
    const ask = async (): Promise<string> =>
      (await request(origin.url, { dispatcher: agent })).body.text()
    const { responses } = caching.cache
    await ask()
    await caching.cache.flush()
    for await (const key of responses.keys()) {
      await responses.set(key, { head: 'garbage', body: Buffer.alloc(0) })
    }
    for (const answer of ['2', '3', '4']) assert.equal(await ask(), answer)
    assert.deepEqual(
      reported.map(({ code }) => code),
      ['ERR_CACHE_ENTRY_CORRUPT'],
    )
    await caching.cache.flush()
    assert.equal(await responses.size(), 0)
  })
}

test('a cache that is only read keeps it', async (t) => {
  const origin = await startOrigin(t, (_, response) => response.end('x'))
  const { agent, caching } = cachedAgent(t, { onError: () => {} })
  const ask = async (cache: object): Promise<void> =>
    (
      await request(origin.url, { dispatcher: agent, cache } as Parameters<typeof request>[1])
    ).body.dump()
  const { responses } = caching.cache
  await ask({})
  for await (const key of responses.keys()) {
    await responses.set(key, { head: 'garbage', body: Buffer.alloc(0) })
  }
  await ask({ readOnly: true })
  assert.equal(await responses.size(), 1)
})

test('an entry that another secret may open stays', async (t) => {
  const origin = await startOrigin(t, (_, response, nth) => {
    if (nth > 1) response.setHeader('cache-control', 'no-store')
    response.end('x')
  })
  const cacheName = `${temporaryFolder(t)}/c`
  for (const [secret, backend] of [
    [randomBytes(32), 'sqlite'],
    [randomBytes(32), 'sqlite'],
  ] as const) {
    const { agent, caching } = cachedAgent(t, {
      backend,
      cacheName,
      serializer: encrypt(secret),
      onError: () => {},
    })
    await (await request(origin.url, { dispatcher: agent })).body.dump()
    await caching.cache.flush()
    assert.equal(await caching.cache.responses.size(), 1)
    await caching.close()
  }
  assert.equal(origin.requests.length, 2)
})
