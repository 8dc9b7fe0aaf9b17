import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { viaFetch } from './ask.ts'
import { cachedAgent } from './caches.ts'
import { startHolding } from './holding-origin.ts'

const stale = { expireAfter: '1h', staleWhileRevalidate: true } as const

// So that nobody has to wait: stored, and expired.
const long = { expireAfter: new Date(0) }

describe('close() during a refresh in the background', () => {
  test('waits for the refresh, whose answer is stored', async (t) => {
    const { origin, asked, release } = await startHolding(t)
    const cache = new BaseCache()
    const cached = cachedAgent(t, { ...stale, backend: cache })
    await viaFetch(cached, origin.url, long)
    await viaFetch(cached, origin.url)
    await asked
    let closed = false
    const closing = cached.caching.close().then(() => (closed = true))
    await later(20)
    assert.ok(!closed)
    release()
    await closing
    const next = cachedAgent(t, { backend: cache })
    assert.equal((await viaFetch(next, origin.url, { onlyIfCached: true })).text, '2')
  })

  test('calls off one that takes too long', async (t) => {
    const { origin, asked } = await startHolding(t)
    const cached = cachedAgent(t, stale)
    await viaFetch(cached, origin.url, long)
    await viaFetch(cached, origin.url)
    const gone = once(await asked, 'close')
    const begin = performance.now()
    await cached.caching.close()
    const took = performance.now() - begin
    assert.ok(took > 2_000 && took < 20_000, `${took} ms`)
    await gone
  })

  test('leaves nothing behind that keeps a program alive', async (t) => {
    const { origin } = await startHolding(t)
    const program = `
      import { Agent, request } from 'undici'
      import { cacheInterceptor } from ${JSON.stringify(import.meta.resolve('../../lib/index.ts'))}
      const caching = cacheInterceptor({ backend: 'memory', expireAfter: new Date(0), staleWhileRevalidate: true })
      const dispatcher = new Agent().compose(caching)
      for (let round = 0; round < 2; round++) {
        const { body } = await request('${origin.url}', { dispatcher })
        await body.dump()
      }
      await caching.close()
      console.log('closed')
    `
    const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', program]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const printed: string[] = []
    child.stdout.on('data', (text) => printed.push(String(text)))
    // The limit of the test is the limit for the program.
    const [code] = (await once(child, 'close')) as [number]
    assert.deepEqual([code, printed.join('')], [0, 'closed\n'])
    assert.equal(origin.requests.length, 2)
  })
})
