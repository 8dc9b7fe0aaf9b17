/** What is deleted while a response is on its way does not come back with it. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { request, type Dispatcher } from 'undici'
import type { ServerResponse } from 'node:http'
import { getCacheInfo, type CacheInfo } from '../../lib/response/cache-info.ts'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { partBytes } from '../../lib/entries/body-parts.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

const long = Buffer.alloc(3 * partBytes + 5, 'long ')
const short = Buffer.from('short')

interface Bench {
  readonly cache: BaseCache
  readonly folder: string
  readonly agent: Dispatcher
  readonly url: string
  /** The response that has begun, and is held. */
  held(): Promise<ServerResponse>
  /** Begins to ask, and says how that ended. */
  ask(): Promise<{ body: Promise<Buffer>; info: () => CacheInfo }>
}

async function setUp(t: TestContext, backend: (typeof embedded)[number]): Promise<Bench> {
  const folder = temporaryFolder(t)
  const cache = openCache(backend, folder)
  t.after(() => cache.close())
  let hold = Promise.withResolvers<ServerResponse>()
  const origin = await startOrigin(t, ({ method }, response) => {
    if (method !== 'GET') return response.end('changed')
    return hold.resolve(response)
  })
  const { agent } = cachedAgent(t, { backend: cache })
  return {
    cache,
    folder,
    agent,
    url: origin.url,
    async held() {
      const response = await hold.promise
      hold = Promise.withResolvers()
      return response
    },
    async ask() {
      const response = await request(origin.url, { dispatcher: agent })
      return {
        body: response.body.arrayBuffer().then((bytes) => Buffer.from(bytes)),
        info: () => getCacheInfo(response)!,
      }
    },
  }
}

const removals: {
  name: string
  why: string
  remove: (bench: Bench) => Promise<unknown>
}[] = [
  { name: 'clear()', why: 'cleared', remove: ({ cache }) => cache.clear() },
  { name: 'delete(url)', why: 'invalidated', remove: ({ cache, url }) => cache.delete(url) },
  {
    name: 'a POST to the same URL',
    why: 'invalidated',
    async remove({ agent, url, cache }) {
      const { body } = await request(url, { method: 'POST', dispatcher: agent })
      await body.text()
      await cache.flush()
    },
  },
]

for (const backend of embedded) {
  describe(backend, () => {
    for (const { name, why, remove } of removals) {
      for (const [length, content] of Object.entries({ long, short })) {
        test(`${name} before the head of a ${length} response: it is not stored`, async (t) => {
          const bench = await setUp(t, backend)
          const asked = bench.ask()
          const origin = await bench.held()
          await remove(bench)
          origin.end(content)
          const { body, info } = await asked
          assert.ok((await body).equals(content))
          await bench.cache.flush()
          assert.deepEqual([info().stored, info().reason], [false, why])
          assert.equal(await bench.cache.responses.size(), 0)
        })

        test(`${name} while its ${length} body arrives: it is not stored`, async (t) => {
          const bench = await setUp(t, backend)
          const asked = bench.ask()
          const origin = await bench.held()
          const half = content.byteLength >> 1
          await new Promise((resolve) => origin.write(content.subarray(0, half), resolve))
          const { body, info } = await asked
          if (content === long) {
            while ((await bench.cache.responses.size()) === 0) await later(5)
          }
          await remove(bench)
          origin.end(content.subarray(half))
          assert.ok((await body).equals(content))
          await bench.cache.flush()
          assert.deepEqual([info().stored, info().reason], [false, why])
          // Its parts go a little later.
          for (let i = 0; i < 50 && (await bench.cache.responses.size()) > 0; i++) {
            await later(20)
          }
          assert.equal(await bench.cache.responses.size(), 0)
          // The next one is stored.
          const next = bench.ask()
          const again = await bench.held()
          again.end(content)
          await (
            await next
          ).body
          await bench.cache.flush()
          assert.equal(await bench.cache.has(bench.url), true)
        })
      }
    }

    test('deleting another URL changes nothing', async (t) => {
      const bench = await setUp(t, backend)
      const asked = bench.ask()
      const origin = await bench.held()
      await bench.cache.delete(`${bench.url}/other`)
      origin.end(long)
      await (
        await asked
      ).body
      await bench.cache.flush()
      assert.equal(await bench.cache.has(bench.url), true)
    })
  })
}

for (const backend of ['sqlite', 'filesystem'] as const) {
  test(`${backend}: another process clears the cache while a long body arrives`, async (t) => {
    const bench = await setUp(t, backend)
    const asked = bench.ask()
    const origin = await bench.held()
    await new Promise((resolve) => origin.write(long.subarray(0, 2 * partBytes + 1), resolve))
    const { body, info } = await asked
    while ((await bench.cache.responses.size()) < 2) await later(5)
    const client = new URL('clearing-client.ts', import.meta.url)
    const child = fork(client, [backend, bench.folder], { execArgv: ['--import', 'tsx'] })
    assert.deepEqual(await once(child, 'exit'), [0, null])
    origin.end(long.subarray(2 * partBytes + 1))
    assert.ok((await body).equals(long))
    await bench.cache.flush()
    assert.deepEqual([info().stored, info().reason], [false, 'cleared'])
    assert.equal(await bench.cache.has(bench.url), false)
  })
}
