import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { BaseCache } from '../../lib/cache/base-cache.ts'

describe('flush() and close()', () => {
  test('wait for what is begun meanwhile, too', async () => {
    const cache = new BaseCache()
    let written = 0
    const write = async (): Promise<void> => {
      await later(20)
      written++
      if (written < 3) void cache.track(write())
    }
    void cache.track(write())
    await cache.flush()
    assert.equal(written, 3)
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
