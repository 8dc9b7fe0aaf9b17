import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import {
  decodeChain,
  decodeEntry,
  decodeRequest,
  encodeChain,
  encodeEntry,
  wholeBody,
} from '../../lib/entries/record.ts'
import { recordVersion } from '../../lib/entries/readable-head.ts'
import { makeHead, makeRecord, storedRequest } from '../cache/make-entry.ts'

// What may stand in a field line: tab, and latin1 without control characters (RFC 9110 §5.5).
const fieldText = fc.string({
  unit: fc.oneof(
    fc.constant('\t'),
    fc
      .integer({ min: 0x20, max: 0xff })
      .filter((code) => code !== 0x7f)
      .map((code) => String.fromCodePoint(code)),
  ),
})
const lines = fc
  .array(fc.tuple(fc.stringMatching(/^[A-Za-z-]+$/), fieldText))
  .map((pairs) => pairs.flat())
const head = fc.record({
  text: fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
  status: fc.integer({ min: 200, max: 999 }),
  statusText: fieldText,
  rawHeaders: lines,
  rawTrailers: lines,
  storedAt: fc.nat(),
  expiresAt: fc.option(fc.nat(), { nil: undefined }),
  selectedBy: fc.option(fc.record({ names: fc.array(fc.string()), digest: fc.string() }), {
    nil: undefined,
  }),
  forFetch: fc.constantFrom(true as const, undefined),
})

describe('an entry', () => {
  test('is what it was', () => {
    fc.assert(
      fc.property(
        head,
        fc.uint8Array(),
        fc.option(fc.nat(), { nil: undefined }),
        (given, bytes, dropAt) => {
          const record = encodeEntry(given, wholeBody(bytes), storedRequest, dropAt)
          assert.equal(record.expiresAt, dropAt)
          const { headers, trailers, body, bodyBytes, bodyCheck, version, owned, check, ...rest } =
            decodeEntry(record) as ReturnType<typeof decodeEntry> & Line
          assert.equal(rest.unchecked, undefined)
          delete (rest as Partial<typeof rest>).unchecked
          assert.deepEqual(rest, JSON.parse(JSON.stringify(given)))
          assert.deepEqual(Buffer.from(body), Buffer.from(bytes))
          assert.deepEqual(
            { bodyBytes, bodyCheck },
            { bodyBytes: bytes.byteLength, bodyCheck: crc32(bytes) },
          )
          assert.equal(version, recordVersion)
          assert.match(check, /^[\da-f]{8}$/)
          assert.equal(owned, false)
          assert.deepEqual(Object.keys(headers).toSorted(), namesOf(given.rawHeaders))
          assert.deepEqual(Object.keys(trailers).toSorted(), namesOf(given.rawTrailers))
        },
      ),
    )
  })

  test('in parts holds none of its body', () => {
    const parts = { id: 'w', bytes: 6, checks: [1, 2] }
    const body = { bytes: new Uint8Array(0), parts, bodyBytes: 10 }
    const entry = decodeEntry(encodeEntry(makeHead(), body, storedRequest, undefined))
    assert.deepEqual([entry.parts, entry.bodyBytes, entry.bodyCheck], [parts, 10, undefined])
  })

  test('keeps its request, for people', () => {
    const request = { method: 'GET', url: 'http://a/\n', headers: ['A', '1'] }
    const record = encodeEntry(makeHead(), wholeBody(Buffer.from('x')), request, undefined)
    assert.deepEqual(decodeRequest(record.head), request)
  })

  test('is not changed by what else the given head holds', () => {
    const entry = decodeEntry(makeRecord())
    const record = encodeEntry(
      { ...entry, rawHeaders: ['A', '1'] },
      wholeBody(entry.body),
      storedRequest,
      undefined,
    )
    assert.ok(!record.head.includes('"headers":{'))
    assert.deepEqual(decodeEntry(record).headers, { a: '1' })
  })

  test('the checksum is the CRC-32 of the body', () => {
    assert.equal(wholeBody(Buffer.from('abc')).bodyCheck, 0x352441c2)
    assert.equal(wholeBody(Buffer.from('abc'), 'stays').bodyCheck, undefined)
  })

  for (const [name, given] of [
    ['a header line beyond latin1', { rawHeaders: ['x', '\u010a'] }],
    ['a line break in a header line', { rawHeaders: ['x', 'a\nb'] }],
    ['a name without a value', { rawHeaders: ['x'] }],
    ['a line break in the reason phrase', { statusText: 'a\r\nb' }],
    ['no reason phrase', { statusText: null as unknown as string }],
    ['an informational status', { status: 101 }],
    ['a trailer beyond latin1', { rawTrailers: ['x', '\u010a'] }],
    ['an instant that is none', { storedAt: NaN }],
  ] as const) {
    test(`with ${name} is not written, for nobody would read it`, () => {
      assert.throws(() => makeRecord(given), { code: 'ERR_CACHE_ENTRY_CORRUPT' })
    })
  }

  test('keeps a reason phrase in any language', () => {
    for (const statusText of ['成功', 'Gelöscht', '\u010a', '👌', '']) {
      assert.equal(decodeEntry(makeRecord({ statusText })).statusText, statusText)
    }
  })
})

describe('a chain of redirects', () => {
  const link = { text: 'GET http://a/', history: ['http://a/', 'http://b/'], target: 'k' }

  test('is what it was', () => {
    const record = encodeChain(link, storedRequest, 7)
    const { version, check, ...rest } = decodeChain(record) as typeof link & Line
    assert.deepEqual(rest, link)
    assert.match(check, /^[\da-f]{8}$/)
    assert.equal(version, recordVersion)
    assert.deepEqual([record.expiresAt, record.body.byteLength], [7, 0])
    assert.deepEqual(decodeRequest(record.head), storedRequest)
  })

  test('keeps where credentials stood', () => {
    const echoed = { ...link, history: ['://', 'http://b/'], echoes: [[0, 0, 0] as const] }
    assert.deepEqual(decodeChain(encodeChain(echoed, storedRequest, undefined)).echoes, [[0, 0, 0]])
  })
})

interface Line {
  version: number
  check: string
}

function namesOf(flat: readonly string[]): string[] {
  const names = flat.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  return [...new Set(names)].toSorted()
}
