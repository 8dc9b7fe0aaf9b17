/** Bodies get smaller where they can, and never more than they were. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { isPromise } from '../../lib/maybe-promise.ts'
import { compress } from '../../lib/serializers/compress.ts'
import { serialized } from '../../lib/serializers/serializer.ts'

const codings = ['zstd', 'brotli', 'gzip'] as const
const compressors = { zstd: zstdCompressSync, brotli: brotliCompressSync, gzip: gzipSync }
const corrupt = { code: 'ERR_CACHE_ENTRY_CORRUPT' }
const head = '{"version":1}\n{"method":"GET"}'

function textOf(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'some text that is said again and again, ')
}

async function storedBytes(body: Uint8Array, stage = compress()): Promise<number> {
  const inner = new MemoryStorage()
  await serialized(inner, stage).set('key', { head, body })
  return inner.get('key')!.body.byteLength
}

describe('compress', () => {
  for (const coding of codings) {
    test(`${coding}: short and long texts get smaller and come back`, async () => {
      const inner = new MemoryStorage()
      const storage = serialized(inner, compress(coding))
      for (const bytes of [600, 20_000, 70_000, 300_000, 2_000_000]) {
        const body = textOf(bytes)
        await storage.set('key', { head, body })
        assert.ok(inner.get('key')!.body.byteLength < bytes / 4, `${bytes} bytes`)
        const record = await storage.get('key')
        assert.ok(record !== undefined && body.equals(record.body))
        assert.equal(record.head, head)
      }
    })

    test(`${coding}: what is short is done at once, what is long elsewhere`, async () => {
      const storage = serialized(new MemoryStorage(), compress(coding))
      assert.equal(storage.adopt('short', { head, body: textOf(4_000) }), undefined)
      assert.ok(!isPromise(storage.peek('short')))
      const written = storage.adopt('long', { head, body: textOf(1_000_000) })
      assert.ok(isPromise(written))
      await written
      assert.ok(isPromise(storage.peek('long')))
      await storage.peek('long')
    })

    test(`${coding}: whatever was compressed with another one is read`, async () => {
      const inner = new MemoryStorage()
      await serialized(inner, compress(coding)).set('key', { head, body: textOf(5_000) })
      for (const other of codings) {
        const record = await serialized(inner, compress(other)).get('key')
        assert.ok(record !== undefined && textOf(5_000).equals(record.body))
      }
    })

    test(`${coding}: a bomb is refused before it is unpacked`, async () => {
      const inner = new MemoryStorage()
      const storage = serialized(inner, compress(coding))
      const bomb = compressors[coding](Buffer.alloc(2 ** 28))
      // Behind a head that says less; short enough to be done at once, and longer than that.
      for (const claimed of [1_000, 500_000]) {
        inner.set('key', { head: `serialized compress\n${coding} ${claimed}\n${head}`, body: bomb })
        const before = process.memoryUsage.rss()
        await assert.rejects(async () => storage.get('key'), corrupt)
        const grown = process.memoryUsage.rss() - before
        assert.ok(grown < 2 ** 26, `memory has grown by ${grown} bytes`)
      }
      // Behind one that says what is true.
      inner.set('key', { head: `serialized compress\n${coding} ${2 ** 28}\n${head}`, body: bomb })
      await assert.rejects(async () => storage.get('key'), corrupt)
      await assert.rejects(async () => {
        for await (const { head: listed } of storage.heads()) assert.ok(listed)
      }, corrupt)
    })

    test(`${coding}: a body that is damaged, or shorter than it says, is refused`, async () => {
      const inner = new MemoryStorage()
      const storage = serialized(inner, compress(coding))
      for (const bytes of [3_000, 600_000]) {
        await storage.set('key', { head, body: textOf(bytes) })
        const stored = inner.get('key')!
        const damaged = [
          { ...stored, body: stored.body.subarray(0, -10) },
          { ...stored, body: Buffer.from('nothing of that kind') },
          { ...stored, body: new Uint8Array(0) },
          { ...stored, head: stored.head.replace(` ${bytes}\n`, ` ${bytes + 1}\n`) },
          { ...stored, head: stored.head.replace(` ${bytes}\n`, ` ${bytes - 1}\n`) },
          { ...stored, head: stored.head.replace(coding, 'lzma') },
          { ...stored, head: stored.head.replace(`${coding} ${bytes}\n`, '') },
        ]
        for (const each of damaged) {
          inner.set('key', each)
          await assert.rejects(async () => storage.get('key'), corrupt)
        }
      }
    })
  }

  test('what does not get smaller is stored as it is', async () => {
    for (const coding of codings) {
      for (const bytes of [0, 1, 1_000, 100_000, 1_000_000]) {
        const stage = compress(coding, { minBytes: 0 })
        assert.equal(await storedBytes(randomBytes(bytes), stage), bytes)
      }
    }
  })

  test('what is coded already is not even tried, so it is done at once', () => {
    const storage = serialized(new MemoryStorage(), compress('brotli'))
    const coded = gzipSync(randomBytes(750_000).toString('base64'))
    assert.ok(!isPromise(storage.adopt('key', { head, body: coded })))
  })

  test('what is coded only at its beginning is compressed', async () => {
    const body = Buffer.concat([randomBytes(20_000), textOf(500_000)])
    assert.ok((await storedBytes(body)) < 100_000)
  })

  test('minBytes: shorter ones are stored as they are', async () => {
    assert.equal(await storedBytes(textOf(511)), 511)
    assert.ok((await storedBytes(textOf(512))) < 512)
    assert.equal(await storedBytes(textOf(9_999), compress('gzip', { minBytes: 10_000 })), 9_999)
    assert.equal(await storedBytes(textOf(9_999), compress('gzip', { minBytes: Infinity })), 9_999)
  })

  test('level: a higher one makes less of it', async () => {
    const lines = Array.from({ length: 3_000 }, (_, i) => `{"id":${i},"sine":${Math.sin(i)}},`)
    const body = Buffer.from(lines.join('\n'))
    for (const [coding, low, high] of [
      ['zstd', 1, 22],
      ['brotli', 0, 11],
      ['gzip', 1, 9],
    ] as const) {
      const [less, more] = await Promise.all(
        [high, low].map((level) => storedBytes(body, compress(coding, { level }))),
      )
      assert.ok(less! < more!, coding)
    }
  })

  test('heads stay readable, and are replaced without touching the body', async () => {
    const inner = new MemoryStorage()
    const storage = serialized(inner, compress())
    await storage.set('key', { head, body: textOf(5_000) })
    const before = inner.get('key')!
    assert.ok(before.head.endsWith(head))
    assert.equal(await storage.replaceHead('key', head, { head: 'new' }), true)
    assert.deepEqual(inner.get('key')!.body, before.body)
    const record = await storage.get('key')
    assert.ok(record !== undefined && textOf(5_000).equals(record.body))
    assert.equal(record.head, 'new')
  })

  test('what comes faster than it can be compressed is stored all the same', async () => {
    const inner = new MemoryStorage()
    const storage = serialized(inner, compress('brotli', { level: 9 }))
    const body = textOf(2 ** 20)
    const keys = Array.from({ length: 24 }, (_, i) => `k${i}`)
    await Promise.all(keys.map(async (key) => storage.adopt(key, { head, body })))
    const stored = keys.map((key) => inner.get(key)!.body.byteLength)
    assert.ok(stored.filter((bytes) => bytes === 2 ** 20).length >= 16, 'they have piled up')
    for (const key of keys) {
      const record = await storage.get(key)
      assert.ok(record !== undefined && body.equals(record.body))
    }
    // And once they are done, the next one is compressed again.
    await storage.adopt('later', { head, body })
    assert.ok(inner.get('later')!.body.byteLength < 2 ** 16)
  })

  test('a wrong option is named, with what is right', () => {
    const wrong = [
      [() => compress('deflate' as never), /'coding' must be 'zstd' or 'brotli' or 'gzip'/],
      [() => compress('zstd', { level: 0 }), /'level' must be a whole number from 1 to 22/],
      [() => compress('brotli', { level: 12 }), /from 0 to 11, for brotli, got 12/],
      [() => compress('gzip', { level: 1.5 }), /from 1 to 9, for gzip, got 1.5/],
      [() => compress('gzip', { minBytes: -1 }), /'minBytes' must be a number of bytes/],
      [() => compress('gzip', { minbytes: 1 } as never), /did you mean 'minBytes'/],
    ] as const
    for (const [call, message] of wrong) assert.throws(call, { name: 'TypeError', message })
  })
})
