/** The contract of `close` and `changeToken`, and of two storages over one namespace. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BaseStorage } from '../storage/base-storage.ts'
import {
  assertRecord,
  assertWhole,
  fill,
  keysOf,
  labelled,
  recordOf,
  type Check,
} from './storage-check.ts'

/** How long another process's write may stay unseen. */
const seenWithin = 50

/** Registers the tests of life time and sharing. */
export function checkSharing(check: Check, checkShared: Check): void {
  checkClose(check, checkShared)
  checkChangeToken(check, checkShared)
  checkTwoStorages(checkShared)
}

function checkClose(check: Check, checkShared: Check): void {
  check('close: twice is fine', async (storage) => {
    await storage.set('a', recordOf('a', 1))
    await storage.close()
    await storage.close()
  })

  check('close: one that was never used can be closed', async (storage) => {
    await Promise.all([storage.close(), storage.close()])
  })

  check('close: leaves other storages open', async (storage, bench) => {
    const other = await bench.open()
    await storage.close()
    await other.set('a', recordOf('a', 1))
    assertRecord(await other.get('a'), recordOf('a', 1))
  })

  checkShared('close: what was stored is there when it is opened again', async (storage, bench) => {
    const record = { ...labelled(1), expiresAt: Date.now() + 3_600_000 }
    await storage.set('a', record)
    await storage.set('b', recordOf('b'))
    await storage.set('c', recordOf('c'))
    await storage.delete('c')
    await storage.close()
    const again = await bench.reopen(storage)
    assertRecord(await again.get('a'), record)
    assert.deepEqual(await keysOf(again), ['a', 'b'])
  })

  checkShared('close: waits for what is being written', async (storage, bench) => {
    const written = Array.from({ length: 50 }, async (_, i) => storage.set(`k${i}`, labelled(i)))
    await storage.close()
    await Promise.all(written)
    const again = await bench.reopen(storage)
    assert.equal(await again.size(), 50)
    for (let i = 0; i < 50; i++) assertRecord(await again.get(`k${i}`), labelled(i))
  })
}

function checkChangeToken(check: Check, checkShared: Check): void {
  check('changeToken: each write of its own moves it by one', async (storage) => {
    if (storage.changeToken() === undefined) return
    await storage.set('a', recordOf('new', 1))
    await storage.set('b', recordOf('new', 1))
    await moves(storage, 1, () => storage.set('c', recordOf('new', 1)))
    await moves(storage, 1, () => storage.set('a', recordOf('again', 2)))
    await moves(storage, 1, () => storage.replaceHead('a', 'again', { head: 'head' }))
    await moves(storage, 1, () => storage.delete('a'))
  })

  check('changeToken: clear and deleteExpired move it', async (storage) => {
    if (storage.changeToken() === undefined) return
    await storage.set('a', { ...recordOf('a', 1), expiresAt: Date.now() + 60_000 })
    await storage.set('b', recordOf('b', 1))
    await moves(storage, undefined, () => storage.deleteExpired(Date.now() + 120_000, 100))
    await moves(storage, undefined, () => storage.clear())
    await moves(storage, undefined, () => storage.setMany([['a', recordOf('a', 1)]]))
    await moves(storage, undefined, () => storage.deleteMany(['a']))
  })

  check('changeToken: stays where it is while nothing is written', async (storage) => {
    if (storage.changeToken() === undefined) return
    await fill(storage, ['a', 'b'])
    // What was written has to come to rest first.
    await sleep(seenWithin)
    await moves(storage, 0, async () => {
      await storage.get('a')
      await storage.has('x')
      await keysOf(storage)
      await storage.size()
      await sleep(seenWithin)
    })
  })

  checkShared('changeToken: a write of another storage moves it', async (storage, bench) => {
    const other = await bench.reopen(storage)
    if (storage.changeToken() === undefined) return
    const writes: (() => unknown)[] = [
      () => other.set('a', recordOf('a', 1)),
      () => other.set('a', recordOf('b', 2)),
      () => other.replaceHead('a', 'b', { head: 'c' }),
      () => other.delete('a'),
      () => other.clear(),
    ]
    await other.set('b', recordOf('b', 1))
    for (const write of writes) {
      await sleep(seenWithin)
      const before = storage.changeToken()
      await write()
      await sleep(seenWithin)
      assert.notEqual(storage.changeToken(), before)
    }
  })
}

function checkTwoStorages(checkShared: Check): void {
  checkShared('reopen: two storages see each other’s writes', async (storage, bench) => {
    const other = await bench.reopen(storage)
    await storage.set('a', recordOf('a', 1))
    assertRecord(await other.get('a'), recordOf('a', 1))
    await other.set('a', recordOf('b', 2))
    assertRecord(await storage.get('a'), recordOf('b', 2))
    assert.equal(await other.delete('a'), true)
    assert.equal(await storage.get('a'), undefined)
    assert.equal(await storage.size(), 0)
    await fill(storage, ['x', 'y'])
    await other.clear()
    assert.deepEqual(await keysOf(storage), [])
  })

  checkShared('set: stays atomic when two storages write at once', async (storage, bench) => {
    const other = await bench.reopen(storage)
    const writes = Array.from({ length: 400 }, async (_, i) => {
      const [writer, reader] = i % 2 === 0 ? [storage, other] : [other, storage]
      const key = `k${i % 20}`
      const written = writer.set(key, labelled(i))
      assertWhole(await reader.get(key))
      await written
      assertWhole(await reader.get(key))
    })
    await Promise.all(writes)
    assert.equal(await storage.size(), 20)
    for await (const [, record] of other.entries()) assertWhole(record)
  })
}

/** @param by undefined for at least one */
async function moves(
  storage: BaseStorage,
  by: number | undefined,
  write: () => unknown,
): Promise<void> {
  const before = storage.changeToken()
  await write()
  const after = storage.changeToken()
  assert.ok(before !== undefined && after !== undefined, 'the token is gone')
  if (by === undefined) assert.ok(after > before, 'the token did not move on')
  else assert.equal(after - before, by, 'the token moved by another number')
}
