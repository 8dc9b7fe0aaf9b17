import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { request } from 'undici'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { Writes } from '../../lib/entries/writes.ts'
import { cachedAgent, embedded, temporaryFolder } from './caches.ts'
import { startAssetOrigin } from './ranged-origin.ts'
import { partKeys } from '../../lib/entries/record-keys.ts'

const body = randomBytes(3.5 * 2 ** 20)

/** A response of which the caller has read the beginning only. */
async function begun(t: TestContext, backend: (typeof embedded)[number]) {
  const origin = await startAssetOrigin(t, { body })
  const { agent, caching } = cachedAgent(t, {
    backend,
    cacheName: `${temporaryFolder(t)}/c`,
    expireAfter: 3600,
  })
  const { cache } = caching
  const first = await request(origin.url, { dispatcher: agent })
  await first.body.dump()
  await first.body.arrayBuffer().catch(() => {})
  await cache.flush()
  if ((await cache.size()) === 0) {
    await (await request(origin.url, { dispatcher: agent })).body.arrayBuffer()
    await cache.flush()
  }
  const asked = origin.requests.length
  const aborting = new AbortController()
  const response = await request(origin.url, { dispatcher: agent, signal: aborting.signal })
  await once(response.body, 'readable')
  const rest = async (): Promise<void> => {
    const bytes = Buffer.from(await response.body.arrayBuffer())
    assert.ok(bytes.equals(body))
    assert.equal(origin.requests.length, asked, 'the origin was asked again')
  }
  return { origin, agent, cache, aborting, response, rest }
}

async function empty(cache: BaseCache): Promise<boolean> {
  await cache.flush()
  for (let waited = 0; waited < 2000; waited += 10) {
    if ((await cache.responses.size()) === 0) return true
    await later(10)
  }
  return false
}

for (const backend of embedded) {
  describe(`${backend}: a long response that is being replayed`, () => {
    test('is not broken by clear(), and leaves nothing behind', async (t) => {
      const { cache, rest } = await begun(t, backend)
      await cache.responses.set('another', { head: 'x', body: Buffer.alloc(1) })
      await cache.clear()
      assert.equal(await cache.size(), 0)
      await rest()
      assert.ok(await empty(cache))
    })

    test('nor by clear() twice, with two readers', async (t) => {
      const { agent, origin, cache, rest } = await begun(t, backend)
      const other = await request(origin.url, { dispatcher: agent })
      await once(other.body, 'readable')
      await cache.clear()
      await rest()
      await cache.clear()
      assert.ok(Buffer.from(await other.body.arrayBuffer()).equals(body))
      assert.ok(await empty(cache))
    })

    test('nor by delete()', async (t) => {
      const { origin, cache, rest } = await begun(t, backend)
      assert.ok(await cache.delete(origin.url))
      await rest()
    })

    test('nor by prune(), though its time is over, which deletes it afterwards', async (t) => {
      const { cache, rest } = await begun(t, backend)
      const future = Date.now() + 1e9
      await cache.prune(future)
      await rest()
      await cache.prune(future)
      assert.ok(await empty(cache))
    })

    test('is forgotten when its caller leaves', async (t) => {
      const { cache, aborting, response } = await begun(t, backend)
      await cache.clear()
      const failed = once(response.body, 'error')
      aborting.abort()
      await failed
      assert.ok(await empty(cache))
    })
  })
}

describe('the parts of a replaced body', () => {
  function stored() {
    const storage = new MemoryStorage()
    const parts = { id: 'w', bytes: 1, checks: [0, 0, 0] }
    for (const key of partKeys('e', parts)) storage.set(key, { head: '', body: Buffer.alloc(1) })
    return { storage, parts, writes: new Writes(20) }
  }

  test('stay for those who read them here, however slowly, and go with the last', async () => {
    const { storage, parts, writes } = stored()
    const readers = [0, 1].map(() => writes.partsInUse.read(storage, 'e', parts))
    writes.deleteLater(storage, 'e', parts)
    await later(60)
    readers[0]!.release()
    readers[0]!.release()
    assert.equal(storage.size(), 3)
    readers[1]!.release()
    await later(0)
    assert.equal(storage.size(), 0)
    assert.equal(writes.partsInUse.keysIn(storage).size, 0)
  })

  test('stay for a while for those of other processes', async () => {
    const { storage, parts, writes } = stored()
    writes.deleteLater(storage, 'e', parts)
    await later(0)
    assert.equal(storage.size(), 3)
    await later(60)
    assert.equal(storage.size(), 0)
  })

  test('go at once where the cache is closed', async () => {
    const { storage, parts, writes } = stored()
    writes.partsInUse.read(storage, 'e', parts)
    writes.deleteWhenFree(storage, 'e', parts)
    assert.equal(storage.size(), 3)
    writes.deleteNow()
    await later(0)
    assert.equal(storage.size(), 0)
  })
})
