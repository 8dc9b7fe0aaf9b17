import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import {
  decodeChain,
  decodeEntry,
  decodeRequest,
  encodeChain,
  encodeEntry,
  recordVersion,
  wholeBody,
} from '../../lib/cache/record.ts'
import { makeHead, makeRecord, storedRequest } from './make-entry.ts'

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
          const { headers, trailers, body, bodyBytes, bodyDigest, version, owned, ...rest } =
            decodeEntry(record) as ReturnType<typeof decodeEntry> & { version: number }
          assert.deepEqual(rest, JSON.parse(JSON.stringify(given)))
          assert.deepEqual(Buffer.from(body), Buffer.from(bytes))
          assert.deepEqual(
            { bodyBytes, bodyDigest },
            { bodyBytes: bytes.byteLength, bodyDigest: wholeBody(bytes).bodyDigest },
          )
          assert.equal(version, recordVersion)
          assert.equal(owned, false)
          assert.deepEqual(Object.keys(headers).toSorted(), namesOf(given.rawHeaders))
          assert.deepEqual(Object.keys(trailers).toSorted(), namesOf(given.rawTrailers))
        },
      ),
    )
  })

  test('in parts holds none of its body', () => {
    const parts = { id: 'w', count: 2 }
    const body = { bytes: new Uint8Array(0), parts, bodyBytes: 10, bodyDigest: 'd' }
    const entry = decodeEntry(encodeEntry(makeHead(), body, storedRequest, undefined))
    assert.deepEqual([entry.parts, entry.bodyBytes, entry.bodyDigest], [parts, 10, 'd'])
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

  test('the digest is the SHA-256 of the body', () => {
    assert.equal(
      wholeBody(Buffer.from('abc')).bodyDigest,
      'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0',
    )
  })
})

describe('a chain of redirects', () => {
  const link = { text: 'GET http://a/', history: ['http://a/', 'http://b/'], target: 'k' }

  test('is what it was', () => {
    const record = encodeChain(link, storedRequest, 7)
    const { version, ...rest } = decodeChain(record) as typeof link & { version: number }
    assert.deepEqual(rest, link)
    assert.equal(version, recordVersion)
    assert.deepEqual([record.expiresAt, record.body.byteLength], [7, 0])
    assert.deepEqual(decodeRequest(record.head), storedRequest)
  })

  test('keeps where credentials stood', () => {
    const echoed = { ...link, history: ['://', 'http://b/'], echoes: [[0, 0, 0] as const] }
    assert.deepEqual(decodeChain(encodeChain(echoed, storedRequest, undefined)).echoes, [[0, 0, 0]])
  })
})

function namesOf(flat: readonly string[]): string[] {
  const names = flat.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  return [...new Set(names)].toSorted()
}
