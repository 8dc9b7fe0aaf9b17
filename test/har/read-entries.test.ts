import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { NoHarError, readHarEntries } from '../../lib/har/read-entries.ts'

async function* pieces(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const length of lengths) {
    yield bytes.subarray(from, from + length)
    from += length
  }
  yield bytes.subarray(from)
}

async function read(text: string, lengths: readonly number[] = []): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const { entry } of readHarEntries(pieces(Buffer.from(text), lengths))) all.push(entry)
  return all
}

describe('the entries of a HAR file', () => {
  test('are those of log.entries, wherever the file is cut into pieces', async () => {
    const entry = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
    const lengths = fc.array(fc.integer({ min: 1, max: 40 }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { maxLength: 5 }),
        fc.jsonValue(),
        fc.constantFrom(undefined, 1, '\t'),
        lengths,
        async (entries, other, indent, cuts) => {
          const har = { before: other, log: { pages: other, entries, after: other }, other }
          const text = JSON.stringify(har, null, indent)
          const parsed = JSON.parse(text) as typeof har
          assert.deepEqual(await read(text, cuts), parsed.log.entries)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('an escape, or a character, may be cut in two', async () => {
    const entry = { text: 'quote " backslash \\ Grüße 😀', '}': '{[' }
    const text = JSON.stringify({ log: { entries: [entry, entry] } })
    for (let at = 1; at < Buffer.byteLength(text); at++) {
      assert.deepEqual(await read(text, [at]), [entry, entry])
    }
  })

  test('other lists of that name are not meant', async () => {
    const odd = { entries: [{ a: 1 }], log: { pages: [{ log: { entries: [{ b: 1 }] } }] } }
    await assert.rejects(read(JSON.stringify(odd)), NoHarError)
    const text = JSON.stringify({ ...odd, log: { ...odd.log, entries: [{ c: 1 }] } })
    assert.deepEqual(await read(text), [{ c: 1 }])
  })

  test('a file without entries is one all the same, and a mark before it does not matter', async () => {
    assert.deepEqual(await read('\ufeff{"log":{"entries":[]}}'), [])
  })

  for (const text of ['', '[]', '{}', 'null', '<html>', '{"log":{}}', '{"log":{"entries":{}}}']) {
    test(`${text || 'nothing'} is no HAR`, async () => {
      await assert.rejects(read(text), NoHarError)
    })
  }

  for (const text of [
    '{"log":{"entries":[',
    '{"log":{"entries":[{"a":1}',
    '{"log":{"entries":[]}',
  ]) {
    test(`${text} ends too early`, async () => {
      await assert.rejects(read(text), /ends in the middle/)
    })
  }
})
