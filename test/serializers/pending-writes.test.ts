/** Writes that take long to encode: what is read meanwhile, and in which order they are done. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BaseStorage, StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { serialized } from '../../lib/serializers/serializer.ts'
import { HeldStage } from './held-stage.ts'

interface Bench {
  readonly inner: MemoryStorage
  readonly stage: HeldStage
  readonly storage: BaseStorage
}

function setUp(): Bench {
  const [inner, stage] = [new MemoryStorage(), new HeldStage()]
  return { inner, stage, storage: serialized(inner, stage) }
}

function long(head: string): StoredRecord {
  return { head, body: Uint8Array.of(1, 2, 3) }
}

function short(head: string): StoredRecord {
  return { head, body: Uint8Array.of(1) }
}

/** Whether it has ended by now. */
async function hasEnded(work: unknown): Promise<boolean> {
  const pending = Symbol()
  await nextTurn()
  return (await Promise.race([work, Promise.resolve(pending)])) !== pending
}

describe('a write that is still being encoded', () => {
  test('is read at once, and by get as a copy', async () => {
    const { inner, stage, storage } = setUp()
    const written = storage.set('key', long('a'))
    assert.equal(inner.get('key'), undefined)
    for (const read of [storage.get('key'), storage.peek('key')] as StoredRecord[]) {
      assert.equal(read.head, 'a')
      assert.deepEqual([...read.body], [1, 2, 3])
    }
    assert.equal(storage.has('key'), true)
    ;(storage.get('key') as StoredRecord).body.fill(9)
    stage.release()
    await written
    assert.deepEqual([...(await storage.get('key'))!.body], [1, 2, 3])
  })

  test('takes what it was given, not what the caller makes of it meanwhile', async () => {
    const { stage, storage } = setUp()
    const record = long('a')
    const written = storage.set('key', record)
    record.body.fill(9)
    stage.release()
    await written
    assert.deepEqual([...(await storage.get('key'))!.body], [1, 2, 3])
  })

  test('leaves other keys alone', async () => {
    const { stage, storage } = setUp()
    const written = storage.set('key', long('a'))
    assert.equal(storage.set('other', short('b')), undefined)
    assert.equal((await storage.get('other'))?.head, 'b')
    stage.release()
    await written
  })

  for (const [what, second] of [
    ['that is short', short('second')],
    ['that is long, and done sooner', long('second')],
  ] as const) {
    test(`is not overtaken by one ${what}`, async () => {
      const { inner, stage, storage } = setUp()
      const writes = [storage.set('key', long('first')), storage.set('key', second)]
      assert.equal((await storage.get('key'))?.head, 'second')
      if (second.body.byteLength > 1) stage.release(1)
      assert.equal(await hasEnded(writes[1]), false)
      assert.equal(inner.get('key'), undefined)
      stage.release()
      for (const write of writes) await write
      assert.equal(inner.get('key')!.head.endsWith('second'), true)
      assert.equal((await storage.get('key'))?.head, 'second')
    })
  }

  test('is read until it is done itself, whatever came before', async () => {
    const { stage, storage } = setUp()
    const first = storage.set('key', long('first'))
    const second = storage.set('key', long('second'))
    stage.release()
    await first
    await nextTurn()
    assert.equal((await storage.get('key'))?.head, 'second')
    stage.release()
    await second
  })

  test('is not overtaken by a deletion', async () => {
    const { inner, stage, storage } = setUp()
    const written = storage.set('key', long('a'))
    const deleted = storage.delete('key')
    assert.equal(await storage.get('key'), undefined)
    assert.equal(storage.has('key'), false)
    stage.release()
    await written
    assert.equal(await deleted, true)
    assert.equal(inner.size(), 0)
    assert.equal(await storage.delete('key'), false)
  })

  test('comes before a new head', async () => {
    const { stage, storage } = setUp()
    const written = storage.set('key', long('a'))
    const replaced = storage.replaceHead('key', 'a', { head: 'b' })
    stage.release()
    await written
    assert.equal(await replaced, true)
    assert.equal((await storage.get('key'))?.head, 'b')
  })

  for (const [what, use] of [
    ['listings', (storage: BaseStorage) => Array.fromAsync(storage.keys())],
    ['listings of heads', (storage: BaseStorage) => Array.fromAsync(storage.heads())],
    ['a count', (storage: BaseStorage) => storage.size()],
    ['clear', (storage: BaseStorage) => storage.clear()],
    ['deleteMany', (storage: BaseStorage) => storage.deleteMany(['key'])],
    ['setMany', (storage: BaseStorage) => storage.setMany([['key', short('b')]])],
    ['close', (storage: BaseStorage) => storage.close()],
  ] as const) {
    test(`is waited for by ${what}`, async () => {
      const { stage, storage } = setUp()
      const written = storage.set('key', long('a'))
      const used = use(storage)
      assert.equal(await hasEnded(used), false)
      stage.release()
      await used
      await written
      if (what === 'clear' || what === 'deleteMany') assert.equal(await storage.size(), 0)
      if (what === 'setMany') assert.equal((await storage.get('key'))?.head, 'b')
    })
  }

  test('moves the change token once, when it begins to be read', async () => {
    const { stage, storage } = setUp()
    const before = storage.changeToken()!
    const writes = [storage.set('key', long('a')), storage.set('key', long('b'))]
    assert.equal(storage.changeToken(), before + 2)
    stage.release()
    stage.release()
    for (const write of writes) await write
    assert.equal(storage.changeToken(), before + 2)
    await storage.delete('key')
    assert.equal(storage.changeToken(), before + 3)
  })

  test('that fails is told, is not read any more, and holds up nothing', async () => {
    const { inner, stage, storage } = setUp()
    await storage.set('key', short('old'))
    stage.failure = new Error('no')
    const written = storage.set('key', long('a'))
    const token = storage.changeToken()!
    stage.release()
    await assert.rejects(Promise.resolve(written), {
      code: 'ERR_CACHE_CALLBACK_FAILED',
      cause: stage.failure,
    })
    assert.ok(storage.changeToken()! > token, 'who has read it does not look again')
    await storage.set('key', short('b'))
    assert.equal((await storage.get('key'))?.head, 'b')
    assert.equal(inner.size(), 1)
    await storage.close()
  })

  test('that fails leaves the record that was there', async () => {
    const { stage, storage } = setUp()
    await storage.set('key', short('old'))
    stage.failure = new Error('no')
    const written = storage.set('key', long('a'))
    stage.release()
    await assert.rejects(Promise.resolve(written))
    assert.equal((await storage.get('key'))?.head, 'old')
  })

  test('that fails before the one ahead of it has ended overtakes nothing', async () => {
    const { stage, storage } = setUp()
    const first = storage.set('key', long('first'))
    const second = storage.set('key', long('second'))
    stage.failure = new Error('no')
    stage.release(1)
    stage.failure = undefined
    const third = storage.set('key', short('third'))
    assert.equal(await hasEnded(third), false)
    stage.release()
    await first
    await assert.rejects(Promise.resolve(second))
    await third
    assert.equal((await storage.get('key'))?.head, 'third')
  })
})
