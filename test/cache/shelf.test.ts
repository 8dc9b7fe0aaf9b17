import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { findOn, notFound } from '../../lib/cache/lookup.ts'
import { Shelf } from '../../lib/cache/shelf.ts'
import { requestOf } from '../request/request-of.ts'
import { HeldStorage } from './held-storage.ts'
import { makeRecord } from './make-entry.ts'
import { bodyOf, look, newShelf, store } from './shelf-of-responses.ts'

const plain = requestOf({})
const third = requestOf({ headers: { authorization: 'Bearer one' } })

/** Until a write has begun. */
async function held(storage: HeldStorage): Promise<void> {
  while (storage.held === 0) await nextTurn()
}

describe('a shelf', () => {
  test('keeps decoded what it has read', () => {
    const shelf = newShelf()
    store(shelf, plain, [], 'body')
    assert.equal(shelf.entry(plain.key), shelf.entry(plain.key))
  })

  test('that keeps nothing hands out entries of their own, and says so', async () => {
    const shelf = new Shelf(new MemoryStorage(), 0)
    store(shelf, plain, [], 'body')
    const [one, other] = [await shelf.entry(plain.key), await shelf.entry(plain.key)]
    assert.ok(one?.owned)
    one.body.fill(0)
    assert.equal(Buffer.from(other!.body).toString(), 'body')
    assert.equal(bodyOf(look(shelf, plain)), 'body')
  })

  test('that keeps what it has read says that it is shared', async () => {
    const shelf = newShelf()
    store(shelf, plain, [], 'body')
    assert.ok(!(await shelf.entry(plain.key))!.owned)
    assert.ok(!(await shelf.entry(plain.key))!.owned)
  })

  test('gives header fields of any name', async () => {
    const shelf = newShelf()
    await shelf.write(
      plain.key,
      makeRecord({ text: plain.text, rawHeaders: ['__proto__', '1', 'A', '2', 'a', '3'] }),
    )
    const { headers } = (await shelf.entry(plain.key))!
    assert.deepEqual(Object.entries(headers), [
      ['__proto__', '1'],
      ['a', ['2', '3']],
    ])
  })

  test('does not keep what was written, deleted or cleared since', async () => {
    const shelf = newShelf()
    store(shelf, plain, [], 'old')
    assert.equal(bodyOf(look(shelf, plain)), 'old')
    await shelf.write(plain.key, makeRecord({ text: plain.text }, 'new'))
    assert.equal(bodyOf(look(shelf, plain)), 'new')
    await shelf.delete(plain.key)
    assert.equal(findOn(shelf, plain), notFound)
    store(shelf, plain, [], 'again')
    assert.equal(bodyOf(look(shelf, plain)), 'again')
    await shelf.clear()
    assert.equal(findOn(shelf, plain), notFound)
  })
})

describe('a shelf whose storage answers later', () => {
  const heldShelf = (): { shelf: Shelf; storage: HeldStorage } => {
    const storage = new HeldStorage()
    return { storage, shelf: new Shelf(storage, 1_000_000) }
  }

  test('finds what is still being written', async () => {
    const { shelf, storage } = heldShelf()
    const written = shelf.write(plain.key, makeRecord({ text: plain.text }, 'new'))
    assert.equal(storage.held, 1)
    assert.equal(bodyOf(look(shelf, plain)), 'new')
    // The record still is to be written: it is not for the caller to change.
    assert.ok(!look(shelf, plain).found?.entry.owned)
    storage.release()
    await written
    const found = findOn(shelf, plain)
    assert.ok(found instanceof Promise)
    assert.equal(bodyOf(await found), 'new')
  })

  test('finds the last of two writes, and begins it when the first has ended', async () => {
    const { shelf, storage } = heldShelf()
    const first = shelf.write(plain.key, makeRecord({ text: plain.text }, 'first'))
    const second = shelf.write(plain.key, makeRecord({ text: plain.text }, 'second'))
    const beside = shelf.write(third.key, makeRecord({ text: third.text }))
    assert.equal(storage.held, 2, 'one of each key')
    assert.equal(bodyOf(look(shelf, plain)), 'second')
    storage.release()
    await Promise.all([first, beside])
    assert.equal(bodyOf(look(shelf, plain)), 'second')
    await held(storage)
    storage.release()
    await second
    assert.equal(bodyOf(await findOn(shelf, plain)), 'second')
  })

  test('does not find what was deleted while it was being written', async () => {
    const { shelf, storage } = heldShelf()
    void shelf.write(plain.key, makeRecord({ text: plain.text }))
    const deleted = shelf.delete(plain.key)
    assert.equal(findOn(shelf, plain), notFound)
    storage.release()
    assert.equal(await deleted, true)
    assert.equal(await findOn(shelf, plain), notFound)
  })

  test('writes what follows a write that has failed', async () => {
    const storage = new HeldStorage()
    const set = storage.set.bind(storage)
    storage.set = () => Promise.reject(new Error('disk on fire'))
    const shelf = new Shelf(storage, 1_000_000)
    const failed = assert.rejects(async () => shelf.write(plain.key, makeRecord({ text: 'x' })))
    storage.set = set
    const written = shelf.write(plain.key, makeRecord({ text: plain.text }, 'second'))
    await failed
    await held(storage)
    storage.release()
    await written
    assert.equal(bodyOf(await findOn(shelf, plain)), 'second')
  })

  test('clears what is still being written', async () => {
    const { shelf, storage } = heldShelf()
    void shelf.write(plain.key, makeRecord({ text: plain.text }))
    const cleared = shelf.clear()
    storage.release()
    await cleared
    assert.equal(await findOn(shelf, plain), notFound)
  })

  test('does not go on finding what could not be written', async () => {
    const storage = new HeldStorage()
    storage.set = () => Promise.reject(new Error('disk on fire'))
    const shelf = new Shelf(storage, 1_000_000)
    await assert.rejects(async () => shelf.write(plain.key, makeRecord({ text: plain.text })))
    assert.equal(await findOn(shelf, plain), notFound)
  })
})
