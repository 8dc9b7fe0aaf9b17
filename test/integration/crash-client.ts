/**
 * A program of its own for the crash tests: asks for `count` URLs through a cache and checks that
 * what one path gives never changes. Arguments: backend, folder, origin, count, first[, "exit"].
 */
import assert from 'node:assert/strict'
import { Agent, request } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { openCache, type embedded } from './caches.ts'

const [backend, folder, origin, count, first, exit] = process.argv.slice(2) as [
  (typeof embedded)[number],
  ...string[],
]
const cache = openCache(backend, folder!)
const caching = cacheInterceptor({
  backend: cache,
  onError: (error) => {
    console.error(error)
    process.exitCode = 1
  },
})
const dispatcher = new Agent().compose(caching)
const ask = async (n: number): Promise<Buffer> => {
  const { body } = await request(`${origin}/${n}`, { dispatcher })
  return Buffer.from(await body.arrayBuffer())
}
for (let n = 0; n < Number(count); n++) {
  const path = Number(first) + n
  const body = await ask(path)
  if (exit === 'exit') process.exit()
  if (n === 0) process.send?.('begun')
  assert.ok(body.equals(await ask(path)))
}
await caching.close()
await cache.close()
await dispatcher.close()
process.disconnect?.()
