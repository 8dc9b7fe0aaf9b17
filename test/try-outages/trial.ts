/** One backend in one kind of trouble, as the requests of a program see it. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as later } from 'node:timers/promises'
import { Agent, request, type Dispatcher } from 'undici'
import { cacheInterceptor, getCacheInfo, type BaseCache, type CacheError } from '../../lib/index.ts'
import type { Place } from '../networked/harmed-server.ts'
import type { Means, Trouble } from './troubles.ts'

/** What came of it. */
export interface Measured {
  /** Requests while the trouble lasted. */
  readonly asked: number
  /** Of them, answered from the cache. */
  readonly hits: number
  /** Of them, failed, or answered with something else than the origin's response. */
  readonly wrong: number
  /** Milliseconds that one waited at the most, the origin's own time taken off. */
  readonly longest: number
  /** Reports to `onError`, until the cache was used again. */
  readonly reports: number
  /** Milliseconds from the end of the trouble until a hit; undefined where there was none. */
  readonly back: number | undefined
}

/** Requests are asked for so many stored URLs, one after the other. */
const urls = 20
const between = 50
const backWithin = 20_000
const quiet = 6_000

/** @param lasts milliseconds that the trouble lasts */
export async function putInTrouble(
  place: Place,
  trouble: Trouble,
  means: Means,
  lasts: number,
): Promise<Measured> {
  const site = await startSite()
  const errors: CacheError[] = []
  const cacheName = `outage_${trouble.name.replaceAll(' ', '_')}`
  const caching = cacheInterceptor({
    ...place,
    backendOptions: { ...place.backendOptions, cacheName },
    onError: (error) => errors.push(error),
  })
  const agent = new Agent()
  const dispatcher = agent.compose(caching)
  try {
    const asking = new Asking(dispatcher, site)
    await asking.untilStored(caching.cache)
    if (errors.length > 0) {
      // A server that has just been started answers its first questions late. The next outage is
      // told of when this one has been over for a while.
      await later(quiet)
      errors.length = 0
    }
    await trouble.begin(means)
    const asked = await asking.untilTime(performance.now() + lasts)
    await trouble.end(means)
    const back = await asking.untilHit(backWithin)
    return {
      asked: asked.length,
      hits: asked.filter(({ hit }) => hit).length,
      wrong: asked.filter(({ right }) => !right).length,
      longest: Math.max(...asked.map(({ ms }) => ms)),
      reports: errors.length,
      back,
    }
  } finally {
    await caching.close({ timeout: 2_000 })
    await agent.destroy()
    site.stop()
  }
}

interface Answer {
  readonly hit: boolean
  readonly right: boolean
  /** Beyond the origin's own time. */
  readonly ms: number
}

class Asking {
  readonly #dispatcher: Dispatcher
  readonly #site: Site

  constructor(dispatcher: Dispatcher, site: Site) {
    this.#dispatcher = dispatcher
    this.#site = site
  }

  async ask(n: number): Promise<Answer> {
    const begin = performance.now()
    try {
      const response = await request(this.#site.url + n, { dispatcher: this.#dispatcher })
      const text = await response.body.text()
      const hit = getCacheInfo(response)?.hit === true
      const own = hit ? 0 : originTime
      return { hit, right: text === bodyOf(n), ms: performance.now() - begin - own }
    } catch {
      return { hit: false, right: false, ms: performance.now() - begin }
    }
  }

  /** Asks on and on, whatever becomes of those before, as the users of a program do. */
  async untilTime(end: number): Promise<Answer[]> {
    const asked: Promise<Answer>[] = []
    for (let n = 0; performance.now() < end; n++) {
      asked.push(this.ask(n % urls))
      await later(between)
    }
    return Promise.all(asked)
  }

  async untilHit(limit: number): Promise<number | undefined> {
    const begin = performance.now()
    while (performance.now() - begin < limit) {
      if ((await this.ask(0)).hit) return performance.now() - begin
      await later(between)
    }
    return undefined
  }

  async untilStored(cache: BaseCache): Promise<void> {
    for (let round = 0; round < 200; round++) {
      const asked: Answer[] = []
      for (let n = 0; n < urls; n++) asked.push(await this.ask(n))
      await cache.flush()
      if (round > 0 && asked.every(({ hit }) => hit)) return
    }
  }
}

interface Site {
  readonly url: string
  stop(): void
}

const originTime = 5

async function startSite(): Promise<Site> {
  const server = createServer((incoming, response) => {
    setTimeout(() => response.end(bodyOf(Number(incoming.url?.slice(1)))), originTime)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  assert.ok(port > 0)
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function bodyOf(n: number): string {
  return `the answer to ${n}, `.repeat(100)
}
