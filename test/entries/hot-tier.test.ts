import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { HotTier, type Sized } from '../../lib/entries/hot-tier.ts'

interface Kept extends Sized {
  readonly name: string
}

const record: StoredRecord = { head: '', body: new Uint8Array(0) }
const overhead = 2048

function kept(name: string, bytes = 0): Kept {
  return { name, body: new Uint8Array(bytes) }
}

/** A tier that has looked for a key and knows the state of its storage, as `keep` requires. */
function warmTier(maxBytes: number): { storage: MemoryStorage; tier: HotTier<Kept> } {
  const storage = new MemoryStorage()
  const tier = new HotTier<Kept>(storage, maxBytes)
  assert.equal(tier.get('any'), undefined)
  return { storage, tier }
}

describe('what is kept', () => {
  test('is found until it is cleared', () => {
    const { tier } = warmTier(100_000)
    const entry = kept('a')
    tier.keep('a', entry)
    assert.equal(tier.get('a'), entry)
    assert.equal(tier.get('b'), undefined)
    tier.clear()
    assert.equal(tier.get('a'), undefined)
  })

  test('is the last of a key', () => {
    const { tier } = warmTier(100_000)
    tier.keep('a', kept('old'))
    tier.keep('a', kept('new'))
    assert.equal(tier.get('a')?.name, 'new')
  })

  test('is nothing where the storage has no change token', () => {
    const tier = new HotTier<Kept>(new Tokenless(), 100_000)
    tier.get('a')
    tier.keep('a', kept('a'))
    assert.equal(tier.get('a'), undefined)
    tier.write('a', kept('a'), () => {})
    assert.equal(tier.get('a'), undefined)
  })

  test('is nothing where there is no room', () => {
    const { tier } = warmTier(0)
    tier.keep('a', kept('a'))
    assert.equal(tier.get('a'), undefined)
  })
})

describe('active', () => {
  test('where there is room, and the storage tells of changes', () => {
    assert.ok(new HotTier(new MemoryStorage(), 1).active)
    assert.ok(!new HotTier(new MemoryStorage(), 0).active)
    assert.ok(!new HotTier(new Tokenless(), 1).active)
  })
})

describe('room', () => {
  test('the least recently used goes first', () => {
    const { tier } = warmTier(4 * overhead)
    for (const name of ['a', 'b', 'c', 'd']) tier.keep(name, kept(name))
    tier.get('a')
    tier.keep('e', kept('e'))
    assert.equal(tier.get('b'), undefined)
    for (const name of ['a', 'c', 'd', 'e']) assert.equal(tier.get(name)?.name, name)
  })

  test('an entry that is larger than a quarter is not kept, and takes nothing away', () => {
    const { tier } = warmTier(8 * overhead)
    tier.keep('a', kept('a'))
    tier.keep('large', kept('large', overhead + 1))
    assert.equal(tier.get('large'), undefined)
    assert.equal(tier.get('a')?.name, 'a')
    tier.keep('fits', kept('fits', overhead))
    assert.equal(tier.get('fits')?.name, 'fits')
  })

  test('what is replaced or removed leaves its room', () => {
    const { tier } = warmTier(4 * overhead)
    for (let i = 0; i < 100; i++) tier.keep('a', kept('a'))
    for (let i = 0; i < 100; i++) {
      tier.get('x')
      tier.keep('x', kept('x'))
      tier.clear()
    }
    for (const name of ['a', 'b', 'c', 'd']) tier.keep(name, kept(name))
    for (const name of ['a', 'b', 'c', 'd']) assert.equal(tier.get(name)?.name, name)
  })

  test('is never exceeded, and holds what was used last', () => {
    const step = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.nat(3 * overhead))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const maxBytes = 12 * overhead
        const { tier } = warmTier(maxBytes)
        for (const [name, bytes] of steps) {
          tier.keep(name, kept(name, bytes))
          if (bytes + overhead <= maxBytes / 4)
            assert.equal(tier.get(name)?.body?.byteLength, bytes)
        }
        let held = 0
        for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
          const entry = tier.get(name)
          if (entry !== undefined) held += entry.body!.byteLength + overhead
        }
        assert.ok(held <= maxBytes)
      }),
    )
  })
})

describe('writes of others', () => {
  test('empty the tier', () => {
    const { storage, tier } = warmTier(100_000)
    tier.keep('a', kept('a'))
    storage.set('b', record)
    assert.equal(tier.get('a'), undefined)
  })

  test('between look-up and keeping are not hidden', () => {
    const { storage, tier } = warmTier(100_000)
    assert.equal(tier.get('a'), undefined)
    const read = kept('read before the write')
    storage.set('a', record)
    tier.keep('a', read)
    assert.equal(tier.get('a'), undefined)
  })

  test('between a keeping and a write of ours are not hidden', () => {
    const { storage, tier } = warmTier(100_000)
    tier.keep('a', kept('a'))
    storage.set('a', record)
    tier.write('b', undefined, () => storage.set('b', record))
    assert.equal(tier.get('a'), undefined)
  })

  test('during a write of ours are not hidden', () => {
    const { storage, tier } = warmTier(100_000)
    tier.keep('a', kept('a'))
    tier.write('b', kept('b'), () => {
      storage.set('b', record)
      storage.set('a', record)
    })
    assert.equal(tier.get('a'), undefined)
    assert.equal(tier.get('b'), undefined)
  })
})

describe('a write of ours', () => {
  test('leaves the others', () => {
    const { storage, tier } = warmTier(100_000)
    tier.keep('a', kept('a'))
    tier.write('b', undefined, () => storage.set('b', record))
    assert.equal(tier.get('a')?.name, 'a')
  })

  test('removes what it replaces', () => {
    const { storage, tier } = warmTier(100_000)
    tier.keep('a', kept('old'))
    tier.write('a', undefined, () => storage.set('a', record))
    assert.equal(tier.get('a'), undefined)
  })

  test('keeps what it wrote, where it is given', () => {
    const { storage, tier } = warmTier(100_000)
    tier.keep('a', kept('old'))
    tier.write('a', kept('new'), () => storage.set('a', record))
    assert.equal(tier.get('a')?.name, 'new')
  })

  test('hands on what it returns, and what it throws', () => {
    const { storage, tier } = warmTier(100_000)
    assert.equal(
      tier.write('a', undefined, () => storage.delete('a')),
      false,
    )
    const failure = new Error('disk on fire')
    const fail = (): never => {
      throw failure
    }
    assert.throws(() => tier.write('a', undefined, fail), failure)
  })

  test('that fails after it has changed something is not hidden', () => {
    const { storage, tier } = warmTier(100_000)
    tier.keep('a', kept('old'))
    const fail = (): never => {
      storage.set('a', record)
      throw new Error('disk on fire')
    }
    assert.throws(() => tier.write('a', kept('new'), fail))
    assert.equal(tier.get('a'), undefined)
  })

  test('before anything was looked up keeps nothing', () => {
    const storage = new MemoryStorage()
    const tier = new HotTier<Kept>(storage, 100_000)
    tier.keep('a', kept('a'))
    tier.write('b', kept('b'), () => storage.set('b', record))
    assert.equal(tier.get('a'), undefined)
  })
})

class Tokenless extends MemoryStorage {
  override changeToken(): never {
    return undefined as never
  }
}
