import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { frameHead, prefixBytes, readFrame, readPrefix, torn } from '../../lib/storage/frame.ts'

const corrupt = { name: 'CacheError', code: 'ERR_CACHE_ENTRY_CORRUPT' }
const head = fc.string({ unit: 'grapheme' })
const record = fc.record({
  head,
  body: fc.uint8Array(),
  expiresAt: fc.option(fc.oneof(fc.nat(), fc.constant(8.64e15), fc.constant(0.5)), {
    nil: undefined,
  }),
})

describe('a frame', () => {
  test('is what it was', () => {
    fc.assert(
      fc.property(record, (given) => {
        const { head: text, body, expiresAt } = readFrame(frameOf(given))
        assert.deepEqual([text, expiresAt], [given.head, given.expiresAt])
        assert.deepEqual(Buffer.from(body), Buffer.from(given.body))
      }),
    )
  })

  test('tells its lengths before it is read', () => {
    const given = { head: 'ü', body: Buffer.from('body'), expiresAt: 5 }
    assert.deepEqual(readPrefix(frameOf(given)), { headBytes: 2, bodyBytes: 4, expiresAt: 5 })
    assert.equal(frameHead(given).byteLength, prefixBytes + 2)
  })

  test('holds the body without a copy', () => {
    const frame = frameOf({ head: 'h', body: Buffer.from('body') })
    assert.equal(readFrame(frame).body.buffer, frame.buffer)
  })

  test('takes a body that is a view', () => {
    const body = Buffer.from('xxbodyxx').subarray(2, 6)
    assert.equal(Buffer.from(readFrame(frameOf({ head: '', body })).body).toString(), 'body')
  })
})

describe('a frame that is torn', () => {
  const frame = frameOf({ head: 'head', body: Buffer.from('body'), expiresAt: 5 })

  test('cut short anywhere', () => {
    for (let length = 0; length < frame.byteLength; length++) {
      assert.throws(() => readFrame(frame.subarray(0, length)), corrupt, `${length} bytes`)
    }
  })

  test('with something after it', () => {
    assert.throws(() => readFrame(Buffer.concat([frame, Buffer.from('x')])), corrupt)
  })

  test('whose end was never written', () => {
    assert.throws(() => readFrame(Buffer.alloc(frame.byteLength)), corrupt)
  })

  test('of another version', () => {
    const other = Buffer.from(frame)
    other[3]! ^= 0xff
    assert.throws(() => readFrame(other), corrupt)
    assert.throws(() => readPrefix(other), corrupt)
  })

  const lengths: [name: string, at: number, value: number][] = [
    ['a body without end', 16, Infinity],
    ['a body of no length', 16, NaN],
    ['a body of less than nothing', 16, -4],
    ['half a byte', 16, 3.5],
  ]
  for (const [name, at, value] of lengths) {
    test(`that tells of ${name}`, () => {
      const other = Buffer.from(frame)
      other.writeDoubleBE(value, at)
      assert.throws(() => readFrame(other), corrupt)
    })
  }

  test('that tells of a head beyond its end', () => {
    const other = Buffer.from(frame)
    other.writeUInt32BE(2 ** 32 - 1, 12)
    assert.throws(() => readFrame(other), corrupt)
  })

  test('any bytes: a record, or our error', () => {
    const bytes = fc.uint8Array({ maxLength: 60 })
    fc.assert(
      fc.property(bytes, fc.boolean(), (given, marked) => {
        // With the mark, so that more than the mark is looked at.
        const whole = Buffer.concat([marked ? frame.subarray(0, 4) : Buffer.alloc(0), given])
        try {
          readFrame(whole)
        } catch (error) {
          assert.equal(String(error), String(torn()))
        }
      }),
    )
  })
})

function frameOf(given: StoredRecord): Buffer {
  return Buffer.concat([frameHead(given), given.body])
}
