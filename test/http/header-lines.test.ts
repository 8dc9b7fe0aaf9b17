import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { HeaderFields } from '../../lib/http/header-lines.ts'
import {
  addField,
  endToEnd,
  headerFields,
  headerLines,
  type RawHeaders,
} from '../../lib/http/header-lines.ts'

describe('headerLines', () => {
  const cases: [name: string, raw: RawHeaders, parsed: HeaderFields, lines: string[]][] = [
    [
      'Buffers, in order and casing',
      [Buffer.from('B'), Buffer.from('1'), Buffer.from('a'), Buffer.from('2')],
      {},
      ['B', '1', 'a', '2'],
    ],
    ['Buffers are latin1', [Buffer.from('a'), Buffer.from([0xe9])], {}, ['a', 'é']],
    ['texts', ['A', '1', 'a', '2'], {}, ['A', '1', 'a', '2']],
    [
      'an object, as HTTP/2 has it',
      { a: '1', b: ['2', '3'], c: undefined },
      {},
      ['a', '1', 'b', '2', 'b', '3'],
    ],
    ['an empty array: what was parsed', [], { a: '1' }, ['a', '1']],
    ['null: what was parsed', null, { a: ['1', '2'] }, ['a', '1', 'a', '2']],
    ['nothing: what was parsed', undefined, { a: '1' }, ['a', '1']],
    ['what is raw wins over what was parsed', ['A', '1'], { b: '2' }, ['A', '1']],
    [
      'an object without a prototype',
      Object.assign(Object.create(null) as HeaderFields, { a: '1' }),
      {},
      ['a', '1'],
    ],
  ]
  for (const [name, raw, parsed, lines] of cases) {
    test(name, () => assert.deepEqual(headerLines(raw, parsed), lines))
  }
})

describe('headerFields', () => {
  const cases: [name: string, lines: string[], fields: [string, string | string[]][]][] = [
    ['none', [], []],
    ['names in lower case', ['A-B', '1'], [['a-b', '1']]],
    [
      'an array for a field that is repeated',
      ['A', '1', 'b', '2', 'a', '3', 'A', '4'],
      [
        ['a', ['1', '3', '4']],
        ['b', '2'],
      ],
    ],
    ['__proto__ is a field', ['__proto__', '1'], [['__proto__', '1']]],
    ['__proto__ twice', ['__proto__', '1', '__PROTO__', '2'], [['__proto__', ['1', '2']]]],
    [
      'a field called as a method',
      ['toString', '1', 'constructor', '2'],
      [
        ['tostring', '1'],
        ['constructor', '2'],
      ],
    ],
    ['an empty value, twice', ['a', '', 'a', ''], [['a', ['', '']]]],
  ]
  for (const [name, lines, fields] of cases) {
    test(name, () => assert.deepEqual(Object.entries(headerFields(lines)), fields))
  }

  test('what is undefined counts as absent', () => {
    const fields: Record<string, string | string[] | undefined> = { a: undefined }
    addField(fields, 'a', '1')
    assert.deepEqual(fields, { a: '1' })
  })

  test('an array that was there is not changed', () => {
    const values = ['1', '2']
    const fields: Record<string, string | string[]> = { a: values }
    addField(fields, 'a', '3')
    assert.deepEqual(
      [values, fields['a']],
      [
        ['1', '2'],
        ['1', '2', '3'],
      ],
    )
  })

  test('says the same as its lines', () => {
    const name = fc.constantFrom('a', 'A', 'b', '__proto__', 'Set-Cookie')
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        const fields = headerFields(pairs.flat())
        const lines = headerLines(fields, {})
        for (const each of ['a', 'b', '__proto__', 'set-cookie']) {
          const written = pairs.filter(([field]) => field.toLowerCase() === each)
          assert.deepEqual(
            linesOf(each, lines),
            written.map(([, value]) => value),
          )
        }
      }),
    )
  })
})

describe('endToEnd (RFC 9111 §3.1)', () => {
  test('fields of one connection are left out', () => {
    const ofConnection = [
      'Connection',
      'Keep-Alive',
      'Proxy-Connection',
      'Proxy-Authenticate',
      'Proxy-Authorization',
      'TE',
      'Trailer',
      'Transfer-Encoding',
      'Upgrade',
    ]
    const lines = ['A', '1', ...ofConnection.flatMap((name) => [name, 'x']), 'B', '2', 'a', '3']
    assert.deepEqual(endToEnd(lines, {}), ['A', '1', 'B', '2', 'a', '3'])
  })

  const named: [name: string, connection: string | string[]][] = [
    ['one', 'close, X-Hop'],
    ['in another case', 'x-hop'],
    ['with white space', ' close ,\tX-HOP '],
    ['in several lines', ['close', 'x-hop']],
  ]
  for (const [name, connection] of named) {
    test(`fields that Connection names: ${name}`, () => {
      assert.deepEqual(endToEnd(['X-Hop', '1', 'X-Hop-2', '2'], { connection }), ['X-Hop-2', '2'])
    })
  }

  test('the lines that are given stay as they are', () => {
    const lines = ['Connection', 'close', 'A', '1']
    endToEnd(lines, { connection: 'close' })
    assert.equal(lines.length, 4)
  })
})

function linesOf(name: string, lines: readonly string[]): string[] {
  return lines.filter((_, index) => index % 2 === 1 && lines[index - 1] === name)
}
