import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalJson } from '../../lib/request/canonical-json.ts'

type Case = [name: string, one: string, other: string]

describe('spellings of one value', () => {
  const same: Case[] = [
    ['order of members', '{"b":1,"a":2}', '{"a":2,"b":1}'],
    ['order of members, nested', '[{"x":{"b":1,"a":2}}]', '[{"x":{"a":2,"b":1}}]'],
    ['white space', ' {\n"a" :\t[ 1 , 2 ]\r} ', '{"a":[1,2]}'],
    ['white space in what is empty', '[ { } , [ ] ]', '[{},[]]'],
    ['a name that begins with another', '{"ab":1,"a":2}', '{"a":2,"ab":1}'],
  ]
  for (const [name, one, other] of same) {
    test(name, () => {
      assert.notEqual(canonicalJson(one), undefined)
      assert.equal(canonicalJson(one), canonicalJson(other))
    })
  }
})

describe('values that an origin may tell apart', () => {
  const different: Case[] = [
    ['1.0 and 1', '1.0', '1'],
    ['1e2 and 100', '1e2', '100'],
    ['-0 and 0', '-0', '0'],
    ['integers beyond 2^53', '9007199254740993', '9007199254740992'],
    ['a number and its text', '1', '"1"'],
    ['null and its text', 'null', '"null"'],
    ['order of elements', '[1,2]', '[2,1]'],
    ['order of members of one name', '{"a":1,"a":2}', '{"a":2,"a":1}'],
    ['a member once and twice', '{"a":1}', '{"a":1,"a":1}'],
    ['white space inside texts', '"a b"', '"ab"'],
    ['an escape and its character', String.raw`"\u0061"`, '"a"'],
    ['an object and a list', '{}', '[]'],
    ['nested and not', '[[1],2]', '[[1,2]]'],
    ['no element and null', '[]', '[null]'],
  ]
  for (const [name, one, other] of different) {
    test(name, () => {
      assert.notEqual(canonicalJson(one), undefined)
      assert.notEqual(canonicalJson(other), undefined)
      assert.notEqual(canonicalJson(one), canonicalJson(other))
    })
  }
})

describe('text that is not JSON', () => {
  const invalid = [
    '',
    ' ',
    '{',
    '}',
    '[1,]',
    '[,1]',
    '[1 2]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a":1}}',
    '1 2',
    '01',
    '+1',
    '1.',
    '.5',
    '1e',
    'NaN',
    'Infinity',
    'undefined',
    'True',
    '"',
    '"a',
    '"\n"',
    String.raw`"\x41"`,
    String.raw`"\u12"`,
    '\u00a01',
    '\ufeff1',
    '// comment\n1',
  ]
  for (const text of invalid) {
    test(JSON.stringify(text), () => assert.equal(canonicalJson(text), undefined))
  }
})

describe('size', () => {
  test('what is nested 200 deep is read, what is nested deeper is not', () => {
    assert.equal(canonicalJson(nested(200)), nested(200))
    assert.equal(canonicalJson(nested(202)), undefined)
  })

  test('nesting of any depth does not throw', () => {
    assert.equal(canonicalJson('['.repeat(1_000_000)), undefined)
    assert.equal(canonicalJson('{"a":'.repeat(200_000)), undefined)
  })

  test('a text as long as the longest body that is keyed does not throw', () => {
    const text = JSON.stringify('x'.repeat(10 * 2 ** 20))
    assert.ok([text, undefined].includes(canonicalJson(text)))
  })

  test('a text of escapes only, as long, does not throw', () => {
    const text = `"${String.raw`\n`.repeat(5 * 2 ** 20)}"`
    assert.ok([text, undefined].includes(canonicalJson(text)))
  })
})

// `JSON.parse` keeps the last member of a name and has its own order for names that are numbers;
// comparing parsed values leaves both aside.
describe('properties', () => {
  test('is the same value to JSON.parse', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(4), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, indent)
        const canonical = canonicalJson(spaced)
        assert.ok(canonical !== undefined)
        assert.deepEqual(JSON.parse(canonical), JSON.parse(text))
      }),
    )
  })

  test('is its own canonical form', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const canonical = canonicalJson(text)!
        assert.equal(canonicalJson(canonical), canonical)
      }),
    )
  })

  test('is the same for any order of members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), (members, turn) => {
        const entries = Object.entries(members)
        const at = turn % (entries.length + 1)
        const turned = [...entries.slice(at), ...entries.slice(0, at)]
        assert.equal(canonicalJson(objectText(turned)), canonicalJson(objectText(entries)))
      }),
    )
  })

  test('understands what JSON.parse understands, and nothing else', () => {
    const fragments = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '1',
      ' ',
      'null',
      '-',
      '"',
    )
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 9 }), (parts) => {
        const text = parts.join('')
        assert.equal(canonicalJson(text) !== undefined, isJson(text))
      }),
      { numRuns: 2000 },
    )
  })

  test('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void canonicalJson(text)))
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

function objectText(members: [string, unknown][]): string {
  const texts = members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
  return `{${texts.join(', ')}}`
}
