/** The contract of groups: kept together or not, their records are records like all others. */
import assert from 'node:assert/strict'
import { keyInGroup } from '../storage/base-storage.ts'
import { assertRecord, inAMonth, keysOf, recordOf, type Check } from './storage-check.ts'

/** Registers the tests of records whose keys say that they belong together. */
export function checkGroups(check: Check): void {
  check('groups: each record is read, listed, counted and deleted by itself', async (storage) => {
    const group = 'body.p1-a'
    const keys = Array.from({ length: 12 }, (_, n) => keyInGroup(group, n))
    // What looks like one of them, or like the name of all.
    const others = [group, `${group}.`, 'body.p1-b.0', 'body', `${group}.0.0`, '0', `${group}.00`]
    const all = [...keys, ...others]
    const expected = new Map(all.map((key, n) => [key, recordOf(`head of ${key}`, n, n)] as const))
    for (const [key, record] of expected) await storage.set(key, record)
    const holds = async (): Promise<void> => {
      assert.deepEqual(await keysOf(storage), [...expected.keys()].toSorted())
      assert.equal(await storage.size(), expected.size)
      for (const [key, record] of expected) assertRecord(await storage.get(key), record)
      for await (const { key, head } of storage.heads()) {
        assert.equal(head, expected.get(key)?.head, key)
      }
      for (const key of all) assert.equal(await storage.has(key), expected.has(key), key)
    }
    await holds()
    assert.equal(await storage.delete(keys[3]!), true)
    assert.equal(await storage.delete(keys[3]!), false)
    expected.delete(keys[3]!)
    await holds()
    const some = [keys[0]!, keys[3]!, keys[5]!, keys[5]!, group, 'body.p1-b.0', 'body.p1-c.0']
    assert.equal(await storage.deleteMany(some), 4)
    for (const key of some) expected.delete(key)
    await holds()
    await storage.setMany(keys.map((key) => [key, recordOf('again', 1)]))
    for (const key of keys) expected.set(key, recordOf('again', 1))
    await holds()
    await storage.clear()
    expected.clear()
    await holds()
  })

  check('groups: a head is replaced in its own record, whose body stays', async (storage) => {
    const [first, second] = [keyInGroup('group', 0), keyInGroup('group', 1)]
    const expiresAt = inAMonth()
    await storage.set(first, { ...recordOf('first', 1), expiresAt })
    await storage.set(second, { ...recordOf('second', 2), expiresAt })
    const next = { head: 'a longer head than before', expiresAt: expiresAt + 1_000 }
    assert.equal(await storage.replaceHead(first, 'second', next), false)
    assert.equal(await storage.replaceHead(keyInGroup('group', 2), 'first', next), false)
    assert.equal(await storage.replaceHead(first, 'first', next), true)
    assertRecord(await storage.get(first), { ...recordOf('', 1), ...next })
    assertRecord(await storage.get(second), { ...recordOf('second', 2), expiresAt })
  })

  check('groups: records whose time is over are deleted', async (storage) => {
    const now = Date.now()
    const keys = [0, 1, 2].map((n) => keyInGroup('group', n))
    for (const key of keys) await storage.set(key, { ...recordOf('', 1), expiresAt: now + 60_000 })
    assert.equal(await storage.deleteExpired(now, 10), 0)
    assert.equal(await storage.deleteExpired(now + 60_000, 10), 3)
    assert.equal(await storage.size(), 0)
  })
}
