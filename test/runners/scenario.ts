/**
 * A program that does with a cache whatever may have to wait for a timer. Under fake timers that
 * stand still it has to come to its end all the same.
 */
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'

/** What the scenario needs of undici. */
export interface Undici {
  readonly Agent: new () => Composable
  readonly request: (url: string, options: { dispatcher: unknown }) => Promise<Answer>
}

interface Composable {
  compose(interceptor: unknown): Composed
}

interface Composed {
  dispatch(options: object, handler: object): boolean
  close(): Promise<void>
}

interface Answer {
  readonly headers: Record<string, unknown>
  readonly body: { text(): Promise<string> }
}

/** What the scenario needs of this library. */
export interface Library {
  readonly cacheInterceptor: (options: object) => {
    readonly cache: { size(): Promise<number>; flush(): Promise<void>; prune(): Promise<number> }
    clear(): Promise<void>
    close(): Promise<void>
  }
}

/** What a backend is to be tried with. */
export const backends = ['memory', 'sqlite', 'filesystem'] as const

const long = 'x'.repeat(100_000)

/**
 * @param tell told of each step when it is done
 * @throws Error where a response is not what it should be
 */
export async function useEverything(
  { cacheInterceptor }: Library,
  { Agent, request }: Undici,
  folder: string,
  tell: (step: string) => void,
): Promise<void> {
  let asked = 0
  const server = createServer((incoming, response) => {
    asked++
    response.end(incoming.url === '/long' ? long : `${incoming.url} ${asked}`)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const failures: unknown[] = []
  const onError = (error: unknown): number => failures.push(error)

  for (const backend of backends) {
    const caching = cacheInterceptor({ backend, cacheName: join(folder, backend), onError })
    const brief = cacheInterceptor({
      backend,
      cacheName: join(folder, `${backend}-brief`),
      expireAfter: 0.001,
      staleWhileRevalidate: true,
      onError,
    })
    const dispatcher = new Agent().compose(caching)
    const briefly = new Agent().compose(brief)
    const get = async (path: string, by: unknown = dispatcher): Promise<string> => {
      const { body } = await request(origin + path, { dispatcher: by })
      return body.text()
    }
    for (let i = 0; i < 120; i++) assert((await get('/long')) === long, 'a long body')
    tell(`${backend}: hits of 100 kB`)
    const first = await get('/short')
    for (let i = 0; i < 1_100; i++) assert((await get('/short')) === first, 'a short body')
    tell(`${backend}: hits of a few bytes`)
    await Promise.all(Array.from({ length: 50 }, (_, i) => get(`/at-once/${i % 5}`)))
    tell(`${backend}: many at once`)
    await caching.cache.flush()
    assert((await caching.cache.size()) === 7, 'how many are stored')
    await caching.cache.prune()
    tell(`${backend}: listing`)
    // The date may stand still: then nothing expires.
    for (let i = 0; i < 5; i++) {
      await get('/brief', briefly)
      await brief.cache.flush()
    }
    tell(`${backend}: refreshing in the background`)
    await caching.clear()
    assert((await caching.cache.size()) === 0, 'that it is cleared')
    tell(`${backend}: clear()`)
    await get('/after')
    await caching.close()
    await brief.close()
    tell(`${backend}: close()`)
    await dispatcher.close()
    await briefly.close()
  }
  assert(failures.length === 0, `that nothing failed: ${String(failures[0])}`)
  server.close()
  server.closeAllConnections()
  tell('end')
}

function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not as it should be: ${what}`)
}

/**
 * Uses what is stored while everything is faked, also that without which undici cannot connect.
 * @param fake fakes all that the runner knows
 */
export async function useStored(
  { cacheInterceptor }: Library,
  { Agent, request }: Undici,
  folder: string,
  tell: (step: string) => void,
  fake: () => void,
): Promise<void> {
  const server = createServer((_, response) => response.end(long))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const opened = []
  for (const backend of backends) {
    const caching = cacheInterceptor({ backend, cacheName: join(folder, `${backend}-stored`) })
    const dispatcher = new Agent().compose(caching)
    const { body } = await request(origin, { dispatcher })
    await body.text()
    await caching.cache.flush()
    opened.push({ backend, caching, dispatcher })
  }
  server.close()
  server.closeAllConnections()
  fake()
  for (const { backend, caching, dispatcher } of opened) {
    for (let i = 0; i < 1_100; i++) await answer(dispatcher, origin)
    tell(`${backend}: hits`)
    await caching.clear()
    assert((await caching.cache.size()) === 0, 'that it is cleared')
    tell(`${backend}: clear()`)
    await caching.close()
    tell(`${backend}: close()`)
  }
  tell('end')
}

// Without a stream, which would need `process.nextTick`.
function answer(dispatcher: Composed, origin: string): Promise<void> {
  return new Promise((resolve, reject) => {
    dispatcher.dispatch(
      { origin, path: '/', method: 'GET' },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd: () => resolve(),
        onResponseError: (_: unknown, error: Error) => reject(error),
      },
    )
  })
}
