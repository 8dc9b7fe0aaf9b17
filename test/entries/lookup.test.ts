import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MemoryStorage } from '../../lib/storage/memory.ts'
import type { SelectedBy } from '../../lib/entries/entry.ts'
import { findChain, findOn, notFound, placeFor, selectionOf } from '../../lib/entries/lookup.ts'
import { encodeChain } from '../../lib/entries/record.ts'
import type { CacheRequest } from '../../lib/request/request.ts'
import { requestOf } from '../request/request-of.ts'
import { makeRecord, storedRequest } from '../cache/make-entry.ts'
import { bodyOf, look, newEntryStore, store } from '../cache/entry-store-of.ts'
import { chainKey } from '../../lib/entries/record-keys.ts'

const plain = requestOf({})

describe('findOn', () => {
  test('nothing', () => assert.equal(findOn(newEntryStore(), plain), notFound))

  test('what has no variants', () => {
    const entryStore = newEntryStore()
    store(entryStore, plain, [], 'body')
    const found = look(entryStore, plain)
    assert.equal(bodyOf(found), 'body')
    assert.equal(found.found?.key, plain.key)
    assert.equal(found.primary, undefined)
  })

  test('another request under the same key is not found', () => {
    const entryStore = newEntryStore()
    void entryStore.storage.set(plain.key, makeRecord({ text: `${plain.text} ` }))
    assert.equal(findOn(entryStore, plain), notFound)
  })

  test('what is corrupt is told', () => {
    const entryStore = newEntryStore()
    void entryStore.storage.set(plain.key, { head: 'garbage', body: new Uint8Array(0) })
    assert.throws(() => findOn(entryStore, plain), { code: 'ERR_CACHE_ENTRY_CORRUPT' })
  })
})

describe('variants', () => {
  const english = accepting('en')
  const german = accepting('de')
  const names = ['accept-language']

  test('each has its own, the first under the key itself', () => {
    const entryStore = newEntryStore()
    store(entryStore, english, names, 'hello')
    store(entryStore, german, names, 'hallo')
    assert.equal(bodyOf(look(entryStore, english)), 'hello')
    assert.equal(bodyOf(look(entryStore, german)), 'hallo')
    assert.equal(look(entryStore, english).found?.key, plain.key)
    assert.notEqual(look(entryStore, german).found?.key, plain.key)
    assert.equal(entryStore.storage.size(), 2)
  })

  test('one that is missing is said to be', () => {
    const entryStore = newEntryStore()
    store(entryStore, english, names, 'hello')
    const { found, variantMissing, primary } = look(entryStore, german)
    assert.deepEqual([found, variantMissing, primary?.names], [undefined, true, names])
    assert.equal(look(entryStore, plain).variantMissing, true)
  })

  test('a variant is replaced in its place', () => {
    const entryStore = newEntryStore()
    for (const body of ['old', 'new']) {
      store(entryStore, english, names, `en ${body}`)
      store(entryStore, german, names, `de ${body}`)
    }
    assert.equal(bodyOf(look(entryStore, english)), 'en new')
    assert.equal(bodyOf(look(entryStore, german)), 'de new')
    assert.equal(entryStore.storage.size(), 2)
  })

  test('another request in the place of a variant is not found', () => {
    const entryStore = newEntryStore()
    store(entryStore, english, names, 'hello')
    store(entryStore, german, names, 'hallo')
    const { key } = look(entryStore, german).found!
    const { selectedBy } = look(entryStore, german).found!.entry
    void entryStore.storage.set(key, makeRecord({ text: 'GET http://other/', selectedBy }))
    assert.equal(look(entryStore, german).variantMissing, true)
  })

  test('another variant in its place is not found', () => {
    const entryStore = newEntryStore()
    store(entryStore, english, names, 'hello')
    store(entryStore, german, names, 'hallo')
    const { key } = look(entryStore, german).found!
    const { since = 0 } = look(entryStore, german).primary!
    const selectedBy = selectionOf(accepting('fr'), names, since)
    void entryStore.storage.set(key, makeRecord({ text: german.text, selectedBy }))
    assert.equal(look(entryStore, german).variantMissing, true)
  })

  test('go with the first one', () => {
    const entryStore = newEntryStore()
    store(entryStore, english, names, 'hello')
    store(entryStore, german, names, 'hallo')
    void entryStore.delete(english.key)
    assert.deepEqual(look(entryStore, german), {})
    store(entryStore, plain, names, 'new')
    for (const request of [english, german])
      assert.equal(look(entryStore, request).variantMissing, true)
    store(entryStore, german, names, 'neu')
    assert.equal(bodyOf(look(entryStore, german)), 'neu')
  })

  test('where the origin selects by another field, nothing of the old selection is found', () => {
    const entryStore = newEntryStore()
    const byType = requestOf({ headers: { accept: 'a/b' } })
    store(entryStore, english, names, 'hello')
    // Says nothing in either field: its values look the same under both selections.
    store(entryStore, plain, names, 'old')
    store(entryStore, byType, ['accept'], 'new')
    assert.equal(bodyOf(look(entryStore, byType)), 'new')
    assert.equal(look(entryStore, plain).variantMissing, true)
  })

  test('where the origin does not select any more, its answer is for all', () => {
    const entryStore = newEntryStore()
    store(entryStore, english, names, 'hello')
    store(entryStore, german, [], 'for all')
    assert.equal(bodyOf(look(entryStore, english)), 'for all')
  })

  test('are bounded in number', () => {
    const entryStore = newEntryStore()
    for (let i = 0; i < 2000; i++) store(entryStore, accepting(String(i)), names, String(i))
    assert.ok((entryStore.storage as MemoryStorage).size() <= 1025)
    for (let i = 0; i < 2000; i++) {
      const found = look(entryStore, accepting(String(i)))
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
    const entryStore = newEntryStore()
    assert.equal(findChain(entryStore, plain), undefined)
    void entryStore.storage.set(chainKey(plain.key), record(plain.text))
    assert.equal((findChain(entryStore, plain) as { target: string }).target, 'k')
  })

  test('of another request is none', () => {
    const entryStore = newEntryStore()
    void entryStore.storage.set(chainKey(plain.key), record('GET http://other/'))
    assert.equal(findChain(entryStore, plain), undefined)
  })
})

function accepting(language: string): CacheRequest {
  return requestOf({ headers: { 'Accept-Language': language } })
}
