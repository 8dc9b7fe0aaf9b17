/** The work that every backend is put to, and what it took. */
import { Agent, fetch, type Dispatcher } from 'undici'
import { cacheInterceptor, getCacheInfo, type CacheInterceptor } from '../../lib/index.ts'
import type { Place } from './backends.ts'
import type { Site } from './site.ts'

/** What a backend took; in milliseconds. */
export interface Measured {
  /** All URLs from the origin, until everything is stored. */
  readonly cold: number
  /** All URLs out of the cache. */
  readonly hit: number
  readonly bytesAtRest: number | undefined
  readonly entries: number
  /** Until the URL of every entry was listed. */
  readonly listing: number
}

/** Nothing that is tried can have been reached. */
export class Unreachable extends Error {}

// A request need not wait for as long; this is to tell a slow server from one that is not there.
const patience = 5_000

/** Asks for each URL twice, and lists what is stored. @throws Error where anything is not right */
export async function put(place: Place, site: Site): Promise<Measured> {
  const troubles: Error[] = []
  const caching = cacheInterceptor({
    ...place.options,
    storageTimeout: patience,
    onError: (error) => troubles.push(error),
  })
  const agent = new Agent()
  const dispatcher = agent.compose(caching)
  try {
    await reach(caching)
    const cold = await timed(async () => {
      await visitAll(dispatcher, site, 'origin')
      await caching.cache.flush()
    })
    const asked = site.asked()
    const hit = await timed(() => visitAll(dispatcher, site, 'cache'))
    if (site.asked() !== asked) throw new Error('a hit asked the origin')
    const bytesAtRest = await place.bytesAtRest()
    let entries = 0
    const listing = await timed(async () => {
      for await (const _ of caching.cache.urls()) entries++
    })
    if (entries !== site.urls.length) {
      throw new Error(`it lists ${entries} entries, of ${site.urls.length} that were stored`)
    }
    return { cold, hit, bytesAtRest, entries, listing }
  } catch (error) {
    // What went wrong first has led to the rest.
    throw error instanceof Unreachable ? error : (troubles[0] ?? error)
  } finally {
    await caching.close()
    await agent.close()
  }
}

/** One round without any cache: what is loaded and compiled on first use counts for none. */
export async function warmUp(site: Site): Promise<void> {
  const agent = new Agent()
  await visitAll(agent, site, undefined)
  await agent.close()
}

async function visitAll(
  dispatcher: Dispatcher,
  site: Site,
  from: 'origin' | 'cache' | undefined,
): Promise<void> {
  for (const url of site.urls) {
    const response = await fetch(url, { dispatcher })
    const body = Buffer.from(await response.arrayBuffer())
    if (!body.equals(site.bodyOf(url))) throw new Error(`another body for ${url}`)
    const hit = getCacheInfo(response)?.hit
    if (from !== undefined && hit !== (from === 'cache')) throw new Error(`no ${from} for ${url}`)
  }
}

// The first question connects, and makes what has to be there.
async function reach({ cache }: CacheInterceptor): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Unreachable(`no answer within ${patience / 1000} s`)),
      patience,
    )
  })
  try {
    await Promise.race([cache.size(), late])
  } catch (error) {
    throw error instanceof Unreachable ? error : new Unreachable(reason(error), { cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/** In one line. */
export function reason(error: unknown): string {
  const { message, code, name } = error as { message?: string; code?: string; name?: string }
  // The AWS SDK gathers what each address of a host has said, and says nothing itself.
  return message?.split('\n', 1)[0] || code || name || String(error)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
