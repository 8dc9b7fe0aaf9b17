import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import type { BaseStorage } from '../../lib/storage/base-storage.ts'
import { partBytes } from '../../lib/entries/body-parts.ts'
import type { StoredBody } from '../../lib/entries/record.ts'
import { HeldStorage } from './held-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { storageOfParts, startWriter } from './start-writer.ts'
import { partKeys } from '../../lib/entries/record-keys.ts'

describe('a body that fits into one record', () => {
  test('is handed to the commit, whole, and at once', () => {
    const { writer, outcomes, committed } = startWriter()
    void writer.push(Buffer.from('hel'))
    void writer.push(Buffer.from('lo'))
    writer.end(['T', '1'])
    assert.equal(committed.length, 1)
    const [body, trailers] = committed[0]!
    assert.equal(Buffer.from(body.bytes).toString(), 'hello')
    assert.deepEqual([body.bodyBytes, body.parts, trailers], [5, undefined, ['T', '1']])
    assert.equal(body.bodyCheck, crc32('hello'))
    assert.deepEqual(outcomes, [{ stored: true }])
  })

  test('has no checksum where it never leaves the process', () => {
    const { writer, committed } = startWriter({ storage: new MemoryStorage() })
    void writer.push(Buffer.from('hello'))
    writer.end([])
    assert.equal(committed[0]![0].bodyCheck, undefined)
  })

  test('may be empty', () => {
    const { writer, outcomes, committed } = startWriter({ expectedBytes: 0 })
    writer.end([])
    assert.equal(committed[0]![0].bodyBytes, 0)
    assert.deepEqual(outcomes, [{ stored: true }])
  })

  test('is a copy: the caller may change its chunk', () => {
    for (const expectedBytes of [undefined, 5]) {
      const { writer, committed } = startWriter({ expectedBytes })
      const chunk = Buffer.from('hello')
      void writer.push(chunk)
      chunk.fill(0)
      writer.end([])
      assert.equal(Buffer.from(committed[0]![0].bytes).toString(), 'hello')
    }
  })

  test('holds on to no more memory than its bytes', () => {
    const { writer, committed } = startWriter()
    void writer.push(Buffer.from('x'))
    writer.end([])
    assert.equal(committed[0]![0].bytes.buffer.byteLength <= 64 * 1024, true)
  })
})

describe('where parts end', () => {
  for (const [name, size, parts] of [
    ['one byte less than a part', partBytes - 1, 0],
    ['exactly a part', partBytes, 0],
    ['one byte more than a part', partBytes + 1, 2],
    ['exactly two parts', 2 * partBytes, 2],
    ['one byte more than two parts', 2 * partBytes + 1, 3],
  ] as const) {
    test(name, async () => {
      const { storage, writer, outcomes, committed, work } = startWriter()
      const content = randomBytes(size)
      void writer.push(content)
      writer.end([])
      await Promise.all(work)
      const [body] = committed[0]!
      assert.equal(body.parts?.checks.length ?? 0, parts)
      assert.equal(storage.size(), parts)
      assert.ok((await storedBytes(storage, body)).equals(content))
      assert.equal(body.bodyBytes, size)
      const each = parts === 0 ? [] : cut(content, partBytes)
      assert.deepEqual(
        body.parts && { ...body.parts, id: '' },
        parts === 0
          ? undefined
          : { id: '', bytes: partBytes, checks: each.map((one) => crc32(one)) },
      )
      assert.equal(body.bodyCheck, parts === 0 ? crc32(content) : undefined)
      await nextTurn()
      assert.deepEqual(outcomes, [{ stored: true }])
    })
  }

  test('the entry is written last, and work is tracked', async () => {
    const storage = new HeldStorage()
    const { writer, committed, work, outcomes } = startWriter({ storage })
    void writer.push(Buffer.alloc(partBytes + 1))
    writer.end([])
    await nextTurn()
    // Two parts, and the entry after them.
    assert.deepEqual([storage.held, committed.length, work.length], [2, 0, 3])
    storage.release()
    await Promise.all(work)
    await nextTurn()
    assert.deepEqual([committed.length, outcomes], [1, [{ stored: true }]])
  })

  test('parts expire with their entry', async () => {
    const { storage, writer } = startWriter({ dropAt: 77 })
    void writer.push(Buffer.alloc(2 * partBytes + 1))
    const records = await Array.fromAsync(storage.values())
    assert.deepEqual(
      records.map(({ expiresAt }) => expiresAt),
      [77, 77],
    )
  })

  test('a storage of smaller records gets smaller parts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 9 }),
        async (size, chunks) => {
          const { storage, writer, committed, outcomes, work } = startWriter({
            storage: storageOfParts(size),
          })
          for (const chunk of chunks) {
            const given = Buffer.from(chunk)
            void writer.push(given)
            given.fill(0)
          }
          writer.end([])
          await Promise.all(work)
          await nextTurn()
          const content = Buffer.concat(chunks)
          const [body] = committed[0]!
          assert.deepEqual(await storedBytes(storage, body), content)
          assert.equal(
            body.parts?.checks.length ?? 1,
            Math.max(1, Math.ceil(content.byteLength / size)),
          )
          for await (const record of storage.values()) assert.ok(record.body.byteLength <= size)
          assert.deepEqual(outcomes, [{ stored: true }])
        },
      ),
    )
  })
})

describe('what is not complete leaves nothing', () => {
  const ways: [
    name: string,
    expectedBytes: number | undefined,
    pushed: number,
    finish: 'end' | 'abort',
    why: string,
  ][] = [
    ['aborted before the first byte', undefined, 0, 'abort', 'incomplete'],
    ['aborted within the first part', undefined, 5, 'abort', 'incomplete'],
    ['aborted in the third part', undefined, 25, 'abort', 'incomplete'],
    ['shorter than announced', 6, 5, 'end', 'incomplete'],
    ['shorter than announced, in parts', 30, 25, 'end', 'incomplete'],
    ['longer than announced', 4, 5, 'end', 'incomplete'],
    ['empty, where something was announced', 1, 0, 'end', 'incomplete'],
    ['longer than allowed', undefined, 51, 'end', 'too-large'],
    ['longer than allowed at the first byte', undefined, 500, 'abort', 'too-large'],
  ]
  for (const [name, expectedBytes, pushed, finish, why] of ways) {
    test(name, async () => {
      const storage = storageOfParts(10)
      const { writer, outcomes, committed } = startWriter({ storage, expectedBytes, maxBytes: 50 })
      for (let i = 0; i < pushed; i++) void writer.push(Buffer.from('x'))
      if (finish === 'end') writer.end([])
      else writer.abort()
      assert.deepEqual(outcomes, [{ stored: false, why }])
      assert.equal(committed.length, 0)
      // Deleting is paced: on a busy machine it takes more than a turn.
      for (let turns = 0; storage.size() > 0 && turns < 100; turns++) await nextTurn()
      assert.equal(storage.size(), 0)
    })
  }

  test('as long as allowed is stored', async () => {
    const { writer, outcomes, work } = startWriter({ storage: storageOfParts(10), maxBytes: 50 })
    for (let i = 0; i < 50; i++) void writer.push(Buffer.from('x'))
    writer.end([])
    await Promise.all(work)
    await nextTurn()
    assert.deepEqual(outcomes, [{ stored: true }])
  })

  test('whatever comes after the end is not listened to', async () => {
    const { storage, writer, outcomes, committed } = startWriter()
    void writer.push(Buffer.from('hello'))
    writer.end([])
    void writer.push(Buffer.from('more'))
    writer.abort()
    writer.end([])
    await nextTurn()
    assert.deepEqual([outcomes.length, committed.length, storage.size()], [1, 1, 0])
    assert.equal(Buffer.from(committed[0]![0].bytes).toString(), 'hello')
  })

  test('whatever comes after an abort is not listened to', async () => {
    const { storage, writer, outcomes, committed } = startWriter({ storage: storageOfParts(4) })
    writer.abort()
    void writer.push(Buffer.alloc(20))
    writer.end([])
    await nextTurn()
    assert.deepEqual([outcomes.length, committed.length, storage.size()], [1, 0, 0])
  })

  test('an abort waits for the parts that are being written', async () => {
    const storage = new HeldStorage()
    const { writer } = startWriter({ storage })
    void writer.push(Buffer.alloc(2 * partBytes + 1))
    writer.abort()
    await nextTurn()
    assert.equal(storage.held, 2)
    storage.release()
    await nextTurn()
    assert.equal(storage.size(), 0)
  })
})

function cut(bytes: Buffer, length: number): Buffer[] {
  const starts = Array.from({ length: Math.ceil(bytes.byteLength / length) }, (_, i) => i * length)
  return starts.map((start) => bytes.subarray(start, start + length))
}

/** The body as it lies in the storage, whole or in parts. */
async function storedBytes(storage: BaseStorage, body: StoredBody): Promise<Buffer> {
  if (body.parts === undefined) return Buffer.from(body.bytes)
  const records = await storage.getMany(partKeys('key', body.parts))
  return Buffer.concat(records.map((record) => record!.body))
}
