import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { request } from 'undici'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startOrigin } from './origin.ts'

const mebibyte = 2 ** 20

describe('the caller gets bytes as they arrive', () => {
  test('the first before the last was sent', async (t) => {
    let finish = (): void => {}
    const origin = await startOrigin(t, (_, response) => {
      response.write('first ')
      finish = () => response.end('last')
    })
    const { agent, caching } = cachedAgent(t)
    const { body } = await request(origin.url, { dispatcher: agent })
    const chunks: string[] = []
    body.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
    await once(body, 'data')
    assert.deepEqual(chunks, ['first '])
    assert.equal(await caching.cache.size(), 0)
    finish()
    await once(body, 'end')
    assert.equal(chunks.join(''), 'first last')
    assert.equal(await caching.cache.size(), 1)
  })

  test('with back-pressure: a caller that stops reading stops the origin', async (t) => {
    let sent = 0
    const total = 64 * mebibyte
    const origin = await startOrigin(t, (_, response) => {
      const chunk = Buffer.alloc(64 * 1024)
      const send = (): void => {
        while (sent < total) {
          sent += chunk.byteLength
          if (!response.write(chunk)) return void response.once('drain', send)
        }
        response.end()
      }
      send()
    })
    const { agent } = cachedAgent(t, { maxBodyBytes: 100 * mebibyte })
    const { body } = await request(origin.url, { dispatcher: agent })
    await once(body, 'readable')
    await later(300)
    // What the kernel's buffers hold on top of our window is several MiB.
    assert.ok(sent < total / 2, `the origin could send ${sent} bytes`)
    assert.equal((await body.arrayBuffer()).byteLength, total)
  })

  test('and one that never reads does not keep a small response out of the cache', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end(Buffer.alloc(600_000, 'x')))
    const { agent, caching } = cachedAgent(t)
    const unread = await request(origin.url, { dispatcher: agent })
    while ((await caching.cache.size()) === 0) await later(5)
    const second = await request(origin.url, { dispatcher: agent })
    assert.equal((await second.body.arrayBuffer()).byteLength, 600_000)
    assert.equal(getCacheInfo(second)?.hit, true)
    await unread.body.dump()
  })
})

describe('what is not stored', () => {
  test('a response over the limit, whether it says its length or not', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      if (path === '/known') response.setHeader('content-length', 3000)
      response.write(Buffer.alloc(1500))
      response.end(Buffer.alloc(1500))
    })
    const { agent, caching } = cachedAgent(t, { maxBodyBytes: 2000 })
    for (const path of ['/known', '/unknown']) {
      const response = await request(origin.url + path, { dispatcher: agent })
      assert.equal((await response.body.arrayBuffer()).byteLength, 3000)
      assert.equal(getCacheInfo(response)?.reason, 'too-large')
    }
    assert.equal(await caching.cache.size(), 0)
  })

  for (const backend of embedded) {
    test(`${backend}: a truncated or aborted response, not even its parts`, async (t) => {
      const origin = await startOrigin(t, ({ path }, response) => {
        response.setHeader('content-length', 10 * mebibyte)
        response.write(Buffer.alloc(3 * mebibyte), () => {
          if (path === '/truncated') response.destroy()
        })
      })
      const { agent, caching } = cachedAgent(t, { backend, cacheName: `${temporaryFolder(t)}/c` })
      const truncated = await request(`${origin.url}/truncated`, { dispatcher: agent })
      await assert.rejects(truncated.body.arrayBuffer())
      const aborting = new AbortController()
      const aborted = await request(`${origin.url}/aborted`, {
        dispatcher: agent,
        signal: aborting.signal,
      })
      await assert.rejects(
        async () => {
          for await (const _ of aborted.body) aborting.abort()
        },
        { name: 'AbortError' },
      )
      await caching.cache.flush()
      while ((await caching.cache.responses.size()) > 0) await later(5)
      assert.equal(await caching.cache.size(), 0)
    })
  }

  test('an event stream is wanted besides others: the Content-Type decides', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) => {
      const type = path === '/stream' ? 'text/event-stream' : 'application/json'
      response.writeHead(200, { 'content-type': type }).end('{}')
    })
    const { agent, caching } = cachedAgent(t)
    for (const accept of [
      'application/json, text/event-stream',
      // As urql asks.
      'application/graphql-response+json, text/event-stream, multipart/mixed',
    ]) {
      await caching.clear()
      for (const hit of [false, true]) {
        for (const path of ['/json', '/stream']) {
          const init = { headers: { accept }, dispatcher: agent }
          const response = await request(origin.url + path, init)
          assert.equal(await response.body.text(), '{}')
          assert.equal(getCacheInfo(response)?.hit, hit && path === '/json')
        }
      }
    }
  })

  test('an event stream, however it is asked for', async (t) => {
    const origin = await startOrigin(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('data: x\n\n')
    })
    const { agent, caching } = cachedAgent(t)
    const plain = await request(origin.url, { dispatcher: agent })
    await plain.body.dump()
    assert.equal(getCacheInfo(plain)?.reason, 'event-stream')
    const headers = { accept: 'text/event-stream' }
    const asked = await request(origin.url, { headers, dispatcher: agent })
    await asked.body.dump()
    assert.equal(getCacheInfo(asked), undefined)
    assert.equal(await caching.cache.size(), 0)
  })
})

/** A storage that takes its time to write. */
class SlowStorage extends MemoryStorage {
  readonly #delay: number

  constructor(delay: number) {
    super()
    this.#delay = delay
  }

  override adopt(key: string, record: StoredRecord): Promise<void> {
    return later(this.#delay, undefined, { ref: false }).then(() => super.adopt(key, record))
  }
}

class SlowCache extends BaseCache {
  override readonly responses: SlowStorage

  constructor(delay: number) {
    super()
    this.responses = new SlowStorage(delay)
  }
}

describe('a slow cache', () => {
  test('holds no caller up, and what was read is found before it is written', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end('quick'))
    const cache = new SlowCache(400)
    const { agent } = cachedAgent(t, { backend: cache })
    const begin = performance.now()
    for (let round = 0; round < 3; round++) {
      const { body } = await request(origin.url, { dispatcher: agent })
      assert.equal(await body.text(), 'quick')
    }
    assert.ok(performance.now() - begin < 350)
    assert.equal(origin.requests.length, 1)
  })

  test('gives up on a body that comes faster than it can be written', async (t) => {
    const origin = await startOrigin(t, (_, response) => response.end(Buffer.alloc(80 * mebibyte)))
    const reported: CacheError[] = []
    const cache = new SlowCache(3000)
    const { agent } = cachedAgent(t, {
      backend: cache,
      maxBodyBytes: 100 * mebibyte,
      onError: (error) => reported.push(error),
    })
    const response = await request(origin.url, { dispatcher: agent })
    assert.equal((await response.body.arrayBuffer()).byteLength, 80 * mebibyte)
    assert.equal(getCacheInfo(response)?.reason, 'too-slow')
    assert.deepEqual(
      reported.map(({ code }) => code),
      ['ERR_CACHE_STORAGE_TIMEOUT'],
    )
  })
})

for (const backend of ['sqlite', 'filesystem'] as const) {
  test(`${backend}: memory stays bounded while a long body passes through, stored and replayed`, async (t) => {
    const size = 192 * mebibyte
    const chunk = Buffer.alloc(256 * 1024, 'some bytes ')
    const origin = await startOrigin(t, (_, response) => {
      let sent = 0
      const send = (): void => {
        while (sent < size) {
          sent += chunk.byteLength
          if (!response.write(chunk)) return void response.once('drain', send)
        }
        response.end()
      }
      send()
    })
    const { agent } = cachedAgent(t, { backend, cacheName: `${temporaryFolder(t)}/c` })
    const before = process.memoryUsage().rss
    let peak = 0
    for (const hit of [false, true]) {
      const { body, ...response } = await request(origin.url, { dispatcher: agent })
      assert.equal(getCacheInfo(response)?.hit, hit)
      let bytes = 0
      for await (const part of body as AsyncIterable<Buffer>) {
        bytes += part.byteLength
        peak = Math.max(peak, process.memoryUsage().rss)
      }
      assert.equal(bytes, size)
    }
    // Far below the body; the origin runs in this process, too.
    assert.ok(peak - before < 130 * mebibyte, `memory grew by ${(peak - before) / mebibyte} MiB`)
    assert.equal(origin.requests.length, 1)
  })
}
