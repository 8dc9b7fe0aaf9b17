/** The contract of what works on many records: listings, bulk reads and writes, expiry, new heads. */
import assert from 'node:assert/strict'
import type { BaseStorage, StoredHead, StoredRecord } from '../storage/base-storage.ts'
import { assertRecord, fill, inAMonth, keysOf, recordOf, type Check } from './storage-check.ts'

/** Registers the tests of many records. */
export function checkBulk(check: Check): void {
  checkListings(check)
  checkMany(check)
  checkDeleteExpired(check)
  checkReplaceHead(check)
}

function checkListings(check: Check): void {
  check('heads: key, head and expiry of every record', async (storage) => {
    const expiresAt = inAMonth()
    await storage.set('a', { ...recordOf('{"a":"ä\n"}', 1), expiresAt })
    await storage.set('b', { head: 'no expiry', body: new Uint8Array(100_000) })
    const heads = (await Array.fromAsync(storage.heads())).toSorted(byKey).map(plainHead)
    assert.deepEqual(heads, [
      { key: 'a', head: '{"a":"ä\n"}', expiresAt },
      { key: 'b', head: 'no expiry', expiresAt: undefined },
    ])
  })

  check('heads: each once, over more than one page', async (storage, { manyKeys }) => {
    await fill(storage, manyKeys)
    const heads = (await Array.fromAsync(storage.heads())).toSorted(byKey)
    assert.deepEqual(
      heads.map(({ key, head }) => [key, head]),
      manyKeys.toSorted().map((key) => [key, `head of ${key}`]),
    )
  })

  check('entries: every key with its record', async (storage) => {
    await setThree(storage)
    assertThree(await Array.fromAsync(storage.entries()))
  })

  check('values: every record', async (storage) => {
    await setThree(storage)
    const values = await Array.fromAsync(storage.values())
    assertThree(values.map((record) => [record.head, record]))
  })

  check('[Symbol.asyncIterator]: as `entries`', async (storage) => {
    await setThree(storage)
    assertThree(await Array.fromAsync(storage))
  })

  check('entries: what the caller does to a body is not stored', async (storage) => {
    await setThree(storage)
    for await (const [, record] of storage.entries()) record.body.fill(9)
    assertThree(await Array.fromAsync(storage.entries()))
  })
}

function checkMany(check: Check): void {
  check(
    'getMany: the records in the order of the keys, undefined for an absent one',
    async (storage) => {
      await setThree(storage)
      const got = await storage.getMany(['c', 'x', 'a', 'c'])
      assert.equal(got.length, 4)
      assertRecord(got[0], three.c)
      assert.equal(got[1], undefined)
      assertRecord(got[2], three.a)
      assertRecord(got[3], three.c)
      assert.deepEqual(await storage.getMany([]), [])
    },
  )

  check('getMany: more than a page of keys', async (storage, { manyKeys }) => {
    await fill(storage, manyKeys)
    const got = await storage.getMany(manyKeys)
    assert.deepEqual(
      got.map((record) => record?.head),
      manyKeys.map((key) => `head of ${key}`),
    )
  })

  check('setMany: stores all of them, the later of two for one key', async (storage) => {
    await storage.set('a', recordOf('before', 9))
    await storage.setMany([['b', recordOf('first', 8)], ...Object.entries(three)])
    assertThree(await Array.fromAsync(storage.entries()))
  })

  check('setMany: more than a page of records, and none', async (storage, { manyKeys }) => {
    await storage.setMany(recordsOf(manyKeys))
    assert.deepEqual(await keysOf(storage), manyKeys.toSorted())
    await storage.setMany([])
    assert.equal(await storage.size(), manyKeys.length)
  })

  check('deleteMany: how many of them there were', async (storage) => {
    await setThree(storage)
    assert.equal(await storage.deleteMany(['a', 'x', 'c', 'a']), 2)
    assert.deepEqual(await keysOf(storage), ['b'])
    assert.equal(await storage.deleteMany([]), 0)
    assert.equal(await storage.deleteMany(['x']), 0)
    assert.deepEqual(await keysOf(storage), ['b'])
  })

  check('deleteMany: more than a page of keys', async (storage, { manyKeys }) => {
    await fill(storage, [...manyKeys, 'other'])
    assert.equal(await storage.deleteMany(manyKeys), manyKeys.length)
    assert.deepEqual(await keysOf(storage), ['other'])
  })
}

function checkDeleteExpired(check: Check): void {
  check(
    'deleteExpired: what is past, at the very instant too, and nothing else',
    async (storage) => {
      const now = inAMonth()
      await setExpiring(storage, { past: now - 1_000, now, later: now + 1 })
      await storage.set('never', recordOf('never', 1))
      assert.equal(await storage.deleteExpired(now, 100), 2)
      assert.deepEqual(await keysOf(storage), ['later', 'never'])
      assertRecord(await storage.get('never'), recordOf('never', 1))
    },
  )

  check('deleteExpired: tells the time from its argument only', async (storage) => {
    const soon = Date.now() + 60_000
    await setExpiring(storage, { soon })
    assert.equal(await storage.deleteExpired(Date.now(), 100), 0)
    assert.equal(await storage.deleteExpired(soon - 1, 100), 0)
    assert.equal(await storage.deleteExpired(soon + 1, 100), 1)
  })

  check('deleteExpired: at most `limit`, and fewer only where none is left', async (storage) => {
    const now = inAMonth()
    const keys = Array.from({ length: 25 }, (_, i) => `key${i}`)
    await setExpiring(storage, Object.fromEntries(keys.map((key, i) => [key, now - i])))
    await setExpiring(storage, { later: now + 1 })
    const deleted = [10, 10, 10, 10].map((limit) => () => storage.deleteExpired(now, limit))
    const counts: number[] = []
    for (const slice of deleted) counts.push(await slice())
    assert.deepEqual(counts, [10, 10, 5, 0])
    assert.deepEqual(await keysOf(storage), ['later'])
  })

  check('deleteExpired: goes by the expiry that was set last', async (storage) => {
    const now = inAMonth()
    await setExpiring(storage, { longer: now - 1, shorter: now + 1_000, forever: now - 1 })
    await setExpiring(storage, { longer: now + 1_000, shorter: now - 1 })
    await storage.set('forever', recordOf('forever', 1))
    assert.equal(await storage.deleteExpired(now, 100), 1)
    assert.deepEqual(await keysOf(storage), ['forever', 'longer'])
  })
}

function checkReplaceHead(check: Check): void {
  const expiresAt = inAMonth()

  check('replaceHead: sets head and expiry, and leaves the body', async (storage) => {
    await storage.set('a', recordOf('old', 1, 2, 255))
    assert.equal(await storage.replaceHead('a', 'old', { head: 'new ä👋\n', expiresAt }), true)
    assertRecord(await storage.get('a'), { ...recordOf('new ä👋\n', 1, 2, 255), expiresAt })
    const [head] = await Array.fromAsync(storage.heads())
    assert.deepEqual(head && plainHead(head), { key: 'a', head: 'new ä👋\n', expiresAt })
  })

  check('replaceHead: takes the expiry away where none is given', async (storage) => {
    await storage.set('a', { ...recordOf('old', 1), expiresAt })
    assert.equal(await storage.replaceHead('a', 'old', { head: 'new' }), true)
    assertRecord(await storage.get('a'), recordOf('new', 1))
    assert.equal(await storage.deleteExpired(expiresAt + 1, 100), 0)
  })

  check('replaceHead: deleteExpired goes by the new expiry', async (storage) => {
    await storage.set('a', recordOf('old', 1))
    await storage.replaceHead('a', 'old', { head: 'new', expiresAt })
    assert.equal(await storage.deleteExpired(expiresAt - 1, 100), 0)
    assert.equal(await storage.deleteExpired(expiresAt, 100), 1)
  })

  check('replaceHead: false, and nothing done, where the head is another', async (storage) => {
    await storage.set('a', recordOf('changed', 1))
    assert.equal(await storage.replaceHead('a', 'old', { head: 'new', expiresAt }), false)
    assertRecord(await storage.get('a'), recordOf('changed', 1))
  })

  check('replaceHead: false, and nothing made, where there is no record', async (storage) => {
    assert.equal(await storage.replaceHead('a', 'old', { head: 'new' }), false)
    assert.equal(await storage.get('a'), undefined)
    assert.equal(await storage.size(), 0)
  })

  check('replaceHead: leaves other records with the same head', async (storage) => {
    await storage.set('a', recordOf('same', 1))
    await storage.set('b', recordOf('same', 2))
    assert.equal(await storage.replaceHead('a', 'same', { head: 'new' }), true)
    assertRecord(await storage.get('b'), recordOf('same', 2))
  })
}

const three = {
  a: { ...recordOf('a', 1), expiresAt: inAMonth() },
  b: recordOf('b', 2, 3),
  c: recordOf('c'),
}

async function setThree(storage: BaseStorage): Promise<void> {
  for (const [key, record] of Object.entries(three)) await storage.set(key, record)
}

function assertThree(entries: [key: string, record: StoredRecord][]): void {
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1))
  const expected = Object.entries(three)
  assert.deepEqual(
    sorted.map(([key]) => key),
    expected.map(([key]) => key),
  )
  for (const [i, [, record]] of expected.entries()) assertRecord(sorted[i]?.[1], record)
}

async function setExpiring(
  storage: BaseStorage,
  expiries: Readonly<Record<string, number>>,
): Promise<void> {
  for (const [key, expiresAt] of Object.entries(expiries)) {
    await storage.set(key, { ...recordOf(key, 1), expiresAt })
  }
}

function* recordsOf(keys: readonly string[]): Iterable<[key: string, record: StoredRecord]> {
  for (const key of keys) yield [key, recordOf(`head of ${key}`, 1)]
}

function byKey(a: StoredHead, b: StoredHead): number {
  return a.key < b.key ? -1 : 1
}

// Whether a property that is undefined is there does not matter.
function plainHead({ key, head, expiresAt }: StoredHead): StoredHead {
  return { key, head, expiresAt }
}
