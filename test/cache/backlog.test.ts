import assert from 'node:assert/strict'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test } from 'node:test'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { Backlog, backlogOf, Patience } from '../../lib/cache/backlog.ts'
import { partBytes } from '../../lib/entries/body-parts.ts'
import { HeldStorage } from './held-storage.ts'
import { startWriter } from './start-writer.ts'

const limit = 64 * 2 ** 20
const mebibyte = 2 ** 20

describe('a backlog', () => {
  test('is one for each storage', () => {
    const [one, other] = [new MemoryStorage(), new MemoryStorage()]
    assert.equal(backlogOf(one), backlogOf(one))
    assert.notEqual(backlogOf(one), backlogOf(other))
  })

  test('lets those who wait go on, the oldest first, one for each that is written', () => {
    const backlog = new Backlog()
    backlog.add(limit + mebibyte)
    assert.equal(backlog.full, true)
    const went: number[] = []
    for (const nth of [1, 2, 3]) {
      const leave = backlog.wait(4 - nth, () => {
        leave()
        went.push(nth)
      })
    }
    backlog.done(mebibyte)
    assert.deepEqual([backlog.full, went], [false, [3]])
    backlog.add(mebibyte)
    backlog.done(mebibyte / 2)
    assert.deepEqual(went, [3], 'still full')
    backlog.done(mebibyte)
    assert.deepEqual(went, [3, 2])
    backlog.done(limit - mebibyte / 2)
    assert.deepEqual(went, [3, 2, 1])
  })

  test('lets all of them go on when there is much room', () => {
    const backlog = new Backlog()
    backlog.add(limit + 1)
    let went = 0
    for (let i = 0; i < 5; i++) {
      const leave = backlog.wait(i, () => {
        leave()
        went++
      })
    }
    backlog.done(limit)
    assert.equal(went, 5)
  })
})

describe('a patience', () => {
  test('ends at a time, and in sum', async () => {
    const backlog = new Backlog()
    backlog.add(limit + 1)
    const patience = new Patience(backlog, 40)
    let ended = 0
    const begin = performance.now()
    for (let i = 0; i < 10; i++) {
      const waiting = patience.wait(0, () => {
        ended++
        patience.end()
      })
      if (waiting === undefined) break
      await waiting
    }
    const waited = performance.now() - begin
    assert.ok(ended >= 4 && ended <= 8, `ended ${ended} times`)
    assert.ok(waited >= 150, `${waited} ms`)
  })

  test('does not end at a time where the storage gets on', async () => {
    const backlog = new Backlog()
    backlog.add(2 * limit)
    const patience = new Patience(backlog, 300)
    const begin = performance.now()
    const works = setInterval(() => backlog.done(1), 10)
    await patience.wait(0, () => patience.end())
    clearInterval(works)
    const waited = performance.now() - begin
    assert.ok(waited >= 600 && waited < 6_000, `${waited} ms`)
  })

  test('of a long response is longer in sum', async () => {
    const backlog = new Backlog()
    backlog.add(limit + 1)
    const patience = new Patience(backlog, 5)
    let waits = 0
    const end = (): void => patience.end()
    for (; waits < 100; waits++) {
      const waiting = patience.wait(16 * 16 * mebibyte, end)
      if (waiting === undefined) break
      await waiting
    }
    assert.ok(waits > 5, `${waits} times`)
  })
})

describe('writers of a storage that is behind', () => {
  test('make their origins wait until it has caught up, and give nothing up', async () => {
    const storage = new HeldStorage()
    const writers = [1, 2, 3].map((n) =>
      startWriter({ storage, key: `k${n}`, patience: 2_000, maxBytes: 2 ** 30 }),
    )
    const chunk = Buffer.alloc(partBytes / 2)
    const feed = async ({ writer }: (typeof writers)[number]): Promise<void> => {
      for (let i = 0; i < 80; i++) {
        await writer.push(chunk)
        await later(0)
      }
      writer.end([])
    }
    const fed = Promise.all(writers.map(feed))
    let most = 0
    const working = setInterval(() => {
      most = Math.max(most, storage.held)
      if (storage.held > 64) storage.release()
    }, 5)
    await fed
    clearInterval(working)
    storage.release()
    await Promise.all(writers.flatMap(({ work }) => work))
    for (const { outcomes } of writers) assert.deepEqual(outcomes, [{ stored: true }])
    assert.ok(most <= 68, `${most} parts were held`)
  })

  test('wait for their patience at the most, and let the origin go on', async () => {
    const storage = new HeldStorage()
    const { writer, outcomes } = startWriter({ storage, patience: 60, maxBytes: 2 ** 30 })
    const chunk = Buffer.alloc(partBytes)
    const begin = performance.now()
    for (let i = 0; i < 100; i++) await writer.push(chunk)
    const waited = performance.now() - begin
    assert.deepEqual(outcomes, [{ stored: false, why: 'too-slow' }])
    assert.ok(waited >= 55 && waited < 2_000, `${waited} ms`)
    storage.release()
  })

  test('keep nobody waiting who has nothing to write yet', async () => {
    const storage = new HeldStorage()
    const long = startWriter({ storage, key: 'long', patience: 1_000, maxBytes: 2 ** 30 })
    for (let i = 0; i < 66; i++) if (long.writer.push(Buffer.alloc(partBytes))) break
    const short = startWriter({ storage, key: 'short', patience: 1_000 })
    assert.equal(short.writer.push(Buffer.alloc(1000)), undefined)
    short.writer.end([])
    assert.deepEqual(short.outcomes, [{ stored: true }])
    long.writer.abort()
    storage.release()
  })

  test('an abort ends the waiting', async () => {
    const storage = new HeldStorage()
    const { writer } = startWriter({ storage, patience: 60_000, maxBytes: 2 ** 30 })
    let waiting: Promise<void> | undefined
    while (waiting === undefined) waiting = writer.push(Buffer.alloc(partBytes))
    writer.abort()
    await waiting
    storage.release()
  })
})
