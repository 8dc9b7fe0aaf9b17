/** What is bundled with the library: opens a cache, and prints which, or why not. */
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import type { BackendAlias } from '../../lib/backends/open-backend.ts'

const warnings: string[] = []
process.on('warning', ({ message }) => warnings.push(message))

function open(backend: BackendAlias | undefined): unknown {
  try {
    const { cache } = cacheInterceptor({ backend, cacheName: 'responses' })
    void cache.close()
    return cache instanceof SQLiteCache ? 'SQLite' : 'memory'
  } catch (error) {
    const { code, message, cause } = error as Error & { code: string }
    return { code, message, cause: (cause as Error).message }
  }
}

const aliases: Record<string, BackendAlias | undefined> = { default: undefined, sqlite: 'sqlite' }
const opened = Object.entries(aliases).map(([name, alias]) => [name, open(alias)])
setImmediate(() => console.log(JSON.stringify({ ...Object.fromEntries(opened), warnings })))
