/** A site with one of everything that a cache can hold, and the check that a copy has all of it. */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { Agent, fetch, interceptors, type Dispatcher } from 'undici'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { startOrigin, type Origin } from './origin.ts'

/** One request of the site. */
export interface Visit {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Whether redirects are followed below the cache; otherwise by `fetch`. */
  readonly below?: true
}

export const visits: readonly Visit[] = [
  { path: '/text' },
  { path: '/empty' },
  { path: '/for-an-hour' },
  { path: '/bytes/1' },
  // More than a DynamoDB item, and more than a part of the others.
  { path: '/bytes/400000' },
  { path: '/bytes/2500000' },
  ...['de', 'en', 'fr'].map((language) => ({
    path: '/varies',
    headers: { 'accept-language': language },
  })),
  { path: '/hops/3' },
  { path: '/below/2', below: true },
  { path: '/back?api_key=secret-of-one' },
]

/**
 * What a cache holds of them: nine responses; three hops and their end; a chain that was followed
 * below and its end; one hop more, and its end.
 */
export const copiedEntries: number = 9 + 4 + 2 + 2

export interface Site {
  readonly origin: Origin
  /** Fills a cache, and remembers what came. */
  fill(cache: BaseCache): Promise<Seen[]>
  /** Sees that a cache answers everything as it was seen, and asks nobody. */
  check(cache: BaseCache, seen: readonly Seen[]): Promise<void>
}

/** What a caller got for a visit. */
export interface Seen {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  /** Its digest. */
  readonly body: string
  readonly url: string
  readonly history: readonly string[]
  readonly storedAt: number | undefined
  readonly expiresAt: number | undefined
}

export async function startSite(t: TestContext): Promise<Site> {
  const bodies = new Map<string, Buffer>()
  const origin = await startOrigin(t, ({ path, headers }, response) => {
    const [, kind, count] = path.split(/[/?]/)
    response.setHeader('x-Odd-Casing', 'a')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    if (kind === 'bytes') {
      if (!bodies.has(path)) bodies.set(path, randomBytes(Number(count)))
      return void response.end(bodies.get(path))
    }
    if ((kind === 'hops' || kind === 'below') && count !== '0') {
      const location = `/${kind}/${Number(count) - 1}`
      return void response.writeHead(302, { location }).end('moved')
    }
    if (kind === 'back') {
      return void response.writeHead(301, { location: `/text?${path.split('?')[1]}` }).end()
    }
    if (kind === 'varies') response.setHeader('vary', 'accept-language')
    response.end(kind === 'empty' ? '' : `${path} in ${headers['accept-language']}`)
  })

  const visitAll = async (cache: BaseCache): Promise<Seen[]> => {
    const agent = new Agent()
    const caching = cacheInterceptor({
      backend: cache,
      storageTimeout: 20_000,
      expireAfter: ({ url }) => (url.includes('hour') ? '1h' : 'never'),
      onError: (error) => {
        throw error
      },
    })
    const all: Seen[] = []
    for (const visit of visits) all.push(await see(origin.url, visit, agent, caching))
    await caching.close()
    await agent.destroy()
    return all
  }

  return {
    origin,
    fill: visitAll,
    async check(cache, expected) {
      const before = origin.requests.length
      assert.deepEqual(await visitAll(cache), expected)
      assert.equal(origin.requests.length, before, 'the origin was asked')
    },
  }
}

async function see(
  base: string,
  { path, headers = {}, below }: Visit,
  agent: Agent,
  caching: Dispatcher.DispatcherComposeInterceptor,
): Promise<Seen> {
  if (below === true) {
    const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: 5 }), caching)
    const response = await dispatcher.request({
      origin: base,
      path,
      method: 'GET',
      headers,
    })
    const body = Buffer.from(await response.body.bytes())
    const { history = [] } = response.context as { history?: URL[] }
    const lines = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
    return seen(response.statusCode, lines, body, base + path, history.map(String), response)
  }
  const dispatcher = agent.compose(caching)
  const response = await fetch(base + path, { dispatcher, headers })
  const body = Buffer.from(await response.arrayBuffer())
  return seen(response.status, [...response.headers], body, response.url, [], response)
}

// What differs between a first answer and a later one.
const ofOneAnswer = new Set([
  'age',
  'cache-status',
  'connection',
  'keep-alive',
  'transfer-encoding',
])

function seen(
  status: number,
  lines: string[][],
  body: Buffer,
  url: string,
  history: string[],
  source: Parameters<typeof getCacheInfo>[0],
): Seen {
  const info = getCacheInfo(source)
  const headers = lines.filter(([name = '']) => !ofOneAnswer.has(name))
  return {
    status,
    headers: headers.map(([name = '', value = '']) => [name, value] as const),
    body: hash('sha256', body),
    url,
    history,
    storedAt: info?.storedAt,
    expiresAt: info?.expiresAt,
  }
}
