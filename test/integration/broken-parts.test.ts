import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { fetch, request, type Dispatcher } from 'undici'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import type { CacheOptions } from '../../lib/options/options.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import type { Origin } from './origin.ts'
import { startAssetOrigin, type Asset } from './ranged-origin.ts'
import { kindOfRecord } from '../../lib/entries/record-keys.ts'

const mebibyte = 2 ** 20
const body = randomBytes(3.5 * mebibyte)

interface Site {
  readonly asset: Asset
  readonly origin: Origin
  readonly agent: Dispatcher
  readonly cache: BaseCache
  readonly reported: CacheError[]
  /** Asks as a client does, and reads all of the answer. */
  read(headers?: Record<string, string>): Promise<Buffer>
}

async function store(
  t: TestContext,
  asset: Asset,
  options: CacheOptions = {},
  headers: Record<string, string> = {},
): Promise<Site> {
  const origin = await startAssetOrigin(t, asset)
  const reported: CacheError[] = []
  const { agent, caching } = cachedAgent(t, {
    cacheName: `${temporaryFolder(t)}/c`,
    onError: (error) => reported.push(error),
    ...options,
  })
  const read = async (sent = headers): Promise<Buffer> => {
    const response = await request(origin.url, { dispatcher: agent, headers: sent })
    return Buffer.from(await response.body.arrayBuffer())
  }
  await read()
  await caching.cache.flush()
  assert.equal(await caching.cache.size(), 1)
  return { asset, origin, agent, cache: caching.cache, reported, read }
}

async function removePart({ cache }: Site, index: number): Promise<void> {
  for await (const key of cache.responses.keys()) {
    if (kindOfRecord(key) === 'part' && key.endsWith(`.${index}`)) await cache.responses.delete(key)
  }
}

const codes = ({ reported }: Site): string[] => reported.map(({ code }) => code)

const etag = { etag: '"one"' }
const dated = {
  'last-modified': 'Thu, 01 Jan 2015 00:00:00 GMT',
  date: 'Thu, 01 Jan 2026 00:00:00 GMT',
}

for (const backend of embedded) {
  describe(`${backend}: a part of a long body that is gone`, () => {
    for (const [name, asset, asked] of [
      ['strong ETag, ranges', { headers: etag }, ['bytes=2097152-']],
      ['strong date, ranges', { headers: dated }, ['bytes=2097152-']],
      ['strong ETag, no ranges', { headers: etag, ranges: 'ignored' }, ['bytes=2097152-']],
      ['another range', { headers: etag, ranges: 'wrong' }, ['bytes=2097152-', undefined]],
      ['a refused range', { headers: etag, ranges: 'refused' }, ['bytes=2097152-', undefined]],
      ['weak ETag', { headers: { etag: 'W/"one"' } }, [undefined]],
      ['no validator', {}, [undefined]],
      ['no length either', { chunked: true }, [undefined]],
    ] as const) {
      test(`comes from the origin: ${name}`, async (t) => {
        const site = await store(t, { body, ...asset }, { backend })
        await removePart(site, 2)
        assert.ok((await site.read()).equals(body))
        const [, ...questions] = site.origin.requests
        assert.deepEqual(
          questions.map(({ headers }) => headers.range),
          asked,
        )
        // The entry has gone: the next one stores it anew, and the one after is whole.
        await site.cache.flush()
        assert.equal(await site.cache.size(), 0)
        assert.ok((await site.read()).equals(body))
        await site.cache.flush()
        const seen = site.origin.requests.length
        assert.ok((await site.read()).equals(body))
        assert.equal(site.origin.requests.length, seen)
        assert.deepEqual(codes(site), ['ERR_CACHE_ENTRY_CORRUPT'])
      })
    }

    test('fetch gets all of it, too', async (t) => {
      const site = await store(t, { body, headers: etag }, { backend })
      const ask = async (): Promise<Buffer> => {
        const response = await fetch(site.origin.url, { dispatcher: site.agent })
        return Buffer.from(await response.arrayBuffer())
      }
      await ask()
      await site.cache.flush()
      await removePart(site, 3)
      assert.ok((await ask()).equals(body))
    })

    test('whoever reads at the same time gets all of it, and it is told once', async (t) => {
      const site = await store(t, { body, headers: etag }, { backend })
      await removePart(site, 1)
      const answers = await Promise.all(Array.from({ length: 5 }, () => site.read()))
      assert.ok(answers.every((answer) => answer.equals(body)))
      assert.deepEqual(codes(site), ['ERR_CACHE_ENTRY_CORRUPT'])
    })

    test('the first one: the origin answers, and the entry is replaced', async (t) => {
      const site = await store(t, { body, headers: etag }, { backend })
      await removePart(site, 0)
      assert.ok((await site.read()).equals(body))
      await site.cache.flush()
      assert.ok((await site.read()).equals(body))
      assert.equal(site.origin.requests.length, 2)
      assert.deepEqual(codes(site), ['ERR_CACHE_ENTRY_CORRUPT'])
    })
  })
}

describe('an origin that has something else by now', () => {
  const other = randomBytes(body.byteLength)
  const tail = Buffer.concat([body.subarray(0, -1), Buffer.from([body.at(-1)! ^ 1])])
  for (const [name, before, after] of [
    ['another ETag', { headers: etag }, { body: other, headers: { etag: '"two"' } }],
    ['another ETag of the same bytes', { headers: etag }, { headers: { etag: '"two"' } }],
    ['no ETag any more', { headers: etag }, { headers: {} }],
    ['another date', { headers: dated }, { headers: { ...dated, 'last-modified': dated.date } }],
    ['other bytes', {}, { body: other }],
    ['other bytes, no length', { chunked: true }, { body: other }],
    ['another length', {}, { body: Buffer.concat([body, body]) }],
    ['another status', {}, { status: 500 }],
    ['fewer bytes', { chunked: true }, { body: body.subarray(0, mebibyte) }],
    ['a connection that breaks', { headers: etag, ranges: 'ignored' }, { cutAfter: 3 * mebibyte }],
  ] as const) {
    test(`${name}: the response ends with an error that says so, and the next heals`, async (t) => {
      const site = await store(t, { body, ...before })
      await removePart(site, 2)
      Object.assign(site.asset, after)
      await assert.rejects(site.read(), (error: CacheError) => {
        assert.equal(error.name, 'CacheError')
        assert.equal(error.code, 'ERR_CACHE_ENTRY_CORRUPT')
        assert.match(error.message, /origin/)
        assert.ok(error.cause instanceof Error)
        return true
      })
      assert.deepEqual(codes(site), ['ERR_CACHE_ENTRY_CORRUPT'])
      Object.assign(site.asset, { cutAfter: undefined, status: 200 })
      assert.ok((await site.read()).equals(site.asset.body))
    })
  }

  test('bytes without a validator, the same so far and then others, are the new ones', async (t) => {
    const site = await store(t, { body })
    await removePart(site, 2)
    site.asset.body = tail
    assert.ok((await site.read()).equals(tail))
  })
})

test('a coded body goes on in the same coding', async (t) => {
  const headers = { 'accept-encoding': 'gzip' }
  const site = await store(t, { body, headers: etag }, {}, headers)
  const stored = await site.read()
  await removePart(site, 2)
  assert.ok((await site.read()).equals(stored))
  assert.equal(site.origin.requests.at(-1)!.headers['accept-encoding'], 'gzip')
  assert.equal(site.origin.requests.at(-1)!.headers.range, 'bytes=2097152-')
})

test('another coding of the same validator is not taken', async (t) => {
  const site = await store(t, { body, headers: etag })
  await removePart(site, 2)
  site.asset.headers = { ...etag, 'content-encoding': 'br' }
  await assert.rejects(site.read(), { code: 'ERR_CACHE_ENTRY_CORRUPT', message: /coding/ })
})

test('trailers come at the end', async (t) => {
  const site = await store(t, { body, headers: etag, trailers: { digest: 'abc' } })
  await removePart(site, 2)
  const response = await request(site.origin.url, { dispatcher: site.agent })
  assert.ok(Buffer.from(await response.body.arrayBuffer()).equals(body))
  assert.deepEqual(response.trailers, { digest: 'abc' })
})

describe('a request that must not ask the origin', () => {
  for (const [name, options, headers] of [
    ['onlyIfCached', { onlyIfCached: true }, {}],
    ['only-if-cached', {}, { 'cache-control': 'only-if-cached' }],
  ] as const) {
    test(`${name}: ends with an error, and the entry goes`, async (t) => {
      const site = await store(t, { body, headers: etag })
      await removePart(site, 2)
      const asked = request(site.origin.url, {
        dispatcher: site.agent,
        headers,
        cache: options,
      } as Parameters<typeof request>[1])
      await assert.rejects(
        asked.then(({ body: read }) => read.arrayBuffer()),
        { code: 'ERR_CACHE_ENTRY_CORRUPT' },
      )
      assert.equal(site.origin.requests.length, 1)
      await site.cache.flush()
      assert.equal(await site.cache.size(), 0)
      assert.deepEqual(codes(site), ['ERR_CACHE_ENTRY_CORRUPT'])
    })

    test(`${name}: is refused where nothing was handed out`, async (t) => {
      const site = await store(t, { body, headers: etag })
      await removePart(site, 0)
      const response = await request(site.origin.url, {
        dispatcher: site.agent,
        headers,
        cache: options,
      } as Parameters<typeof request>[1])
      await response.body.dump()
      assert.equal(response.statusCode, 504)
      assert.equal(getCacheInfo(response)?.reason, 'only-if-cached')
      assert.equal(site.origin.requests.length, 1)
    })
  }
})

test('a cache that is only read keeps the entry', async (t) => {
  const site = await store(t, { body, headers: etag })
  await removePart(site, 2)
  const response = await request(site.origin.url, {
    dispatcher: site.agent,
    cache: { readOnly: true },
  } as Parameters<typeof request>[1])
  assert.ok(Buffer.from(await response.body.arrayBuffer()).equals(body))
  assert.equal(await site.cache.size(), 1)
})

describe('a caller', () => {
  test('that stops reading stops the origin, and goes on', async (t) => {
    const site = await store(t, { body, headers: etag, ranges: 'ignored' })
    await removePart(site, 1)
    const response = await request(site.origin.url, { dispatcher: site.agent })
    await once(response.body, 'readable')
    const parts: Buffer[] = []
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      parts.push(chunk)
      await later(2)
    }
    assert.ok(Buffer.concat(parts).equals(body))
  })

  test('that leaves ends the question to the origin', async (t) => {
    const site = await store(t, { body, headers: etag })
    await removePart(site, 1)
    const leaving = new AbortController()
    const response = await request(site.origin.url, {
      dispatcher: site.agent,
      signal: leaving.signal,
    })
    let bytes = 0
    await assert.rejects(
      async () => {
        for await (const chunk of response.body as AsyncIterable<Buffer>) {
          bytes += chunk.byteLength
          if (bytes > 2 * mebibyte) leaving.abort()
        }
      },
      { name: 'AbortError' },
    )
  })

  test('that leaves while the origin is being asked is told once', async (t) => {
    const site = await store(t, { body, headers: etag })
    await removePart(site, 1)
    const leaving = new AbortController()
    const response = await request(site.origin.url, {
      dispatcher: site.agent,
      signal: leaving.signal,
    })
    response.body.once('data', () => setImmediate(() => leaving.abort()))
    await assert.rejects(once(response.body, 'end'), { name: 'AbortError' })
  })
})

test('an origin that has gone: an error with its cause', async (t) => {
  const site = await store(t, { body, headers: etag })
  await removePart(site, 2)
  await site.origin.close()
  await assert.rejects(site.read(), (error: CacheError) => {
    assert.equal(error.code, 'ERR_CACHE_ENTRY_CORRUPT')
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ECONNREFUSED')
    return true
  })
})
