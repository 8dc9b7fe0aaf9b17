/**
 * A program of its own that reads one response and leaves at once. Arguments: backend, folder, URL,
 * and how it leaves.
 */
import { Agent, fetch, request } from 'undici'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { openCache, type embedded } from './caches.ts'

type Leaving = 'exit' | 'exit at the end' | 'throw' | 'reject' | 'signal' | 'closing signal'

const [backend, folder, url, leaving] = process.argv.slice(2) as [
  (typeof embedded)[number],
  string,
  string,
  Leaving,
]
const cache = openCache(backend, folder)
const caching = cacheInterceptor({ backend: cache })
const dispatcher = new Agent().compose(caching)
if (leaving === 'closing signal') {
  process.once('SIGTERM', () => {
    void caching
      .close()
      .then(() => cache.close())
      .then(() => process.kill(process.pid, 'SIGTERM'))
  })
}
if (leaving === 'exit at the end') {
  // Before anything that waits for a promise.
  const { body } = await request(url, { dispatcher })
  body.on('end', () => process.exit()).resume()
} else {
  const response = await fetch(url, { dispatcher })
  await response.arrayBuffer()
  if (leaving === 'exit') process.exit()
  if (leaving === 'throw') throw new Error('nobody catches this')
  if (leaving === 'reject') void Promise.reject(new Error('nobody catches this'))
  if (leaving.endsWith('signal')) process.kill(process.pid, 'SIGTERM')
}
// Keeps it alive until it is ended.
setTimeout(() => {}, 10_000)
