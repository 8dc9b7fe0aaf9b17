/** A cache with a little of everything that the commands show. */
import type { TestContext } from 'node:test'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Agent, fetch } from 'undici'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { startOrigin, type Origin } from '../integration/origin.ts'
import { temporaryFolder } from './run-cli.ts'

export const png: Buffer = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 0xff])
export const longPath = '/a/very/long/path/that/goes/on/and/on/for/more/than/a/line/of/a/terminal'

/** Path, and header fields of the request. */
export const visits: readonly (readonly [path: string, headers?: Record<string, string>])[] = [
  ['/page'],
  ['/page?api_key=this-is-a-secret-key'],
  ['/data.json'],
  ['/picture.png'],
  ['/old'],
  ['/varies', { 'accept-language': 'de' }],
  ['/varies', { 'accept-language': 'en' }],
  ['/long-body'],
  ['/expired'],
  ['/tagged'],
  [longPath],
]

/** Of the visits: the end of the redirect is one of them. */
export const responses: number = visits.length
export const redirects = 1

export interface Filled {
  readonly folder: string
  readonly origin: Origin
  /** Of the origin. */
  readonly url: string
}

/** Fills `http_cache.sqlite` in a folder of its own. */
export async function fillCache(t: TestContext): Promise<Filled> {
  const folder = temporaryFolder(t)
  const origin = await startAnswers(t)
  const cache = new SQLiteCache(join(folder, 'http_cache'))
  await visitAll(cache, origin.url)
  await cache.close()
  return { folder, origin, url: origin.url }
}

async function startAnswers(t: TestContext): Promise<Origin> {
  return startOrigin(t, ({ path, headers }, response) => {
    const send = (type: string, body: string | Buffer, more: object = {}): unknown =>
      response.writeHead(200, { 'content-type': type, ...more }).end(body)
    if (path === '/old') return response.writeHead(302, { location: '/new' }).end()
    if (path === '/picture.png') return send('image/png', png)
    if (path === '/long-body') return send('text/plain', 'long '.repeat(500_000))
    if (path === '/missing') return response.writeHead(404).end('there is nothing')
    if (path === '/data.json') {
      return send('application/json', gzipSync('{"some":"data"}'), { 'content-encoding': 'gzip' })
    }
    if (path === '/varies') {
      return send('text/plain', `in ${headers['accept-language']}`, { vary: 'accept-language' })
    }
    return send('text/html; charset=utf-8', `<p>Grüße von ${path.split('?')[0]}</p>`)
  })
}

async function visitAll(cache: BaseCache, base: string): Promise<void> {
  const agent = new Agent()
  const caching = cacheInterceptor({
    backend: cache,
    tags: ({ url }) => (url.endsWith('/tagged') ? ['news', 'front'] : []),
    expireAfter: ({ url }) => (url.endsWith('/expired') ? new Date(Date.now() - 90_000) : 'never'),
    // What has expired is of use where the origin fails, and so is stored.
    staleIfError: true,
    onError: (error) => {
      throw error
    },
  })
  for (const [path, headers = {}] of visits) {
    const dispatcher = agent.compose(caching)
    await (await fetch(base + path, { dispatcher, headers })).arrayBuffer()
  }
  await caching.close()
  await agent.destroy()
}
