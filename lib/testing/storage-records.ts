/** The contract of `get`, `set`, `delete` and `has`: what is given back, to whom it belongs, until when. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import {
  assertRecord,
  assertWhole,
  inAMonth,
  labelled,
  recordOf,
  type Check,
} from './storage-check.ts'

/** Registers the tests of single records. */
export function checkRecords(check: Check): void {
  checkContent(check)
  checkOwnership(check)
  checkExpiry(check)
  checkPresence(check)
  checkConcurrency(check)
}

function checkContent(check: Check): void {
  check('get: a key never set is undefined', async (storage) => {
    assert.equal(await storage.get('a'), undefined)
  })

  check('get: gives back the very bytes, all 256 of them', async (storage) => {
    const record = recordOf('all', ...Array(256).keys())
    await storage.set('a', record)
    assertRecord(await storage.get('a'), record)
  })

  check('get: gives back an empty body', async (storage) => {
    await storage.set('a', recordOf('none'))
    assertRecord(await storage.get('a'), recordOf('none'))
  })

  check('get: gives back an empty head', async (storage) => {
    await storage.set('a', recordOf('', 1))
    assertRecord(await storage.get('a'), recordOf('', 1))
  })

  check('get: gives back a body of a mebibyte', async (storage) => {
    const bytes = Math.min(2 ** 20, storage.traits.maxBodyBytes)
    const record = { head: 'long', body: randomBytes(bytes) }
    await storage.set('a', record)
    assertRecord(await storage.get('a'), record)
  })

  check('get: gives back the head exactly, whatever text it is', async (storage) => {
    const heads = [
      '👋🏽 \u{10ffff}',
      'äöüßÄ e\u0301 é',
      'a\nb\r\nc\td\n',
      '\u0000\u0001\u2028\ufeff',
      `'";%_\\`,
    ]
    for (const head of heads) {
      await storage.set('a', recordOf(head, 1))
      assertRecord(await storage.get('a'), recordOf(head, 1))
    }
  })

  check('get: gives back a head of 64 KiB', async (storage) => {
    const head = 'ä€👋'.repeat(7_282)
    await storage.set('a', recordOf(head, 1))
    assertRecord(await storage.get('a'), recordOf(head, 1))
  })

  check('peek: sees what `get` does', async (storage) => {
    const record = { ...recordOf('head', 1, 2, 255), expiresAt: inAMonth() }
    await storage.set('a', record)
    assertRecord(await storage.peek('a'), record)
    assert.equal(await storage.peek('b'), undefined)
  })

  check('set: replaces the record that is there, its expiry included', async (storage) => {
    await storage.set('a', { ...recordOf('old', 1, 2, 3), expiresAt: inAMonth() })
    await storage.set('a', recordOf('new', 4))
    assertRecord(await storage.get('a'), recordOf('new', 4))
    assert.equal(await storage.size(), 1)
  })

  check('adopt: stores as `set` does', async (storage) => {
    await storage.set('a', recordOf('old', 1))
    for (const key of ['a', 'b']) {
      const record = { ...recordOf('adopted', 1, 2, 255), expiresAt: inAMonth() }
      await storage.adopt(key, record)
      assertRecord(await storage.get(key), record)
    }
    assert.equal(await storage.size(), 2)
  })

  check('set: leaves the other records alone', async (storage) => {
    await storage.set('a', recordOf('a', 1))
    await storage.set('b', recordOf('b', 2))
    await storage.set('b', recordOf('b again', 3))
    assertRecord(await storage.get('a'), recordOf('a', 1))
    assertRecord(await storage.get('b'), recordOf('b again', 3))
  })

  check('set: stores the bytes of a view, not of the buffer under it', async (storage) => {
    await storage.set('a', { head: 'view', body: Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 3) })
    assertRecord(await storage.get('a'), recordOf('view', 2, 3))
  })
}

function checkOwnership(check: Check): void {
  check('set: what the caller does to its buffer afterwards is not stored', async (storage) => {
    const body = Uint8Array.of(1, 2, 3)
    await storage.set('a', { head: 'mine', body })
    body.fill(9)
    assertRecord(await storage.get('a'), recordOf('mine', 1, 2, 3))
  })

  check('get: what the caller does to the body is not stored', async (storage) => {
    await storage.set('a', recordOf('mine', 1, 2, 3))
    const got = await storage.get('a')
    assert.ok(got)
    got.body.fill(9)
    assertRecord(await storage.get('a'), recordOf('mine', 1, 2, 3))
  })

  check('get: two callers get bodies of their own', async (storage) => {
    await storage.set('a', recordOf('ours', 1, 2, 3))
    const [first, second] = [await storage.get('a'), await storage.get('a')]
    assert.ok(first)
    first.body.fill(9)
    assertRecord(second, recordOf('ours', 1, 2, 3))
  })
}

function checkExpiry(check: Check): void {
  check('get: gives back expiresAt, and none where there was none', async (storage) => {
    const expiresAt = inAMonth()
    await storage.set('a', { ...recordOf('expires', 1), expiresAt })
    await storage.set('b', recordOf('stays', 2))
    assert.equal((await storage.get('a'))?.expiresAt, expiresAt)
    const stays = await storage.get('b')
    assert.ok(stays)
    assert.equal(stays.expiresAt, undefined)
  })

  check('get: a record is there until its expiresAt', async (storage) => {
    const expiries = [Date.now() + 60_000, inAMonth(), Date.UTC(2200, 0), Date.UTC(9999, 0)]
    for (const [i, expiresAt] of expiries.entries()) {
      await storage.set(`k${i}`, { ...recordOf('kept', i), expiresAt })
    }
    // Long enough for a timer that was set to more than it can count, and fires at once.
    await sleep(20)
    for (const [i, expiresAt] of expiries.entries()) {
      assertRecord(await storage.get(`k${i}`), { ...recordOf('kept', i), expiresAt })
    }
  })

  check('get: an expired record is whole, or not there', async (storage) => {
    const record = { ...labelled(7), expiresAt: Date.now() - 1_000 }
    await storage.set('a', record)
    const got = await storage.get('a')
    if (got !== undefined) assertRecord(got, record)
  })

  check('set: a record that has expired already replaces one that has not', async (storage) => {
    await storage.set('a', recordOf('old', 1))
    await storage.set('a', { ...recordOf('new', 2), expiresAt: Date.now() - 1_000 })
    assert.notEqual((await storage.get('a'))?.head, 'old')
  })

  check('set: one that never expires replaces one that does, for good', async (storage) => {
    await storage.set('a', { ...recordOf('old', 1), expiresAt: Date.now() + 30 })
    await storage.set('a', recordOf('new', 2))
    await sleep(50)
    await storage.deleteExpired(Date.now(), 100)
    assertRecord(await storage.get('a'), recordOf('new', 2))
  })
}

function checkPresence(check: Check): void {
  check('delete: says whether there was something', async (storage) => {
    await storage.set('a', recordOf('a', 1))
    assert.equal(await storage.delete('a'), true)
    assert.equal(await storage.delete('a'), false)
    assert.equal(await storage.get('a'), undefined)
  })

  check('delete: leaves the others', async (storage) => {
    for (const key of ['a', 'ab', 'b']) await storage.set(key, recordOf(key, 1))
    await storage.delete('a')
    assert.equal(await storage.get('a'), undefined)
    for (const key of ['ab', 'b']) assertRecord(await storage.get(key), recordOf(key, 1))
  })

  check('delete: an absent key is no error and deletes nothing else', async (storage) => {
    await storage.set('a', recordOf('a', 1))
    assert.equal(await storage.delete('b'), false)
    assertRecord(await storage.get('a'), recordOf('a', 1))
    assert.equal(await storage.size(), 1)
  })

  check('delete: a key can be used again', async (storage) => {
    for (const round of [1, 2, 3]) {
      await storage.set('a', recordOf(`round ${round}`, round))
      assertRecord(await storage.get('a'), recordOf(`round ${round}`, round))
      assert.equal(await storage.delete('a'), true)
      assert.equal(await storage.has('a'), false)
    }
    assert.equal(await storage.size(), 0)
  })

  check('has: whether there is a record', async (storage) => {
    assert.equal(await storage.has('a'), false)
    await storage.set('a', recordOf(''))
    assert.equal(await storage.has('a'), true)
    assert.equal(await storage.has('b'), false)
    await storage.delete('a')
    assert.equal(await storage.has('a'), false)
  })
}

function checkConcurrency(check: Check): void {
  check('set: is atomic, a get beside it sees one write or another', async (storage) => {
    const written = new AbortController()
    const writeAll = async (): Promise<void> => {
      for (let from = 0; from < 800; from += 200) {
        const wave = Array.from({ length: 200 }, async (_, i) =>
          storage.set(`k${i % 50}`, labelled(from + i)),
        )
        await Promise.all(wave)
      }
    }
    const readAll = async (): Promise<void> => {
      for (let i = 0; !written.signal.aborted; i++) {
        assertWhole(await storage.get(`k${i % 50}`))
        // Each step of a write may take a turn of the loop, and has to be looked at.
        if (i % 50 === 0) await nextTurn()
      }
    }
    await Promise.all([writeAll().finally(() => written.abort()), readAll()])
    assert.equal(await storage.size(), 50)
    for (let i = 0; i < 50; i++) {
      const record = await storage.get(`k${i}`)
      assert.ok(record)
      assertWhole(record)
      assert.equal(Number(record.head.replace('write ', '')) % 50, i, 'a write of another key')
    }
  })

  check('set: of two writes, one after the other, the later stays', async (storage) => {
    for (let i = 0; i < 20; i++) await storage.set('a', labelled(i))
    assertRecord(await storage.get('a'), labelled(19))
  })
}
