/** What an origin may write into its head is stored and replayed, or not stored: never refused later. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { fetch, request, type Dispatcher } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import type { CacheError } from '../../lib/errors.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { cachedAgent, embedded, openCache, temporaryFolder } from './caches.ts'

/** Answers with this reason phrase, as bytes. */
async function rawOrigin(t: TestContext, reason: string): Promise<{ url: string; asked: number }> {
  const origin = { url: '', asked: 0 }
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', () => {
      origin.asked++
      socket.write(Buffer.from(`HTTP/1.1 200 ${reason}\r\nContent-Length: 2\r\nX: ü\r\n\r\nok`))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  origin.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return origin
}

for (const backend of embedded) {
  describe(backend, () => {
    for (const reason of ['成功', 'Gelöscht', 'Всё хорошо', '👌', 'a\tb', '']) {
      test(`200 ${JSON.stringify(reason)} is stored, and replayed as it came`, async (t) => {
        const origin = await rawOrigin(t, reason)
        const cache = openCache(backend, temporaryFolder(t))
        t.after(() => cache.close())
        const { agent: dispatcher } = cachedAgent(t, { backend: cache })
        for (let i = 0; i < 2; i++) {
          const response = await request(origin.url, { dispatcher })
          await response.body.text()
          assert.equal((response as { statusText?: string }).statusText, reason)
          const fetched = await fetch(origin.url, { dispatcher })
          assert.deepEqual([fetched.statusText, await fetched.text()], [reason, 'ok'])
          await cache.flush()
        }
        const { hits, unreadable } = await cache.stats()
        assert.deepEqual([origin.asked, hits, unreadable], [1, 3, 0])
      })
    }
  })
}

describe('what no message can hold is not stored, and is not told as a failure', () => {
  const heads: Readonly<Record<string, Partial<Head>>> = {
    'a header line beyond latin1': { headers: { x: '成功' } },
    'a line break in a header line': { headers: { x: 'a\r\nSet-Cookie: b' } },
    'a line break in the reason phrase': { statusText: 'OK\r\nX: 1' },
    'a trailer beyond latin1': { trailers: { x: '成功' } },
  }
  for (const [name, head] of Object.entries(heads)) {
    test(name, async (t) => {
      const cache = openCache('sqlite', temporaryFolder(t))
      t.after(() => cache.close())
      const errors: CacheError[] = []
      const caching = cacheInterceptor({ backend: cache, onError: (error) => errors.push(error) })
      let asked = 0
      const dispatch = caching((_options, handler) => {
        asked++
        return answer(handler, head)
      })
      for (const nth of [1, 2]) {
        const info = await ask(dispatch)
        await cache.flush()
        assert.deepEqual([info?.stored, info?.reason, asked], [false, 'malformed', nth])
      }
      assert.deepEqual([errors, await cache.responses.size()], [[], 0])
    })
  }
})

interface Head {
  readonly statusText: string
  readonly headers: Record<string, string>
  readonly trailers: Record<string, string>
}

// What no server can send: interceptors below the cache can.
function answer(handler: Dispatcher.DispatchHandler, given: Partial<Head>): boolean {
  const { statusText = 'OK', headers = {}, trailers = {} } = given
  const controller = {
    rawHeaders: Object.entries(headers).flat(),
    rawTrailers: Object.entries(trailers).flat(),
    aborted: false,
    paused: false,
    reason: null,
    abort() {},
    pause() {},
    resume() {},
  } as unknown as Dispatcher.DispatchController
  handler.onRequestStart?.(controller, {})
  handler.onResponseStart?.(controller, 200, headers, statusText)
  handler.onResponseData?.(controller, Buffer.from('ok'))
  handler.onResponseEnd?.(controller, trailers)
  return true
}

function ask(dispatch: Dispatcher.Dispatch): Promise<ReturnType<typeof getCacheInfo>> {
  return new Promise((resolve, reject) => {
    let context: unknown
    const options: Dispatcher.DispatchOptions = { origin: 'http://a', path: '/', method: 'GET' }
    dispatch(options, {
      onRequestStart: (_controller, given) => (context = given),
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd: () => resolve(getCacheInfo({ context })),
      onResponseError: (_controller, error) => reject(error),
    })
  })
}
