import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { conditionalFields, hasValidator, mergeHeaders } from '../../lib/policy/validators.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'

describe('conditionalFields (RFC 9111 §4.3.1)', () => {
  const cases: [name: string, headers: HeaderFields, fields: string[]][] = [
    ['none', { date: 'x' }, []],
    ['an entity tag', { etag: 'W/"1"' }, ['if-none-match', 'W/"1"']],
    ['a date', { 'last-modified': 'x' }, ['if-modified-since', 'x']],
    [
      'both',
      { etag: '"1"', 'last-modified': 'x' },
      ['if-none-match', '"1"', 'if-modified-since', 'x'],
    ],
    ['of several lines the first', { etag: ['"1"', '"2"'] }, ['if-none-match', '"1"']],
  ]
  for (const [name, headers, fields] of cases) {
    test(name, () => {
      assert.deepEqual(conditionalFields(headers), fields)
      assert.equal(hasValidator(headers), fields.length > 0)
    })
  }
})

describe('mergeHeaders (RFC 9111 §3.2)', () => {
  const cases: [name: string, stored: string[], fresh: string[], merged: string[]][] = [
    ['nothing new', ['A', '1'], [], ['A', '1']],
    ['a field is replaced', ['A', '1', 'B', '2'], ['a', '3'], ['B', '2', 'a', '3']],
    ['a field is added', ['A', '1'], ['B', '2'], ['A', '1', 'B', '2']],
    [
      'all lines of a field are replaced',
      ['A', '1', 'a', '2', 'B', '3'],
      ['A', '4'],
      ['B', '3', 'A', '4'],
    ],
    ['by all lines of the new one', ['A', '1'], ['a', '2', 'A', '3'], ['a', '2', 'A', '3']],
    [
      'what describes the stored bytes stays',
      [
        'Content-Length',
        '5',
        'Content-Encoding',
        'gzip',
        'Content-Type',
        'a/b',
        'Content-Range',
        'x',
      ],
      [
        'content-length',
        '0',
        'Content-Encoding',
        'br',
        'content-type',
        'c/d',
        'content-range',
        'y',
      ],
      [
        'Content-Length',
        '5',
        'Content-Encoding',
        'gzip',
        'Content-Type',
        'a/b',
        'Content-Range',
        'x',
      ],
    ],
    [
      'what describes bytes that are not there is not added',
      ['A', '1'],
      ['content-length', '0'],
      ['A', '1'],
    ],
    [
      'what tells when an answer was given goes, also where the new one does not tell',
      ['Age', '100', 'Date', 'x', 'A', '1'],
      ['date', 'y'],
      ['A', '1', 'date', 'y'],
    ],
    [
      'other fields about the content are replaced',
      ['Content-Language', 'en', 'Content-Security-Policy', 'a'],
      ['content-language', 'de', 'content-security-policy', 'b'],
      ['content-language', 'de', 'content-security-policy', 'b'],
    ],
  ]
  for (const [name, stored, fresh, merged] of cases) {
    test(name, () => assert.deepEqual(mergeHeaders(stored, fresh), merged))
  }

  const name = fc.constantFrom('A', 'a', 'B', 'Set-Cookie', 'content-type', 'Content-Length')
  const lines = fc.array(fc.tuple(name, fc.nat(3).map(String))).map((pairs) => pairs.flat())

  test('each field comes from one of the two, whole and in order', () => {
    fc.assert(
      fc.property(lines, lines, (stored, fresh) => {
        const before = [stored.slice(), fresh.slice()]
        const merged = mergeHeaders(stored, fresh)
        for (const field of ['a', 'b', 'set-cookie', 'content-type', 'content-length']) {
          const asked = linesOf(field, fresh)
          const taken =
            field.startsWith('content-') || asked.length === 0 ? linesOf(field, stored) : asked
          assert.deepEqual(linesOf(field, merged), taken)
        }
        assert.deepEqual([stored, fresh], before)
      }),
    )
  })

  test('a second 304 of the same changes nothing', () => {
    fc.assert(
      fc.property(lines, lines, (stored, fresh) => {
        const merged = mergeHeaders(stored, fresh)
        assert.deepEqual(mergeHeaders(merged, fresh), merged)
      }),
    )
  })
})

function linesOf(name: string, lines: readonly string[]): string[] {
  return lines.filter((_, index) => index % 2 === 1 && lines[index - 1]!.toLowerCase() === name)
}
