/** How a promise of the cache becomes a test: with an origin, a cache, and clients between them. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, fetch, request, type Dispatcher } from 'undici'
import type { StoredRecord } from '../storage/base-storage.ts'
import type { BaseCache } from '../cache/base-cache.ts'
import { cacheInterceptor, type CacheInterceptor } from '../interceptor.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { CacheOptions } from '../options/options.ts'
import { getCacheInfo } from '../response/cache-info.ts'
import { startOrigin, type Origin } from './origin.ts'

/** How the suite comes by caches. */
export interface CacheSource {
  /** An empty cache, at each call another. */
  readonly open: () => MaybePromise<BaseCache>
  /** A second cache over what the given one has stored. */
  readonly reopen?: ((cache: BaseCache) => MaybePromise<BaseCache>) | undefined
}

/** A response that has been read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
  /** Whether it came out of the cache. */
  readonly hit: boolean
  /** Every URL of a chain that was followed below the cache. */
  readonly history: readonly string[]
}

/** As `Answer`, by `fetch`. */
export interface FetchAnswer extends Pick<Answer, 'status' | 'body' | 'hit'> {
  readonly url: string
  readonly redirected: boolean
}

type AskOptions = Partial<Omit<Dispatcher.RequestOptions, 'origin' | 'path'>>
type FetchOptions = Parameters<typeof fetch>[1]

/** A program that sends requests through the cache. */
export interface Client {
  readonly caching: CacheInterceptor
  readonly dispatcher: Dispatcher
  /** Asks by `request`; a path is one of the origin. */
  ask(path: string, options?: AskOptions): Promise<Answer>
  /** Asks by `fetch`. */
  fetch(path: string, options?: FetchOptions): Promise<FetchAnswer>
}

/** What a test gets. */
export interface CacheBench {
  readonly cache: BaseCache
  readonly origin: Origin
  /** A second cache over the same contents. */
  readonly reopen: (cache: BaseCache) => Promise<BaseCache>
  /**
   * A program of its own. What its cache reports as an error fails the test, unless it listens.
   * @param below interceptors between the cache and the network
   */
  readonly client: (
    options?: CacheOptions,
    below?: readonly Dispatcher.DispatcherComposeInterceptor[],
  ) => Client
}

/** Registers one promise. */
export type CacheCheck = (promise: string, run: (bench: CacheBench) => Promise<void>) => void

/** Registers tests that hold for each cache. */
export function cacheCheckWith(source: CacheSource): CacheCheck {
  return (promise, run) => {
    test(promise, async (t) => run(await benchOf(source, t)))
  }
}

/** Registers tests that hold where contents outlive, and are shared by, their caches. */
export function sharedCacheCheckWith(source: CacheSource): CacheCheck {
  return (promise, run) => {
    test(promise, async (t) => {
      const bench = await benchOf(source, t)
      if (!bench.cache.responses.traits.persistent) return t.skip('not persistent')
      if (source.reopen === undefined) return t.skip('the suite was given no `reopen`')
      return run(bench)
    })
  }
}

async function benchOf(source: CacheSource, t: TestContext): Promise<CacheBench> {
  const origin = await startOrigin()
  t.after(() => origin.close())
  const track = (cache: BaseCache): BaseCache => {
    t.after(async () => {
      // Some tests have closed theirs; what they left is cleared through the one they reopened.
      await cache.clear().catch(() => {})
      await cache.close()
    })
    return cache
  }
  const cache = track(await source.open())
  return {
    cache,
    origin,
    reopen: async (given) => {
      assert.ok(source.reopen)
      return track(await source.reopen(given))
    },
    client: (options, below) => createClient(t, origin, { backend: cache, ...options }, below),
  }
}

function createClient(
  t: TestContext,
  origin: Origin,
  options: CacheOptions,
  below: readonly Dispatcher.DispatcherComposeInterceptor[] = [],
): Client {
  const errors: unknown[] = []
  const caching = cacheInterceptor({ onError: (error) => errors.push(error), ...options })
  const agent = new Agent()
  const dispatcher = agent.compose(...below, caching)
  t.after(async () => {
    await caching.close()
    await agent.destroy()
    assert.deepEqual(errors, [], 'the cache has reported errors')
  })
  return {
    caching,
    dispatcher,
    ask: (path, given) => ask(origin.url + path, { dispatcher, ...given }),
    fetch: (path, given) => askByFetch(origin.url + path, { dispatcher, ...given }),
  }
}

async function ask(url: string, options: Parameters<typeof request>[1]): Promise<Answer> {
  const response = await request(url, options)
  const body = Buffer.from(await response.body.arrayBuffer())
  const { history = [] } = (response.context ?? {}) as { history?: URL[] }
  return {
    status: response.statusCode,
    headers: response.headers,
    body,
    hit: getCacheInfo(response)?.hit === true,
    history: history.map(String),
  }
}

async function askByFetch(url: string, options: FetchOptions): Promise<FetchAnswer> {
  const response = await fetch(url, options)
  const body = Buffer.from(await response.arrayBuffer())
  const { status, url: last, redirected } = response
  return { status, body, url: last, redirected, hit: getCacheInfo(response)?.hit === true }
}

/** Asks twice: the first time the origin has to answer, the second time the cache, and alike. */
export async function assertCached(
  { origin }: CacheBench,
  client: Client,
  path: string,
  options?: AskOptions,
): Promise<Answer> {
  const before = origin.hits()
  const first = await client.ask(path, options)
  assert.equal(first.hit, false, `${path} is a hit the first time`)
  assert.equal(origin.hits(), before + 1)
  const second = await client.ask(path, options)
  assert.equal(second.hit, true, `${path} is no hit the second time`)
  assert.equal(origin.hits(), before + 1, 'the origin was asked for what is stored')
  assert.equal(second.status, first.status)
  assert.deepEqual(withoutNotes(second.headers), withoutNotes(first.headers))
  assert.ok(first.body.equals(second.body), 'the body of the hit differs')
  return second
}

/** Asks twice, and the origin has to answer both times. */
export async function assertNotCached(
  { origin, cache }: CacheBench,
  client: Client,
  path: string,
  options?: AskOptions,
): Promise<void> {
  const before = origin.hits()
  for (const asked of [1, 2]) {
    assert.equal((await client.ask(path, options)).hit, false)
    assert.equal(origin.hits(), before + asked)
    await cache.flush()
  }
  assert.equal(await cache.size(), 0)
}

function withoutNotes(headers: Answer['headers']): object {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !mayDiffer.test(name)))
}

/** Header fields of the cache itself, and those of one connection (RFC 9111 §3.1). */
export const mayDiffer: RegExp =
  /^(?:age|cache-status|connection|keep-alive|transfer-encoding|trailer)$/i

/** Everything that is stored: all keys and records of both storages. */
export async function contentsOf(cache: BaseCache): Promise<[key: string, StoredRecord][]> {
  await cache.flush()
  const storages = [cache.responses, cache.redirects]
  return (await Promise.all(storages.map((each) => Array.fromAsync(each.entries())))).flat()
}

/** Waits, a second at the most, for what the cache does in the background. */
export async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + 1_000; performance.now() < end; await sleep(5)) {
    if (await condition()) return
  }
  assert.fail(`not within a second: ${what}`)
}
