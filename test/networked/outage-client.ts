/** A client with a cache whose server is harmed, and an origin that goes on answering. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { request } from 'undici'
import type { CacheError } from '../../lib/errors.ts'
import type { CacheInterceptor } from '../../lib/interceptor.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin, type Origin } from '../integration/origin.ts'
import type { Place } from './harmed-server.ts'

/** What a request waits for the storage: long enough for a hit on a machine that is busy. */
export const budget = 600

/** One request, as the caller sees it. */
export interface Answer {
  readonly hit: boolean
  readonly ms: number
}

/** See the top of the file. */
export interface OutageClient {
  readonly name: string
  readonly origin: Origin
  readonly caching: CacheInterceptor
  /** What the cache has told of. */
  readonly reports: readonly CacheError[]
  /** Fails where the answer is not the origin's own. */
  ask(path: string, of?: Origin): Promise<Answer>
  /** Asks until the answer comes from the cache. @returns how long that took */
  untilHit(path: string, limit: number): Promise<number>
}

/** Opens the cache, closed after the test. */
export async function openClient(
  t: TestContext,
  name: string,
  place: Place,
  storageTimeout: number = budget,
): Promise<OutageClient> {
  const origin = await startOrigin(t, ({ path }, response) => response.end(`the answer to ${path}`))
  const reports: CacheError[] = []
  const { agent, caching } = cachedAgent(t, {
    ...place,
    storageTimeout,
    onError: (error) => reports.push(error),
  })
  const ask = async (path: string, of = origin): Promise<Answer> => {
    const begin = performance.now()
    const response = await request(of.url + path, { dispatcher: agent })
    assert.equal(await response.body.text(), `the answer to ${path}`)
    const status = String(response.headers['cache-status'])
    return { hit: status.includes('; hit'), ms: performance.now() - begin }
  }
  const untilHit = async (path: string, limit: number): Promise<number> => {
    const begin = performance.now()
    for (;;) {
      // What is still being written is handed out as well, and need never arrive.
      await caching.cache.flush()
      if ((await ask(path)).hit) return performance.now() - begin
      const waited = performance.now() - begin
      assert.ok(waited < limit, `${name}: no hit after ${waited} ms`)
      await later(25)
    }
  }
  return { name, origin, caching, reports, ask, untilHit }
}
