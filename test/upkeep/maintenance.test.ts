import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { createWriteId } from '../../lib/entries/body-parts.ts'
import { deleteExpired, deleteOrphans } from '../../lib/upkeep/maintenance.ts'
import { encodeEntry } from '../../lib/entries/record.ts'
import { makeHead, storedRequest } from '../cache/make-entry.ts'
import { WrappedStorage } from '../cache/wrapped-storage.ts'
import { partKeys } from '../../lib/entries/record-keys.ts'

const now = 100_000_000
const hour = 3_600_000
const body = new Uint8Array(0)

describe('deleteExpired', () => {
  test('deletes what is over, in slices, and nothing else', async () => {
    const storage = new SlicedStorage()
    for (let i = 0; i < 250; i++) await storage.set(`old${i}`, { head: '', body, expiresAt: now })
    await storage.set('fresh', { head: '', body, expiresAt: now + 1 })
    await storage.set('endless', { head: '', body })
    assert.equal(await deleteExpired(storage, now), 250)
    assert.deepEqual((await Array.fromAsync(storage.keys())).toSorted(), ['endless', 'fresh'])
    assert.deepEqual(storage.slices, [100, 100, 50])
  })

  test('lets the event loop turn between slices', async () => {
    const storage = new SlicedStorage()
    for (let i = 0; i < 250; i++) await storage.set(`old${i}`, { head: '', body, expiresAt: now })
    let turned = -1
    const turn = (): void => {
      turned = storage.slices.length
    }
    setImmediate(turn)
    await deleteExpired(storage, now)
    // Within the first slice, where that takes long.
    assert.ok(turned === 0 || turned === 1, String(turned))
  })

  test('nothing at all', async () => assert.equal(await deleteExpired(new MemoryStorage(), now), 0))
})

describe('deleteOrphans', () => {
  const old = createWriteId(now - hour - 1)
  const young = createWriteId(now - hour)

  test('deletes the parts that no entry refers to', async () => {
    const storage = new MemoryStorage()
    put(storage, 'e', old, 3)
    assert.equal(await deleteOrphans(storage, now), 3)
    assert.equal(storage.size(), 0)
  })

  test('leaves those of an entry', async () => {
    const storage = new MemoryStorage()
    put(storage, 'e', old, 2)
    entry(storage, 'e', old, 2)
    assert.equal(await deleteOrphans(storage, now), 0)
    assert.equal(storage.size(), 3)
  })

  test('leaves those that may still arrive', async () => {
    const storage = new MemoryStorage()
    put(storage, 'e', young, 2)
    assert.equal(await deleteOrphans(storage, now), 0)
    assert.equal(await deleteOrphans(storage, now + 1), 2)
  })

  test('deletes those of an earlier write of an entry', async () => {
    const storage = new MemoryStorage()
    const current = createWriteId(now - 2 * hour)
    put(storage, 'e', old, 2)
    put(storage, 'e', current, 1)
    entry(storage, 'e', current, 1)
    assert.equal(await deleteOrphans(storage, now), 2)
    assert.equal(storage.size(), 2)
  })

  test('tells the entries apart', async () => {
    const storage = new MemoryStorage()
    put(storage, 'e', old, 1)
    put(storage, 'f', old, 1)
    entry(storage, 'f', old, 1)
    assert.equal(await deleteOrphans(storage, now), 1)
    assert.deepEqual(await Array.fromAsync(storage.keys()), [
      ...partKeys('f', { id: old, checks: [0] }),
      'f',
    ])
  })

  test('leaves entries alone, corrupt ones too, which refer to nothing', async () => {
    const storage = new MemoryStorage()
    storage.set('e', { head: 'garbage', body })
    put(storage, 'e', old, 1)
    assert.equal(await deleteOrphans(storage, now), 1)
    assert.deepEqual(await Array.fromAsync(storage.keys()), ['e'])
  })

  test('leaves the parts where their entry cannot be read', async () => {
    const failure = new Error('disk on fire')
    const storage = new WrappedStorage()
    put(storage.inner, 'e', old, 1)
    storage.peek = () => Promise.reject(failure)
    await assert.rejects(deleteOrphans(storage, now), failure)
    assert.equal(storage.size(), 1)
  })
})

function put(storage: MemoryStorage, entryKey: string, id: string, count: number): void {
  const checks = Array<number>(count).fill(0)
  for (const key of partKeys(entryKey, { id, checks })) storage.set(key, { head: '', body })
}

function entry(storage: MemoryStorage, key: string, id: string, count: number): void {
  const parts = { id, bytes: 9, checks: Array<number>(count).fill(0) }
  const parted = { bytes: body, parts, bodyBytes: 9 * count }
  storage.set(key, encodeEntry(makeHead(), parted, storedRequest, undefined))
}

/** Remembers how much each call has deleted. */
class SlicedStorage extends WrappedStorage {
  readonly slices: number[] = []

  override async deleteExpired(at: number, limit: number): Promise<number> {
    const deleted = await super.deleteExpired(at, limit)
    this.slices.push(deleted)
    return deleted
  }
}
