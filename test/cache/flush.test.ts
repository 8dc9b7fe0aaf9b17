import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { BaseCache } from '../../lib/cache/base-cache.ts'

describe('flush() and close()', () => {
  test('a cache that is never at rest is flushed, and closed when it is', async () => {
    const cache = new BaseCache()
    let written = 0
    const write = async (): Promise<void> => {
      await later(10)
      written++
      if (written < 30) void cache.track(write())
    }
    void cache.track(write())
    await cache.flush()
    assert.ok(written > 0 && written < 10, `${written} writes`)
    await cache.close()
    assert.equal(written, 30)
  })

  test('waits for as long as one write after the other ends', async () => {
    const cache = new BaseCache()
    let written = 0
    for (const ms of [100, 200]) void cache.track(later(ms).then(() => written++))
    await cache.flush()
    assert.equal(written, 2)
  })

  test('do not wait for ever for a storage that hangs', async () => {
    const cache = new BaseCache()
    void cache.track(new Promise(() => {}))
    const since = performance.now()
    await cache.close()
    const waited = performance.now() - since
    assert.ok(waited > 2_500 && waited < 20_000, `${waited} ms`)
  })
})
