/** A program of its own that clears a cache. Arguments: backend, folder. */
import { openCache, type embedded } from './caches.ts'

const [backend, folder] = process.argv.slice(2) as [(typeof embedded)[number], string]
const cache = openCache(backend, folder)
await cache.clear()
await cache.close()
process.disconnect?.()
