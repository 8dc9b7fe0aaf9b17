import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { partBytes } from '../../lib/entries/body-parts.ts'
import { FailingStorage } from './failing-storage.ts'
import { HeldStorage } from './held-storage.ts'
import { startWriter, storageOfParts } from './start-writer.ts'

describe('a storage that is too slow', () => {
  test('is given up, and does not get the rest', async () => {
    const storage = new HeldStorage()
    const { writer, outcomes, committed } = startWriter({ storage, maxBytes: 2 ** 30 })
    const chunk = Buffer.alloc(partBytes)
    for (let i = 0; i < 100; i++) void writer.push(chunk)
    assert.deepEqual(outcomes, [{ stored: false, why: 'too-slow' }])
    // 64 MiB, and what was on its way.
    assert.ok(storage.held >= 64 && storage.held <= 66, String(storage.held))
    writer.end([])
    storage.release()
    // What it has got is deleted again, in as many turns as that takes.
    for (let turns = 0; turns === 0 || (storage.size() > 0 && turns < 1000); turns++) {
      await nextTurn()
    }
    assert.deepEqual([storage.size(), committed.length, outcomes.length], [0, 0, 1])
  })

  test('is behind with all responses together', async () => {
    const storage = new HeldStorage()
    const writers = [1, 2, 3].map((n) => startWriter({ storage, key: `k${n}`, maxBytes: 2 ** 30 }))
    const chunk = Buffer.alloc(partBytes)
    for (let i = 0; i < 30; i++) for (const { writer } of writers) void writer.push(chunk)
    assert.ok(writers.some(({ outcomes }) => outcomes.length === 1))
    assert.ok(storage.held <= 67, String(storage.held))
    for (const { writer } of writers) writer.abort()
    storage.release()
    await nextTurn()
  })

  test('is not, where it keeps up', async () => {
    const storage = new HeldStorage()
    const { writer, outcomes, work } = startWriter({ storage, maxBytes: 2 ** 30 })
    const chunk = Buffer.alloc(partBytes)
    for (let i = 0; i < 80; i++) {
      void writer.push(chunk)
      storage.release()
      await nextTurn()
    }
    writer.end([])
    storage.release()
    await Promise.all(work)
    await nextTurn()
    assert.deepEqual(outcomes, [{ stored: true }])
  })
})

describe('a storage that fails', () => {
  const failure = new Error('disk on fire')
  const outcome = { stored: false, why: 'failed', error: failure }

  for (const kind of ['throws', 'rejects'] as const) {
    for (const [name, failAt] of [
      ['first', 0],
      ['second', 1],
      ['last', 2],
    ] as const) {
      test(`that ${kind} at the ${name} part: told once, nothing left`, async () => {
        const storage = new FailingStorage(10, kind, failAt, failure)
        const { writer, outcomes, committed } = startWriter({ storage })
        for (let i = 0; i < 25; i++) void writer.push(Buffer.from('x'))
        writer.end([])
        await nextTurn()
        assert.deepEqual(outcomes, [outcome])
        assert.equal(committed.length, 0)
        assert.equal(storage.size(), 0)
      })
    }
  }

  test('every part fails: told once', async () => {
    const storage = new FailingStorage(10, 'rejects', 'all', failure)
    const { writer, outcomes } = startWriter({ storage })
    void writer.push(Buffer.alloc(95))
    writer.end([])
    await nextTurn()
    assert.deepEqual(outcomes, [outcome])
  })

  for (const [name, commit] of [
    [
      'throws',
      (): never => {
        throw failure
      },
    ],
    ['rejects', (): Promise<void> => Promise.reject(failure)],
  ] as const) {
    for (const size of [5, 25]) {
      test(`a commit that ${name} after ${size} bytes: told once, nothing left`, async () => {
        const storage = storageOfParts(10)
        const { writer, outcomes } = startWriter({ storage, commit })
        void writer.push(Buffer.alloc(size))
        writer.end([])
        await nextTurn()
        assert.deepEqual(outcomes, [outcome])
        assert.equal(storage.size(), 0)
      })
    }
  }

  test('parts that cannot be deleted either cost nothing more', async () => {
    const storage = storageOfParts(10)
    storage.deleteMany = () => Promise.reject(failure)
    const { writer, outcomes } = startWriter({ storage })
    void writer.push(Buffer.alloc(25))
    writer.abort()
    await nextTurn()
    assert.deepEqual(outcomes, [{ stored: false, why: 'incomplete' }])
  })
})
