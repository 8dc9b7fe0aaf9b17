import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Agent, type Dispatcher } from 'undici'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { cacheInterceptor, type CacheInterceptor } from '../../lib/interceptor.ts'
import type { CacheOptions } from '../../lib/options/options.ts'

/** Every embedded backend, by alias; tests that do not depend on the backend run on each. */
export const embedded = ['memory', 'sqlite', 'filesystem'] as const

/** A folder that goes with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'undici-cache-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function openCache(alias: (typeof embedded)[number], folder: string): BaseCache {
  if (alias === 'sqlite') return new SQLiteCache(join(folder, 'cache'))
  return alias === 'filesystem' ? new FileCache(join(folder, 'cache')) : new BaseCache()
}

/** An agent with a cache on it. Errors of the cache fail the test, unless it listens itself. */
export interface CachedAgent {
  readonly caching: CacheInterceptor
  readonly agent: Dispatcher
}

export function cachedAgent(t: TestContext, options: CacheOptions = {}): CachedAgent {
  const errors: unknown[] = []
  const caching = cacheInterceptor({
    backend: 'memory',
    onError: (error) => errors.push(error),
    ...options,
  })
  const bare = new Agent()
  t.after(async () => {
    await caching.close()
    await bare.destroy()
    if (errors.length > 0) throw new AggregateError(errors, 'the cache reported errors')
  })
  return { caching, agent: bare.compose(caching) }
}
