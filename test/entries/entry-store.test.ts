import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { findOn, notFound } from '../../lib/entries/lookup.ts'
import { EntryStore } from '../../lib/entries/entry-store.ts'
import { requestOf } from '../request/request-of.ts'
import { HeldStorage } from '../cache/held-storage.ts'
import { makeRecord } from '../cache/make-entry.ts'
import { bodyOf, look, newEntryStore, store } from '../cache/entry-store-of.ts'

const plain = requestOf({})
const third = requestOf({ headers: { authorization: 'Bearer one' } })

/** Until a write has begun. */
async function held(storage: HeldStorage): Promise<void> {
  while (storage.held === 0) await nextTurn()
}

describe('a entryStore', () => {
  test('keeps decoded what it has read', () => {
    const entryStore = newEntryStore()
    store(entryStore, plain, [], 'body')
    assert.equal(entryStore.entry(plain.key), entryStore.entry(plain.key))
  })

  test('that keeps nothing hands out entries of their own, and says so', async () => {
    const entryStore = new EntryStore(new MemoryStorage(), 0)
    store(entryStore, plain, [], 'body')
    const [one, other] = [await entryStore.entry(plain.key), await entryStore.entry(plain.key)]
    assert.ok(one?.owned)
    one.body.fill(0)
    assert.equal(Buffer.from(other!.body).toString(), 'body')
    assert.equal(bodyOf(look(entryStore, plain)), 'body')
  })

  test('that keeps what it has read says that it is shared', async () => {
    const entryStore = newEntryStore()
    store(entryStore, plain, [], 'body')
    assert.ok(!(await entryStore.entry(plain.key))!.owned)
    assert.ok(!(await entryStore.entry(plain.key))!.owned)
  })

  test('gives header fields of any name', async () => {
    const entryStore = newEntryStore()
    await entryStore.write(
      plain.key,
      makeRecord({ text: plain.text, rawHeaders: ['__proto__', '1', 'A', '2', 'a', '3'] }),
    )
    const { headers } = (await entryStore.entry(plain.key))!
    assert.deepEqual(Object.entries(headers), [
      ['__proto__', '1'],
      ['a', ['2', '3']],
    ])
  })

  test('does not keep what was written, deleted or cleared since', async () => {
    const entryStore = newEntryStore()
    store(entryStore, plain, [], 'old')
    assert.equal(bodyOf(look(entryStore, plain)), 'old')
    await entryStore.write(plain.key, makeRecord({ text: plain.text }, 'new'))
    assert.equal(bodyOf(look(entryStore, plain)), 'new')
    await entryStore.delete(plain.key)
    assert.equal(findOn(entryStore, plain), notFound)
    store(entryStore, plain, [], 'again')
    assert.equal(bodyOf(look(entryStore, plain)), 'again')
    await entryStore.clear()
    assert.equal(findOn(entryStore, plain), notFound)
  })
})

describe('a entryStore whose storage answers later', () => {
  const heldEntryStore = (): { entryStore: EntryStore; storage: HeldStorage } => {
    const storage = new HeldStorage()
    return { storage, entryStore: new EntryStore(storage, 1_000_000) }
  }

  test('finds what is still being written', async () => {
    const { entryStore, storage } = heldEntryStore()
    const written = entryStore.write(plain.key, makeRecord({ text: plain.text }, 'new'))
    assert.equal(storage.held, 1)
    assert.equal(bodyOf(look(entryStore, plain)), 'new')
    // The record still is to be written: it is not for the caller to change.
    assert.ok(!look(entryStore, plain).found?.entry.owned)
    storage.release()
    await written
    const found = findOn(entryStore, plain)
    assert.ok(found instanceof Promise)
    assert.equal(bodyOf(await found), 'new')
  })

  test('finds the last of two writes, and begins it when the first has ended', async () => {
    const { entryStore, storage } = heldEntryStore()
    const first = entryStore.write(plain.key, makeRecord({ text: plain.text }, 'first'))
    const second = entryStore.write(plain.key, makeRecord({ text: plain.text }, 'second'))
    const beside = entryStore.write(third.key, makeRecord({ text: third.text }))
    assert.equal(storage.held, 2, 'one of each key')
    assert.equal(bodyOf(look(entryStore, plain)), 'second')
    storage.release()
    await Promise.all([first, beside])
    assert.equal(bodyOf(look(entryStore, plain)), 'second')
    await held(storage)
    storage.release()
    await second
    assert.equal(bodyOf(await findOn(entryStore, plain)), 'second')
  })

  test('does not find what was deleted while it was being written', async () => {
    const { entryStore, storage } = heldEntryStore()
    void entryStore.write(plain.key, makeRecord({ text: plain.text }))
    const deleted = entryStore.delete(plain.key)
    assert.equal(findOn(entryStore, plain), notFound)
    storage.release()
    assert.equal(await deleted, true)
    assert.equal(await findOn(entryStore, plain), notFound)
  })

  test('writes what follows a write that has failed', async () => {
    const storage = new HeldStorage()
    const set = storage.set.bind(storage)
    storage.set = () => Promise.reject(new Error('disk on fire'))
    const entryStore = new EntryStore(storage, 1_000_000)
    const failed = assert.rejects(async () =>
      entryStore.write(plain.key, makeRecord({ text: 'x' })),
    )
    storage.set = set
    const written = entryStore.write(plain.key, makeRecord({ text: plain.text }, 'second'))
    await failed
    await held(storage)
    storage.release()
    await written
    assert.equal(bodyOf(await findOn(entryStore, plain)), 'second')
  })

  test('clears what is still being written', async () => {
    const { entryStore, storage } = heldEntryStore()
    void entryStore.write(plain.key, makeRecord({ text: plain.text }))
    const cleared = entryStore.clear()
    storage.release()
    await cleared
    assert.equal(await findOn(entryStore, plain), notFound)
  })

  test('does not go on finding what could not be written', async () => {
    const storage = new HeldStorage()
    storage.set = () => Promise.reject(new Error('disk on fire'))
    const entryStore = new EntryStore(storage, 1_000_000)
    await assert.rejects(async () => entryStore.write(plain.key, makeRecord({ text: plain.text })))
    assert.equal(await findOn(entryStore, plain), notFound)
  })
})
