/** The contract of keys: what may be one, and how they are listed. */
import assert from 'node:assert/strict'
import type { BaseStorage } from '../storage/base-storage.ts'
import { assertRecord, attempt, fill, keysOf, recordOf, type Check } from './storage-check.ts'

// One text, for keys read best side by side; what does not show in it comes below.
const awkwardKeys: readonly string[] = `
k ke key key. key.p1 key.v1 key.chain key: key/1 key\\1 key* key? KEY Key kEY $key key$ .key -k +k
ä Ä a\u0308 ae ﬁ fi İ i 👋 👋🏽 \ufffd \u{10ffff} \u200b
it's "quoted" \` $(x) ';--DROP [a-z] {a} {b} <> | & = # + _ ~ ; ,
% %25 %2525 %2F %00 __proto__ constructor undefined null 0 00
. .. ../k ..%2Fk ./k /k // k.cached k.tmp CON nul.txt`
  .trim()
  .split(/[ \n]/)
  .concat([' ', '  ', ' k', 'k ', 'k\t', 'k\n', 'k\0', 'k\0k', '\u00a0', '\ud83d', '\udc4b'])
  .concat([
    'x'.repeat(199),
    'x'.repeat(200),
    'X'.repeat(200),
    `${'x'.repeat(199)}y`,
    'ä'.repeat(200),
  ])

/** Registers the tests of keys and their listing. */
export function checkKeys(check: Check): void {
  check(
    'keys: each awkward one is stored as it is or refused, and no other in its place',
    async (storage) => {
      const stored = new Map<string, number>()
      for (const [i, key] of awkwardKeys.entries()) {
        const error = await attempt(() => storage.set(key, recordOf(`head of ${i}`, i)))
        if (error === undefined) stored.set(key, i)
        else assertRefused(key, error)
      }
      for (const [key, i] of stored)
        assertRecord(await storage.get(key), recordOf(`head of ${i}`, i))
      assert.deepEqual(await keysOf(storage), [...stored.keys()].toSorted())
      assert.equal(await storage.size(), stored.size)
      for (const key of awkwardKeys) if (!stored.has(key)) await assertNotHeld(storage, key)
    },
  )

  check('keys: what the library uses itself is stored everywhere', async (storage) => {
    const hash = 'aZ09-_'.repeat(8).slice(0, 43)
    const keys = [hash, `-${hash.slice(1)}`, `${hash}.v1023`, `${hash}.chain`, `${hash}.last`]
    keys.push(`${hash}.v7.pmf3k2a1b-Ab_d-f12.10`, `${hash}.last.v1023.pmf3k2a1b-________.1023`)
    await fill(storage, keys)
    assert.deepEqual(await keysOf(storage), keys.toSorted())
  })

  check('keys: deleting one leaves those that look like it', async (storage) => {
    const alike = ['key', 'KEY', 'key ', 'key%', 'k_y', 'key.p1', 'ke']
    await fill(storage, alike)
    for (const [i, key] of alike.entries()) {
      assert.equal(await storage.delete(key), true)
      assert.deepEqual(await keysOf(storage), alike.slice(i + 1).toSorted())
    }
  })

  check('keys: none in an empty storage', async (storage) => {
    assert.deepEqual(await keysOf(storage), [])
    assert.equal(await storage.size(), 0)
  })

  check('keys: each once, over more than one page', async (storage, { manyKeys }) => {
    await fill(storage, manyKeys)
    assert.deepEqual(await keysOf(storage), manyKeys.toSorted())
  })

  check(
    'keys: once each, whatever is written and deleted meanwhile',
    async (storage, { manyKeys }) => {
      await checkStability(storage, manyKeys, storage.keys())
    },
  )

  check(
    'heads: once each, whatever is written and deleted meanwhile',
    async (storage, { manyKeys }) => {
      await checkStability(storage, manyKeys, keysOfHeads(storage))
    },
  )

  check('keys: two iterations at once do not disturb each other', async (storage, { manyKeys }) => {
    await fill(storage, manyKeys)
    const [first, second] = await Promise.all([keysOf(storage), keysOf(storage)])
    assert.deepEqual(first, manyKeys.toSorted())
    assert.deepEqual(second, first)
  })

  check('keys: an iteration that is left early holds nothing up', async (storage) => {
    await fill(storage, ['a', 'b', 'c'])
    for await (const _ of storage.keys()) break
    await storage.set('d', recordOf('d', 1))
    await storage.clear()
    assert.deepEqual(await keysOf(storage), [])
  })

  check('size: how many records there are', async (storage, { manyKeys }) => {
    assert.equal(await storage.size(), 0)
    await fill(storage, manyKeys)
    assert.equal(await storage.size(), manyKeys.length)
    await storage.set('key0', recordOf('again', 1))
    assert.equal(await storage.size(), manyKeys.length)
    await storage.delete('key0')
    await storage.delete('never there')
    assert.equal(await storage.size(), manyKeys.length - 1)
  })

  check('clear: empties this namespace', async (storage, { manyKeys }) => {
    await fill(storage, manyKeys)
    await storage.clear()
    assert.deepEqual(await keysOf(storage), [])
    assert.equal(await storage.size(), 0)
    assert.equal(await storage.get('key0'), undefined)
    assert.equal(await storage.has('key0'), false)
  })

  check('clear: leaves every other namespace', async (storage, bench) => {
    const other = await bench.open()
    await storage.set('a', recordOf('mine', 1))
    await other.set('a', recordOf('theirs', 2))
    await storage.clear()
    assert.equal(await storage.get('a'), undefined)
    assertRecord(await other.get('a'), recordOf('theirs', 2))
  })

  check('clear: an empty storage may be cleared', async (storage) => {
    await storage.clear()
    await storage.clear()
    assert.equal(await storage.size(), 0)
  })

  check('clear: what is stored afterwards stays', async (storage) => {
    await storage.set('a', recordOf('old', 1))
    await storage.clear()
    await storage.set('a', recordOf('new', 2))
    assertRecord(await storage.get('a'), recordOf('new', 2))
    assert.deepEqual(await keysOf(storage), ['a'])
  })

  check('open: namespaces share no keys', async (storage, bench) => {
    const other = await bench.open()
    await fill(storage, ['a', 'b'])
    await fill(other, ['b', 'c', 'd'])
    await other.delete('b')
    assert.deepEqual(await keysOf(storage), ['a', 'b'])
    assert.deepEqual(await keysOf(other), ['c', 'd'])
    assert.equal(await storage.get('c'), undefined)
    assert.equal(await storage.size(), 2)
  })
}

function assertRefused(key: string, error: unknown): void {
  const { code } = error as { code?: unknown }
  assert.equal(code, 'ERR_CACHE_KEY_INVALID', `${JSON.stringify(key)} fails with ${String(error)}`)
}

async function assertNotHeld(storage: BaseStorage, key: string): Promise<void> {
  const error = await attempt(async () => assert.equal(await storage.get(key), undefined))
  if (error !== undefined) assertRefused(key, error)
}

async function* keysOfHeads(storage: BaseStorage): AsyncIterable<string> {
  for await (const { key } of storage.heads()) yield key
}

async function checkStability(
  storage: BaseStorage,
  manyKeys: readonly string[],
  listing: AsyncIterable<string>,
): Promise<void> {
  // Every third is deleted while the listing goes on, the others stay.
  const leaving = manyKeys.filter((_, i) => i % 3 === 0)
  const staying = manyKeys.filter((_, i) => i % 3 !== 0)
  await fill(storage, manyKeys)
  const seen = new Map<string, number>()
  let count = 0
  for await (const key of listing) {
    seen.set(key, (seen.get(key) ?? 0) + 1)
    if (++count % 20 !== 0) continue
    const round = count / 20
    const longer = recordOf('replaced', ...Array(300).keys())
    await storage.set(staying[(round * 37) % staying.length] ?? '', longer)
    await storage.set(`new${round}`, recordOf('new', 1))
    await storage.delete(leaving[(round * 7) % leaving.length] ?? '')
    await storage.delete(leaving[round] ?? '')
    assert.ok(count < 10 * manyKeys.length, 'the listing does not end')
  }
  const wrong = staying.filter((key) => seen.get(key) !== 1)
  assert.deepEqual(wrong, [], 'listed not once')
}
