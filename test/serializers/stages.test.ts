/** Stages, and storages that records go to through them. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { BaseStorage, type StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { compress } from '../../lib/serializers/compress.ts'
import { encrypt } from '../../lib/serializers/encrypt.ts'
import { serialized, type Serializer } from '../../lib/serializers/serializer.ts'
import { sign } from '../../lib/serializers/sign.ts'
import type { Stage } from '../../lib/serializers/stage.ts'

const head = '{"version":1}\n{"method":"GET"}'
const secret = 'a secret'

const identity: Stage = {
  name: 'identity',
  encode: (_key, record) => record,
  decode: (_key, record) => record,
}

describe('a record of another serializer', () => {
  const serializers: Readonly<Record<string, Serializer>> = {
    json: 'json',
    yaml: 'yaml',
    bson: 'bson',
    compress: compress(),
    sign: sign(secret),
    'compress, sign': [compress(), sign(secret)],
    'sign, compress': [sign(secret), compress()],
  }

  test('is refused, and its own serializer named', async () => {
    for (const [written, before] of Object.entries({ native: 'native' as const, ...serializers })) {
      for (const [read, after] of Object.entries(serializers)) {
        if (read === written) continue
        const inner = new MemoryStorage()
        await serialized(inner, before).set('key', { head, body: Buffer.from('{"a":1}') })
        const [wrote, reads] = [written, read].map(
          (name) => `serializer '${name.replace(', ', "', '")}'`,
        )
        await assert.rejects(async () => serialized(inner, after).get('key'), {
          code: 'ERR_CACHE_ENTRY_CORRUPT',
          message: `stored entry is corrupt: it was written by ${wrote}, not by ${reads}`,
        })
      }
    }
  })

  test('is replaced by the next write', async () => {
    const inner = new MemoryStorage()
    await serialized(inner, 'json').set('key', { head, body: Buffer.from('old') })
    const storage = serialized(inner, compress())
    await storage.set('key', { head, body: Buffer.from('new') })
    assert.equal(Buffer.from((await storage.get('key'))!.body).toString(), 'new')
  })
})

describe('stages', () => {
  test('are gone through in the order in which they are written, and back', async () => {
    const seen: string[] = []
    const named = (name: string): Stage => ({
      name,
      encode: (_key, record) => {
        seen.push(`encode ${name}`)
        return { ...record, head: `${name}(${record.head})` }
      },
      decode: (_key, record) => {
        seen.push(`decode ${name}`)
        return { ...record, head: record.head.slice(name.length + 1, -1) }
      },
      encodeHead: (_key, given, replaced) => {
        seen.push(`encodeHead ${name} ${replaced}`)
        return `${name}(${given})`
      },
      decodeHead: (_key, given) => given.slice(name.length + 1, -1),
    })
    const inner = new MemoryStorage()
    const storage = serialized(inner, [named('a'), named('b')])
    await storage.set('key', { head: 'x', body: Buffer.alloc(0) })
    assert.equal((await storage.get('key'))?.head, 'x')
    assert.equal(await storage.replaceHead('key', 'x', { head: 'y' }), true)
    assert.equal((await storage.get('key'))?.head, 'y')
    assert.deepEqual(seen.slice(0, 6), [
      'encode a',
      'encode b',
      'decode b',
      'decode a',
      // Each is told of the head as it had encoded it.
      'encodeHead a a(x)',
      'encodeHead b b(a(x))',
    ])
    assert.equal(inner.get('key')!.head, 'serialized a b\nb(a(y))')
  })

  test('leave room for what they add', async () => {
    class SmallStorage extends MemoryStorage {
      override readonly traits = { persistent: false, expires: false, maxBodyBytes: 100_000 }
    }
    const key = randomBytes(32)
    for (const serializer of [
      'json',
      'yaml',
      'bson',
      compress(),
      sign(secret),
      encrypt(key),
      ['json', encrypt(key), encrypt(key)],
    ] as const) {
      const inner = new SmallStorage()
      const storage = serialized(inner, serializer)
      const { maxBodyBytes } = storage.traits
      assert.ok(maxBodyBytes > 70_000)
      const bodies = [
        randomBytes(maxBodyBytes),
        Buffer.alloc(maxBodyBytes, '"\\\u001b'),
        Buffer.from(JSON.stringify(Array(Math.floor(maxBodyBytes / 3)).fill(1)).slice(0, -1)),
        Buffer.from(
          `[${Array(Math.floor(maxBodyBytes / 3) - 1)
            .fill(' 1')
            .join()}]`,
        ),
      ]
      for (const body of bodies) {
        await storage.set('key', { head, body })
        assert.ok(inner.get('key')!.body.byteLength <= 100_000)
        const record = await storage.get('key')
        assert.ok(record !== undefined && body.equals(record.body))
      }
    }
  })

  test('are never told that there is room without end', () => {
    let told: number | undefined
    const storage = serialized(new MemoryStorage(), {
      ...identity,
      maxBodyBytes: (limit) => {
        told = limit
        return limit - Math.ceil(limit / 1_000)
      },
    })
    assert.ok(storage.traits.maxBodyBytes > 2 ** 40)
    assert.ok(Number.isSafeInteger(told))
  })

  test('that are asked for heads are not given bodies', async () => {
    const never = (): never => assert.fail('a body was decoded')
    const inner = new MemoryStorage()
    await serialized(inner, identity).set('key', { head, body: Buffer.from('x') })
    const storage = serialized(inner, { ...identity, encode: never, decode: never })
    assert.equal((await Array.fromAsync(storage.heads()))[0]?.head, head)
    assert.equal(await storage.has('key'), true)
    assert.deepEqual(await Array.fromAsync(storage.keys()), ['key'])
    assert.equal(await storage.size(), 1)
    assert.equal(await storage.deleteExpired(Date.now(), 10), 0)
    assert.equal(await storage.replaceHead('key', head, { head: 'new' }), true)
    assert.equal(await storage.replaceHead('key', head, { head: 'newer' }), false)
    assert.equal((await Array.fromAsync(storage.heads()))[0]?.head, 'new')
  })

  test('that throw, or return nonsense, are named', async () => {
    const cause = new Error('no')
    const fail = (): never => {
      throw cause
    }
    const inner = new MemoryStorage()
    await serialized(inner, identity).set('key', { head, body: Buffer.from('x') })
    const record = { head, body: Buffer.from('x') }
    for (const broken of [fail, async () => fail(), () => undefined, () => ({ head })] as never[]) {
      const encoding = serialized(inner, { ...identity, encode: broken })
      await assert.rejects(async () => encoding.set('key', record), {
        code: 'ERR_CACHE_CALLBACK_FAILED',
        message: "stage 'identity' cannot encode an entry",
      })
      const decoding = serialized(inner, { ...identity, decode: broken })
      await assert.rejects(async () => decoding.get('key'), {
        code: 'ERR_CACHE_ENTRY_CORRUPT',
        message: "stored entry is corrupt: stage 'identity' cannot decode it",
      })
    }
    const heads = serialized(inner, { ...identity, encodeHead: fail, decodeHead: fail })
    await assert.rejects(async () => heads.replaceHead('key', head, { head: 'new' }), { cause })
  })

  test('that cut a body out of a larger buffer do not keep the buffer', async () => {
    const cut = ({ body }: StoredRecord): StoredRecord => {
      const large = new Uint8Array(100_000)
      large.set(body)
      return { head, body: large.subarray(0, body.byteLength) }
    }
    const inner = new MemoryStorage()
    const storage = serialized(inner, {
      ...identity,
      encode: (_key, record) => cut(record),
      decode: (_key, record) => cut(record),
    })
    await storage.set('key', { head, body: Buffer.from('x') })
    assert.equal(inner.peek('key')!.body.buffer.byteLength, 1)
    assert.equal((await storage.peek('key'))!.body.buffer.byteLength, 1)
  })

  test('cannot change when a record expires', async () => {
    const storage = serialized(new MemoryStorage(), {
      ...identity,
      encode: (_key, record) => ({ ...record, expiresAt: 1 }),
      decode: (_key, record) => ({ ...record, expiresAt: 2 }),
    })
    await storage.set('key', { head, body: Buffer.from('x'), expiresAt: 3 })
    assert.equal((await storage.get('key'))?.expiresAt, 3)
  })

  test('of a storage of one’s own', async () => {
    class OwnStorage extends BaseStorage {
      readonly #inner = new MemoryStorage()
      override get = (key: string): ReturnType<MemoryStorage['get']> => this.#inner.get(key)
      override set = (key: string, record: Parameters<MemoryStorage['set']>[1]): void =>
        this.#inner.set(key, record)
      override delete = (key: string): boolean => this.#inner.delete(key)
      override keys = (): AsyncIterable<string> => this.#inner.keys()
      override size = (): number => this.#inner.size()
      override clear = (): void => this.#inner.clear()
    }
    const storage = serialized(new OwnStorage(), ['json', compress(), sign(secret)])
    await storage.set('key', { head, body: Buffer.from('x') })
    assert.equal((await storage.get('key'))?.head, head)
    assert.equal(await storage.replaceHead('key', head, { head: 'new' }), true)
    assert.equal((await storage.getMany(['key']))[0]?.head, 'new')
    assert.equal(storage.changeToken(), undefined)
  })
})
