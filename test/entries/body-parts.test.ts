import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { createWriteId, readParts } from '../../lib/entries/body-parts.ts'
import type { Entry } from '../../lib/entries/entry.ts'
import { decodeEntry } from '../../lib/entries/record.ts'
import { requestOf } from '../request/request-of.ts'
import { makeRecord } from '../cache/make-entry.ts'
import {
  chainKey,
  kindOfRecord,
  ownerOfPart,
  partKey,
  partKeys,
} from '../../lib/entries/record-keys.ts'

const { key } = requestOf({})
const entryKeys = [key, chainKey(key), `${key}.v1023`, `${key}.last`]

describe('keys of parts', () => {
  test('tell the entry, the write and its time', () => {
    fc.assert(
      fc.property(fc.constantFrom(...entryKeys), fc.nat(), fc.nat(), (entryKey, now, index) => {
        const id = createWriteId(now)
        const part = partKey(entryKey, id, index)
        assert.ok(kindOfRecord(part) === 'part')
        assert.deepEqual(ownerOfPart(part), { entryKey, id, writtenAt: now })
      }),
    )
  })

  test('are no keys of entries, and no longer than a storage takes', () => {
    for (const entryKey of entryKeys) {
      assert.ok(kindOfRecord(entryKey) !== 'part')
      assert.ok(partKey(entryKey, createWriteId(Date.now()), 2 ** 20).length <= 200)
    }
  })

  test('differ from write to write', () => {
    const ids = Array.from({ length: 1000 }, () => createWriteId(5))
    assert.equal(new Set(ids).size, 1000)
  })

  test('are one for each part', () => {
    assert.deepEqual(partKeys('e', { id: 'w', checks: [7, 7] }), [
      partKey('e', 'w', 0),
      partKey('e', 'w', 1),
    ])
    assert.deepEqual(partKeys('e', { id: 'w', checks: [] }), [])
  })
})

describe('readParts', () => {
  test('gives them in order', async () => {
    const { storage, entry } = stored('abc', 'de')
    assert.deepEqual(await texts(storage, entry), ['abc', 'de'])
  })

  test('reads one at a time', async () => {
    const { storage, entry } = stored('abc', 'de')
    const parts = readParts(storage, 'e', entry)
    await parts.next()
    storage.delete(partKey('e', 'w', 1))
    await assert.rejects(parts.next(), { code: 'ERR_CACHE_ENTRY_CORRUPT' })
  })

  const faults: [name: string, spoil: (storage: MemoryStorage) => void][] = [
    ['a missing part', (storage) => void storage.delete(partKey('e', 'w', 0))],
    [
      'a short part',
      (storage) => storage.set(partKey('e', 'w', 1), { head: '', body: Buffer.from('d') }),
    ],
    [
      'a long part',
      (storage) => storage.set(partKey('e', 'w', 1), { head: '', body: Buffer.from('def') }),
    ],
    [
      'a part of which a bit has changed',
      (storage) => storage.set(partKey('e', 'w', 1), { head: '', body: Buffer.from('dd') }),
    ],
    [
      'parts in another order',
      (storage) => storage.set(partKey('e', 'w', 0), { head: '', body: Buffer.from('cba') }),
    ],
  ]
  for (const [name, spoil] of faults) {
    test(`${name} is no body`, async () => {
      const { storage, entry } = stored('abc', 'de')
      spoil(storage)
      await assert.rejects(texts(storage, entry), { code: 'ERR_CACHE_ENTRY_CORRUPT' })
    })
  }

  test('a part that is not what was stored is never handed out', async () => {
    const { storage, entry } = stored('abc', 'def', 'gh')
    storage.set(partKey('e', 'w', 1), { head: '', body: Buffer.from('dxf') })
    const parts = readParts(storage, 'e', entry)
    assert.equal(String((await parts.next()).value), 'abc')
    await assert.rejects(parts.next(), { code: 'ERR_CACHE_ENTRY_CORRUPT' })
  })

  test('nothing is compared where nothing is to be', async () => {
    const { storage, entry } = stored('abc', 'de')
    storage.set(partKey('e', 'w', 1), { head: '', body: Buffer.from('xy') })
    assert.deepEqual(await texts(storage, { ...entry, unchecked: true }), ['abc', 'xy'])
  })
})

function stored(...parts: string[]): { storage: MemoryStorage; entry: Entry } {
  const storage = new MemoryStorage()
  for (const [index, part] of parts.entries()) {
    storage.set(partKey('e', 'w', index), { head: '', body: Buffer.from(part) })
  }
  const entry = decodeEntry(makeRecord())
  const bodyBytes = parts.join('').length
  const checks = parts.map((part) => crc32(part))
  const bytes = parts[0]!.length
  return { storage, entry: { ...entry, parts: { id: 'w', bytes, checks }, bodyBytes } }
}

async function texts(storage: MemoryStorage, entry: Entry): Promise<string[]> {
  const read = await Array.fromAsync(readParts(storage, 'e', entry))
  return read.map(String)
}
