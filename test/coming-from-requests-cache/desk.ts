/** What the checks ask with: an origin that has one of everything, and a client with a cache. */
import type { TestContext } from 'node:test'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import type { CacheOptions, CallOptions } from '../../lib/options/options.ts'
import { viaFetch, viaRequest, type Got } from '../integration/ask.ts'
import { cachedAgent, type CachedAgent } from '../integration/caches.ts'
import { startOrigin, type Answer, type Origin } from '../integration/origin.ts'

/** A check of a row; what it cannot do here it skips. */
export type Check = (t: TestContext) => Promise<void> | void
/** By the row's first cell. */
export type Checks = Readonly<Record<string, Check>>

type Asks<Way extends typeof viaFetch | typeof viaRequest> = (
  path: string,
  call?: CallOptions,
  init?: Parameters<Way>[3],
) => Promise<Got>

export interface Desk extends CachedAgent {
  readonly cache: BaseCache
  readonly origin: Origin
  readonly url: (path: string) => string
  /** By `fetch`, options of the call around it. */
  readonly ask: Asks<typeof viaFetch>
  /** By undici's `request()`, options of the call in its own. */
  readonly request: Asks<typeof viaRequest>
  /** Which of these are answered from the cache, asked one after the other. */
  readonly hits: (...paths: string[]) => Promise<boolean[]>
}

/** The body says how often the path has been asked for; see each line for what else it may do. */
export const answer: Answer = ({ path, headers }, response, nth) => {
  const { pathname } = new URL(path, 'http://origin')
  if (pathname === '/old') return void response.writeHead(302, { location: '/new' }).end()
  if (pathname.startsWith('/tag')) response.setHeader('etag', '"1"')
  if (pathname.startsWith('/max-age')) response.setHeader('cache-control', 'max-age=60')
  if (pathname.startsWith('/varies')) response.setHeader('vary', 'accept-language')
  if (pathname.startsWith('/cookie')) response.setHeader('set-cookie', ['a=1; Path=/', 'b=2'])
  if (headers['if-none-match'] === '"1"') return void response.writeHead(304).end()
  if (pathname.startsWith('/fails-later') && nth > 1) response.statusCode = 503
  const [status] = /\d{3}/.exec(pathname) ?? []
  if (status !== undefined) response.statusCode = Number(status)
  response.end(`${nth}`)
}

/** Starts an origin, unless there is one, and a client; both end with the test. */
export async function setUp(
  t: TestContext,
  options: CacheOptions = {},
  given?: Origin,
): Promise<Desk> {
  const origin = given ?? (await startOrigin(t, answer))
  const cached = cachedAgent(t, options)
  const url = (path: string): string => origin.url + path
  const ask: Desk['ask'] = (path, call, init) => viaFetch(cached, url(path), call, init)
  return {
    ...cached,
    cache: cached.caching.cache,
    origin,
    url,
    ask,
    request: (path, call, init) => viaRequest(cached, url(path), call, init),
    async hits(...paths) {
      const hits: boolean[] = []
      for (const path of paths) hits.push((await ask(path)).info?.hit === true)
      return hits
    },
  }
}
