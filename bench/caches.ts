/** The caches that are compared, each in its default configuration. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheStores, interceptors, type Dispatcher } from 'undici'
import { cacheInterceptor, type BackendAlias } from '../lib/index.ts'

/** A cache over an origin. */
export interface Cached {
  readonly dispatcher: Dispatcher
  /** Waits for what is being written. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** Makes a cache over a dispatcher. */
export type CacheMaker = (origin: Dispatcher) => Cached

/** @param hot whether the tier in front of the storage is on */
export function ours(backend: BackendAlias, hot = true, shareBodies = false): CacheMaker {
  return (origin) => {
    const caching = cacheInterceptor({
      backend,
      shareBodies,
      cacheName: temporaryPath(),
      backendOptions: hot ? {} : { hotTierBytes: 0 },
      onError(error) {
        throw error
      },
    })
    return {
      dispatcher: origin.compose(caching),
      flush: () => caching.cache.flush(),
      close: () => caching.close(),
    }
  }
}

/** undici's own, in memory. */
export const undiciMemory: CacheMaker = (origin) => {
  const store = new cacheStores.MemoryCacheStore()
  return {
    dispatcher: origin.compose(interceptors.cache({ store })),
    flush: settled,
    close: settled,
  }
}

/** undici's own, in a SQLite file. */
export const undiciSqlite: CacheMaker = (origin) => {
  const store = new cacheStores.SqliteCacheStore({ location: temporaryPath() })
  return {
    dispatcher: origin.compose(interceptors.cache({ store })),
    flush: settled,
    async close() {
      store.close()
    },
  }
}

/** No cache at all. */
export const uncached: CacheMaker = (origin) => ({
  dispatcher: origin,
  flush: settled,
  close: settled,
})

// undici's stores write when a body ends, or a few promises later.
async function settled(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
}

let folder: string | undefined
let count = 0

function temporaryPath(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'undici-cache-bench-'))
    process.on('exit', () => rmSync(made, { recursive: true, force: true }))
    folder = made
  }
  return join(folder, `cache-${count++}.sqlite`)
}
