/** What somebody else has written into the storage is not believed. */
import assert from 'node:assert/strict'
import { createSecretKey, hash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type { BaseStorage, StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { isEntryError } from '../../lib/errors.ts'
import { encrypt } from '../../lib/serializers/encrypt.ts'
import { serialized } from '../../lib/serializers/serializer.ts'
import { sign } from '../../lib/serializers/sign.ts'
import type { Stage } from '../../lib/serializers/stage.ts'

const [key, previousKey] = [randomBytes(32), randomBytes(32)] as const
const head = '{"version":1,"status":200}\n{"method":"GET"}'
const body = Buffer.from('a body that is somebody’s secret')
const record: StoredRecord = { head, body }

const kinds = [
  {
    name: 'sign',
    stage: sign('secret'),
    rotated: sign('new secret', { previousSecrets: ['a third', 'secret'] }),
    stranger: sign('another secret'),
    code: 'ERR_CACHE_SIGNATURE_INVALID',
  },
  {
    name: 'encrypt',
    stage: encrypt(key),
    rotated: encrypt(previousKey, { previousKeys: [randomBytes(32), key] }),
    stranger: encrypt(randomBytes(32)),
    code: 'ERR_CACHE_DECRYPT_FAILED',
  },
] as const

interface Bench {
  /** What the storage below holds. */
  readonly inner: MemoryStorage
  readonly storage: BaseStorage
  /** The record under the key as it is stored. */
  readonly stored: (key?: string) => StoredRecord
}

async function setUp(stage: Stage): Promise<Bench> {
  const inner = new MemoryStorage()
  const storage = serialized(inner, stage)
  await storage.set('key', record)
  return { inner, storage, stored: (of = 'key') => inner.get(of)! }
}

async function headsOf(storage: BaseStorage): Promise<string[]> {
  const heads: string[] = []
  for await (const each of storage.heads()) heads.push(each.head)
  return heads
}

/** Every way to read the record is refused; those of the head alone where `parts` says so. */
async function assertRefused(
  { storage }: Bench,
  parts: 'all of it' | 'its body' = 'all of it',
  code?: string,
): Promise<void> {
  const refusal = (error: unknown): true => {
    assert.ok(isEntryError(error), String(error))
    if (code !== undefined) assert.equal(error.code, code)
    return true
  }
  await assert.rejects(async () => storage.get('key'), refusal)
  await assert.rejects(async () => storage.peek('key'), refusal)
  await assert.rejects(async () => storage.getMany(['key']), refusal)
  await assert.rejects(async () => Array.fromAsync(storage.entries()), refusal)
  if (parts === 'its body') return
  await assert.rejects(() => headsOf(storage), refusal)
  await assert.rejects(async () => storage.replaceHead('key', head, { head: 'new' }), refusal)
}

for (const { name, stage, rotated, stranger, code } of kinds) {
  describe(`${name}:`, () => {
    test('every bit of a head that was changed is noticed', async () => {
      const bench = await setUp(stage)
      const stored = bench.stored()
      for (let at = 0; at < stored.head.length; at++) {
        for (const bit of [1, 2, 4, 8, 16, 32, 64]) {
          const changed = String.fromCharCode(stored.head.charCodeAt(at) ^ bit)
          const tampered = stored.head.slice(0, at) + changed + stored.head.slice(at + 1)
          bench.inner.set('key', { ...stored, head: tampered })
          assert.throws(() => bench.storage.peek('key'), isEntryError, `bit ${bit} at ${at}`)
        }
      }
    })

    test('every bit of a body that was changed is noticed', async () => {
      const bench = await setUp(stage)
      const stored = bench.stored()
      for (let at = 0; at < stored.body.byteLength * 8; at++) {
        const tampered = Buffer.from(stored.body)
        tampered[at >> 3]! ^= 1 << (at & 7)
        bench.inner.set('key', { ...stored, body: tampered })
        assert.throws(() => bench.storage.peek('key'), { code }, `bit ${at}`)
      }
    })

    test('a head or a body that was cut, or added to, is noticed', async () => {
      const bench = await setUp(stage)
      const { head: text, body: bytes } = bench.stored()
      const heads = ['', text.slice(0, -1), `${text} `, `${text}A`, text.slice(0, 20), `x${text}`]
      for (const tampered of heads) {
        bench.inner.set('key', { head: tampered, body: bytes })
        await assertRefused(bench)
      }
      const bodies = [[], bytes.subarray(1), bytes.subarray(0, -1), [...bytes, 0]]
      for (const tampered of bodies) {
        bench.inner.set('key', { head: text, body: Uint8Array.from(tampered) })
        await assertRefused(bench, 'its body', code)
      }
    })

    test('a record that was moved to another key is noticed', async () => {
      const bench = await setUp(stage)
      await bench.storage.set('other', { head, body })
      bench.inner.set('key', bench.stored('other'))
      await assertRefused(bench, 'all of it', code)
    })

    test('the body of another record, or of an earlier write, is noticed', async () => {
      const bench = await setUp(stage)
      const earlier = bench.stored()
      await bench.storage.set('key', { head, body: Buffer.from('later') })
      await bench.storage.set('other', { head, body: Buffer.from('other') })
      for (const { body: foreign } of [earlier, bench.stored('other')]) {
        bench.inner.set('key', { ...bench.stored(), body: foreign })
        await assertRefused(bench, 'its body', code)
      }
    })

    test('a head that was stored without the stage is not taken for one', async () => {
      const bench = await setUp(stage)
      bench.inner.set('key', record)
      await assertRefused(bench, 'all of it', 'ERR_CACHE_ENTRY_CORRUPT')
      bench.inner.set('key', { head: `serialized ${name}\n${head}`, body })
      await assertRefused(bench, 'all of it', code)
    })

    test('who has another secret reads nothing', async () => {
      const { inner } = await setUp(stage)
      await assertRefused(
        { inner, storage: serialized(inner, stranger), stored: () => record },
        'all of it',
        code,
      )
    })

    test('one that cannot be read does not end a listing', async () => {
      const { inner, storage } = await setUp(stage)
      await storage.set('b', record)
      inner.set('a', { ...inner.get('b')! })
      const listed = (await Array.fromAsync(storage.heads())).toSorted((a, b) =>
        a.key < b.key ? -1 : 1,
      )
      assert.deepEqual(
        listed.map((each) => each.key),
        ['a', 'b', 'key'],
      )
      assert.throws(() => listed[0]!.head, { code })
      assert.equal(listed[1]!.head, head)
      assert.equal(listed[2]!.head, head)
    })

    test('what was written with a previous secret is read, and replaced with the new one', async () => {
      const { inner } = await setUp(stage)
      const storage = serialized(inner, rotated)
      assert.deepEqual((await storage.get('key'))?.body, body)
      assert.deepEqual(await headsOf(storage), [head])

      // The head is written anew, the body stays as the previous secret left it.
      const before = inner.get('key')!.body
      assert.equal(await storage.replaceHead('key', head, { head: 'new' }), true)
      assert.deepEqual(inner.get('key')!.body, before)
      assert.equal((await storage.get('key'))?.head, 'new')
      assert.deepEqual((await storage.get('key'))?.body, body)
      assert.throws(() => serialized(inner, stage).peek('key'), { code })

      await storage.set('key', record)
      assert.throws(() => serialized(inner, stage).peek('key'), { code })
      assert.deepEqual((await storage.get('key'))?.head, head)
    })

    test('what is written anew is not readable with previous secrets alone', async () => {
      const inner = new MemoryStorage()
      await serialized(inner, rotated).set('key', record)
      assert.throws(() => serialized(inner, stage).peek('key'), { code })
    })

    test('no message holds anything of what is stored', async () => {
      const { inner, storage, stored } = await setUp(stage)
      inner.set('key', { ...stored(), head: `${stored().head}x` })
      await assert.rejects(
        async () => storage.get('key'),
        ({ message }: Error) => !/secret|status|GET/.test(message) && message.length < 120,
      )
    })
  })
}

describe('sign:', () => {
  test('another body with its own digest is noticed', async () => {
    const bench = await setUp(sign('secret'))
    const stored = bench.stored()
    const other = Buffer.from('another body')
    const digests = [body, other].map((bytes) => hash('sha256', bytes, 'base64url'))
    const tampered = stored.head.replace(digests[0]!, digests[1]!)
    assert.notEqual(tampered, stored.head)
    bench.inner.set('key', { head: tampered, body: other })
    await assertRefused(bench, 'all of it', 'ERR_CACHE_SIGNATURE_INVALID')
  })
})

describe('encrypt:', () => {
  test('a body in the place of a head is noticed, whatever it says', async () => {
    const bench = await setUp(encrypt(key))
    const victim = bench.stored()
    // Whoever runs the origin can make us encrypt what they like.
    const tag = Buffer.from(victim.body.subarray(-16)).toString('base64url')
    const forged = Buffer.from(`${tag}{"version":1,"status":200,"forged":true}`)
    await bench.storage.set('key', { head, body: forged })
    const sealed = Buffer.from(bench.stored().body).toString('base64url')
    bench.inner.set('key', { head: `serialized encrypt\n${sealed}`, body: victim.body })
    await assertRefused(bench, 'all of it', 'ERR_CACHE_DECRYPT_FAILED')
  })

  test('nothing of a record can be read in the storage', async () => {
    const { stored } = await setUp(encrypt(key))
    const text = stored().head + Buffer.from(stored().body).toString('latin1')
    assert.doesNotMatch(text, /somebody|secret|GET|version/)
    assert.equal(stored().body.byteLength, body.byteLength + 28)
  })

  test('the same record never looks the same twice', async () => {
    const { storage, stored } = await setUp(encrypt(key))
    const first = stored()
    await storage.set('key', record)
    assert.notEqual(stored().head, first.head)
    assert.notDeepEqual(stored().body, first.body)
    const second = stored()
    await storage.replaceHead('key', head, { head })
    assert.notEqual(stored().head, second.head)
  })

  test('a key may be bytes, a KeyObject, hex or base64', async () => {
    const inner = new MemoryStorage()
    await serialized(inner, encrypt(key)).set('key', record)
    const same = [
      Uint8Array.from(key),
      createSecretKey(key),
      key.toString('hex'),
      key.toString('hex').toUpperCase(),
      key.toString('base64'),
      key.toString('base64url'),
    ]
    for (const each of same) {
      assert.deepEqual((await serialized(inner, encrypt(each)).get('key'))?.body, body)
    }
  })

  test('a key that its owner wipes afterwards still works', async () => {
    const own = Buffer.from(key)
    const stage = encrypt(own)
    own.fill(0)
    const { inner } = await setUp(stage)
    assert.deepEqual((await serialized(inner, encrypt(key)).get('key'))?.body, body)
  })
})
