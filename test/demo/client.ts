/**
 * The program that the demo runs twice: global `fetch` with the cache under it. It visits all URLs
 * each time that its parent says so, and closes the cache and ends when the parent lets go of it.
 */
import { channel } from 'node:diagnostics_channel'
import { Agent, setGlobalDispatcher } from 'undici'
import { cacheInterceptor, type Lifetime, type ResponseSummary } from '../../lib/index.ts'
import { visit, type Visit } from './visit.ts'

/** What the program is told, as JSON in its only argument. */
export interface ClientJob {
  readonly urls: readonly string[]
  readonly cacheName: string
  /** Let the responses say how long they last; otherwise they never expire. */
  readonly obeysMaxAge: boolean
  /** Never ask the origin, which is not ours to stop. */
  readonly onlyIfCached: boolean
}

/** What it tells its parent: each visit as it ends, then that was all of them. */
export type ClientMessage =
  | { readonly visit: Visit }
  | { readonly done: true; readonly milliseconds: number; readonly sent: number }

const { urls, cacheName, obeysMaxAge, onlyIfCached } = JSON.parse(process.argv[2]!) as ClientJob

const expireAfter = obeysMaxAge ? lifetimeFromResponse : 'never'
const caching = cacheInterceptor({ cacheName, onlyIfCached, expireAfter })
setGlobalDispatcher(new Agent().compose(caching))

let sent = 0
channel('undici:request:create').subscribe(() => sent++)

// Node loads `fetch` at its first use, which is not what is measured here.
await fetch('data:,')

process.on('message', () => void visitAll())
process.on('disconnect', () => void caching.close())

async function visitAll(): Promise<void> {
  sent = 0
  let milliseconds = 0
  for (const url of urls) {
    const visited = await visit(url, caching)
    milliseconds += visited.milliseconds
    tell({ visit: visited })
  }
  // What is being written still belongs to this round.
  await caching.cache.flush()
  tell({ done: true, milliseconds, sent })
}

function tell(message: ClientMessage): void {
  process.send?.(message)
}

function lifetimeFromResponse(_: unknown, { headers }: ResponseSummary): Lifetime {
  const [, seconds] = /max-age=(\d+)/.exec(String(headers['cache-control'])) ?? []
  return seconds === undefined ? 'never' : Number(seconds)
}
