import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { SQLiteCache } from '../../../lib/backends/sqlite/sqlite-cache.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const folder = temporaryFolder()
const mebibyte = 2 ** 20
const body = Buffer.alloc(mebibyte, 'x')
let made = 0

describe('a SQLite file gets smaller', () => {
  const remove: Readonly<Record<string, (cache: SQLiteCache) => Promise<unknown>>> = {
    'when it is cleared': (cache) => cache.clear(),
    'when what has expired is pruned': (cache) => cache.prune(2_000),
    'when much was deleted, with the next pruning': async (cache) => {
      await cache.responses.deleteMany(await Array.fromAsync(cache.responses.keys()))
      await cache.prune(0)
    },
  }
  for (const [when, work] of Object.entries(remove)) {
    test(when, async (t) => {
      const path = join(folder, `${made++}.sqlite`)
      const cache = new SQLiteCache(path)
      t.after(() => cache.close())
      const records = Array.from({ length: 40 }, (_, n) => {
        return [`key${n}`, { head: '{}', body, expiresAt: 1_000 }] as const
      })
      await cache.responses.setMany(records)
      await cache.redirects.set('stays', { head: '{}', body })
      await work(cache)
      assert.deepEqual(
        (await cache.redirects.get('stays'))?.body.byteLength,
        when.includes('cleared') ? undefined : mebibyte,
      )
      await cache.close()
      const { size } = statSync(path)
      assert.ok(size < 8 * mebibyte, `${size} bytes`)
    })
  }

  test('by more than a page at a time', async () => {
    const cache = new SQLiteCache(join(folder, `${made++}.sqlite`))
    const records = Array.from({ length: 40 }, (_, n) => [`key${n}`, { head: '{}', body }] as const)
    await cache.responses.setMany(records)
    await cache.redirects.set('stays', { head: '{}', body })
    await cache.responses.deleteMany(records.map(([key]) => key))
    let turns = 0
    const counting = setImmediate(function count() {
      turns++
      next = setImmediate(count)
    })
    let next = counting
    await cache.prune(0)
    clearImmediate(next)
    await cache.close()
    // 40 MiB in slices of one, and not in 2,560 pages.
    assert.ok(turns < 400, `${turns} turns`)
  })

  test('not for little, which is used again', async () => {
    const path = join(folder, `${made++}.sqlite`)
    const cache = new SQLiteCache(path)
    await cache.responses.setMany(
      Array.from({ length: 40 }, (_, n) => [`key${n}`, { head: '{}', body }] as const),
    )
    await cache.responses.deleteMany(['key1', 'key2'])
    await cache.prune()
    await cache.close()
    assert.ok(statSync(path).size > 40 * mebibyte)
  })
})
