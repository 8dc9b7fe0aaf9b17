/** How long the servers keep responses: as long as they are of use, stale ones included. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { request } from 'undici'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import type { CacheInterceptor } from '../../lib/interceptor.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin, type Origin } from '../integration/origin.ts'
import { backendNames } from './backend-names.ts'
import { describeBackends } from './open-caches.ts'
import type { ServerRecord } from './server-views.ts'

const day = 86_400_000
// More than one part on each backend.
const largeBytes = 2_500_000

await describeBackends(backendNames, ({ name, prefix, server, openFor }) => {
  const isRedis = name.startsWith('redis')
  // The TTL of DynamoDB is in seconds, rounded up; Redis is told how long a record has left, and a
  // second more, whenever it is written.
  const roundedUp = name === 'dynamodb' ? 1_000 : isRedis ? 2_000 : 1
  // The parts of a body are one hash there.
  const fewestRecords = isRedis ? 2 : 3
  const isSame = (one: number | undefined, other: number | undefined): boolean =>
    isRedis && one !== undefined && other !== undefined
      ? Math.abs(one - other) < 1_000
      : one === other

  test('a response goes, parts and all, when it is of no use even for validation', async (t) => {
    const { cache, origin, ask } = await startClient(t, openFor(t, `${prefix}responses`))
    // What can be validated is of use for longer: for its lifetime again, between a day and thirty.
    const keptFor: Readonly<Record<string, number>> = {
      '/plain/60s': 60_000,
      '/moved/60s': 60_000,
      '/etag/60s': 60_000 + day,
      '/large/60s': 60_000 + day,
      '/etag/immediately': day,
      '/etag/2d': 4 * day,
      '/etag/60d': 90 * day,
    }
    const begun = Date.now()
    for (const path of Object.keys(keptFor)) await ask(path)
    await cache.flush()
    const ended = Date.now()
    const stored = await server.records(`${prefix}responses`)
    for (const [path, kept] of Object.entries(keptFor)) {
      const records = recordsOf(stored, origin.url + path)
      assert.ok(records.length >= (path.startsWith('/large') ? fewestRecords : 1), path)
      for (const { expiresAt } of records) {
        assert.ok(expiresAt !== undefined, `${path} never goes`)
        assert.ok(expiresAt >= begun + kept, `${path} goes early`)
        assert.ok(expiresAt < ended + kept + roundedUp, `${path} goes late`)
        assert.ok(isSame(expiresAt, records[0]!.expiresAt), `${path} does not go as a whole`)
      }
    }
  })

  test('what never expires has no end', async (t) => {
    const { cache, origin, ask } = await startClient(t, openFor(t, `${prefix}never`))
    const paths = ['/plain/never', '/etag/never', '/large/never', '/moved/never']
    for (const path of paths) await ask(path)
    await cache.flush()
    const stored = await server.records(`${prefix}never`)
    for (const path of paths) assert.ok(recordsOf(stored, origin.url + path).length > 0, path)
    for (const { id, expiresAt } of stored) assert.equal(expiresAt, undefined, id)
  })

  test('validated it is kept for longer, for good too, and so are its parts', async (t) => {
    const { cache, origin, caching, ask } = await startClient(t, openFor(t, `${prefix}validated`))
    const stored = async (): Promise<ServerRecord[]> => {
      await cache.flush()
      return recordsOf(await server.records(`${prefix}validated`), `${origin.url}/large/60s`)
    }
    await ask('/large/60s')
    const first = await stored()
    assert.ok(first.length >= fewestRecords)
    for (const [expireAfter, kept] of [
      ['never', undefined],
      ['3d', 6 * day],
      ['immediately', day],
      ['never', undefined],
    ] as const) {
      const begun = Date.now()
      await caching.with({ refresh: true, expireAfter }, () => ask('/large/60s'))
      const now = await stored()
      assert.deepEqual(now.map(({ id }) => id).toSorted(), first.map(({ id }) => id).toSorted())
      for (const { expiresAt } of now) {
        assert.ok(isSame(expiresAt, now[0]!.expiresAt), `${expireAfter}: not as a whole`)
        if (kept === undefined) assert.equal(expiresAt, undefined)
        else assert.ok(expiresAt !== undefined && expiresAt >= begun + kept, expireAfter)
      }
    }
    assert.equal(origin.count('/large/60s'), 5)
  })

  test('what is stale is there for its validation', async (t) => {
    const { cache, origin, ask } = await startClient(t, openFor(t, `${prefix}stale`))
    const first = await ask('/etag/immediately')
    await cache.flush()
    assert.ok(first.equals(await ask('/etag/immediately')))
    assert.equal(origin.count('/etag/immediately'), 2)
    assert.equal(origin.requests.at(-1)?.headers['if-none-match'], '"one"')
  })
})

interface Client {
  readonly cache: BaseCache
  readonly origin: Origin
  readonly caching: CacheInterceptor
  readonly ask: (path: string) => Promise<Buffer>
}

/** Asks an origin for `/kind/lifetime`. */
async function startClient(t: TestContext, cache: BaseCache): Promise<Client> {
  const origin = await startOrigin(t, ({ path, headers }, response) => {
    if (headers['if-none-match'] === '"one"') return response.writeHead(304).end()
    const [, kind = '', lifetime] = path.split('/')
    if (kind === 'moved') return response.writeHead(302, { location: '/plain/60s' }).end()
    if (kind !== 'plain') response.setHeader('ETag', '"one"')
    return response.end(Buffer.alloc(kind === 'large' ? largeBytes : 100, lifetime))
  })
  const { caching, agent } = cachedAgent(t, {
    backend: cache,
    storageTimeout: 20_000,
    expireAfter: ({ url }) => url.split('/').at(-1),
  })
  return {
    cache,
    origin,
    caching,
    async ask(path) {
      const { body } = await request(origin.url + path, { dispatcher: agent })
      return Buffer.from(await body.arrayBuffer())
    },
  }
}

/** Of the response to a URL, with its parts; of GridFS the heads, for nothing else has a date. */
function recordsOf(stored: readonly ServerRecord[], url: string): ServerRecord[] {
  const entry = stored.find(({ text }) => text.includes(`"url":"${url}"`))
  if (entry === undefined) return []
  return stored.filter(({ id }) => id === entry.id || id.startsWith(`${entry.id}.p`))
}
