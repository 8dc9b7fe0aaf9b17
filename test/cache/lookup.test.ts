import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MemoryStorage } from '../../lib/storage/memory.ts'
import type { SelectedBy } from '../../lib/cache/entry.ts'
import {
  chainKey,
  findChain,
  findOn,
  notFound,
  placeFor,
  selectionOf,
} from '../../lib/cache/lookup.ts'
import { encodeChain } from '../../lib/cache/record.ts'
import type { CacheRequest } from '../../lib/request/request.ts'
import { requestOf } from '../request/request-of.ts'
import { makeRecord, storedRequest } from './make-entry.ts'
import { bodyOf, look, newShelf, store } from './shelf-of-responses.ts'

const plain = requestOf({})

describe('findOn', () => {
  test('nothing', () => assert.equal(findOn(newShelf(), plain), notFound))

  test('what has no variants', () => {
    const shelf = newShelf()
    store(shelf, plain, [], 'body')
    const found = look(shelf, plain)
    assert.equal(bodyOf(found), 'body')
    assert.equal(found.found?.key, plain.key)
    assert.equal(found.primary, undefined)
  })

  test('another request under the same key is not found', () => {
    const shelf = newShelf()
    void shelf.storage.set(plain.key, makeRecord({ text: `${plain.text} ` }))
    assert.equal(findOn(shelf, plain), notFound)
  })

  test('what is corrupt is told', () => {
    const shelf = newShelf()
    void shelf.storage.set(plain.key, { head: 'garbage', body: new Uint8Array(0) })
    assert.throws(() => findOn(shelf, plain), { code: 'ERR_CACHE_ENTRY_CORRUPT' })
  })
})

describe('variants', () => {
  const english = accepting('en')
  const german = accepting('de')
  const names = ['accept-language']

  test('each has its own, the first under the key itself', () => {
    const shelf = newShelf()
    store(shelf, english, names, 'hello')
    store(shelf, german, names, 'hallo')
    assert.equal(bodyOf(look(shelf, english)), 'hello')
    assert.equal(bodyOf(look(shelf, german)), 'hallo')
    assert.equal(look(shelf, english).found?.key, plain.key)
    assert.notEqual(look(shelf, german).found?.key, plain.key)
    assert.equal(shelf.storage.size(), 2)
  })

  test('one that is missing is said to be', () => {
    const shelf = newShelf()
    store(shelf, english, names, 'hello')
    const { found, variantMissing, primary } = look(shelf, german)
    assert.deepEqual([found, variantMissing, primary?.names], [undefined, true, names])
    assert.equal(look(shelf, plain).variantMissing, true)
  })

  test('a variant is replaced in its place', () => {
    const shelf = newShelf()
    for (const body of ['old', 'new']) {
      store(shelf, english, names, `en ${body}`)
      store(shelf, german, names, `de ${body}`)
    }
    assert.equal(bodyOf(look(shelf, english)), 'en new')
    assert.equal(bodyOf(look(shelf, german)), 'de new')
    assert.equal(shelf.storage.size(), 2)
  })

  test('another request in the place of a variant is not found', () => {
    const shelf = newShelf()
    store(shelf, english, names, 'hello')
    store(shelf, german, names, 'hallo')
    const { key } = look(shelf, german).found!
    const { selectedBy } = look(shelf, german).found!.entry
    void shelf.storage.set(key, makeRecord({ text: 'GET http://other/', selectedBy }))
    assert.equal(look(shelf, german).variantMissing, true)
  })

  test('another variant in its place is not found', () => {
    const shelf = newShelf()
    store(shelf, english, names, 'hello')
    store(shelf, german, names, 'hallo')
    const { key } = look(shelf, german).found!
    const { since = 0 } = look(shelf, german).primary!
    const selectedBy = selectionOf(accepting('fr'), names, since)
    void shelf.storage.set(key, makeRecord({ text: german.text, selectedBy }))
    assert.equal(look(shelf, german).variantMissing, true)
  })

  test('go with the first one', () => {
    const shelf = newShelf()
    store(shelf, english, names, 'hello')
    store(shelf, german, names, 'hallo')
    void shelf.delete(english.key)
    assert.deepEqual(look(shelf, german), {})
    store(shelf, plain, names, 'new')
    for (const request of [english, german]) assert.equal(look(shelf, request).variantMissing, true)
    store(shelf, german, names, 'neu')
    assert.equal(bodyOf(look(shelf, german)), 'neu')
  })

  test('where the origin selects by another field, nothing of the old selection is found', () => {
    const shelf = newShelf()
    const byType = requestOf({ headers: { accept: 'a/b' } })
    store(shelf, english, names, 'hello')
    // Says nothing in either field: its values look the same under both selections.
    store(shelf, plain, names, 'old')
    store(shelf, byType, ['accept'], 'new')
    assert.equal(bodyOf(look(shelf, byType)), 'new')
    assert.equal(look(shelf, plain).variantMissing, true)
  })

  test('where the origin does not select any more, its answer is for all', () => {
    const shelf = newShelf()
    store(shelf, english, names, 'hello')
    store(shelf, german, [], 'for all')
    assert.equal(bodyOf(look(shelf, english)), 'for all')
  })

  test('are bounded in number', () => {
    const shelf = newShelf()
    for (let i = 0; i < 2000; i++) store(shelf, accepting(String(i)), names, String(i))
    assert.ok((shelf.storage as MemoryStorage).size() <= 1025)
    for (let i = 0; i < 2000; i++) {
      const found = look(shelf, accepting(String(i)))
      if (found.found === undefined) assert.ok(found.variantMissing)
      else assert.equal(bodyOf(found), String(i))
    }
  })

  test('a selection holds no value', () => {
    const selection = selectionOf(accepting('secret'), names, 1)
    assert.deepEqual(selection?.names, names)
    assert.match(selection?.digest ?? '', /^[\w-]{43}$/)
    assert.equal(selectionOf(accepting('x'), [], 1), undefined)
  })
})

describe('placeFor', () => {
  const names = ['a']
  const one: SelectedBy = { names, digest: 'AAAAAAAA' }
  const cases: [
    name: string,
    primary: SelectedBy | undefined,
    selected: SelectedBy | undefined,
    own: boolean,
  ][] = [
    ['the first of all', undefined, undefined, true],
    ['the first that is selected', undefined, one, true],
    ['the same again', one, { ...one }, true],
    ['selected by nothing any more', one, undefined, true],
    ['selected by other fields', one, { names: ['b'], digest: 'BBBBBBBB' }, true],
    ['another variant', one, { names, digest: 'BBBBBBBB' }, false],
  ]
  for (const [name, primary, selected, own] of cases) {
    test(name, () => assert.equal(placeFor(plain, primary, selected) === plain.key, own))
  }
})

describe('findChain', () => {
  const record = (text: string): ReturnType<typeof encodeChain> =>
    encodeChain({ text, history: ['http://a/'], target: 'k' }, storedRequest, undefined)

  test('of the request', () => {
    const shelf = newShelf()
    assert.equal(findChain(shelf, plain), undefined)
    void shelf.storage.set(chainKey(plain.key), record(plain.text))
    assert.equal((findChain(shelf, plain) as { target: string }).target, 'k')
  })

  test('of another request is none', () => {
    const shelf = newShelf()
    void shelf.storage.set(chainKey(plain.key), record('GET http://other/'))
    assert.equal(findChain(shelf, plain), undefined)
  })
})

function accepting(language: string): CacheRequest {
  return requestOf({ headers: { 'Accept-Language': language } })
}
