import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HeaderFields } from '../../lib/http/header-lines.ts'
import { selectingFields, selectingValues } from '../../lib/policy/vary.ts'

describe('selectingFields (RFC 9111 §4.1)', () => {
  const cases: [name: string, headers: HeaderFields, names: string[] | '*'][] = [
    ['no Vary', {}, []],
    ['an empty one', { vary: '' }, []],
    ['one', { vary: 'Accept' }, ['accept']],
    ['several, sorted', { vary: 'b,  A ,c' }, ['a', 'b', 'c']],
    ['each once', { vary: 'a, A, a' }, ['a']],
    ['in several lines', { vary: ['b', 'a, c'] }, ['a', 'b', 'c']],
    ['anything', { vary: '*' }, '*'],
    ['anything among others', { vary: 'a, *' }, '*'],
    ['anything in the second line', { vary: ['a', ' * '] }, '*'],
    ['a coded body without Vary', { 'content-encoding': 'gzip' }, ['accept-encoding']],
    [
      'a coded body with Vary',
      { 'content-encoding': 'br', vary: 'Accept-Encoding, a' },
      ['a', 'accept-encoding'],
    ],
    ['a body that is coded twice', { 'content-encoding': ['gzip', 'br'] }, ['accept-encoding']],
    ['a body that is not coded', { 'content-encoding': 'Identity' }, []],
    ['anything, coded', { 'content-encoding': 'gzip', vary: '*' }, '*'],
    ['empty items', { vary: ',, a,' }, ['a']],
  ]
  for (const [name, headers, names] of cases) {
    test(name, () => assert.deepEqual(selectingFields(headers), names))
  }
})

describe('selectingValues', () => {
  type Fields = Record<string, string>
  const same: [name: string, names: string[], one: Fields, other: Fields][] = [
    ['no fields', [], { a: '1' }, { a: '2' }],
    ['fields that do not select', ['a'], { a: '1', b: '1' }, { a: '1', b: '2' }],
    ['white space around commas', ['a'], { a: ' x ,\ty ' }, { a: 'x,y' }],
    [
      'the case of a coding',
      ['accept-encoding'],
      { 'accept-encoding': 'GZIP' },
      { 'accept-encoding': 'gzip' },
    ],
    [
      'the case of a language',
      ['accept-language'],
      { 'accept-language': 'en-GB' },
      { 'accept-language': 'en-gb' },
    ],
    ['absent', ['a'], {}, {}],
  ]
  for (const [name, names, one, other] of same) {
    test(`same: ${name}`, () => assert.equal(valuesOf(names, one), valuesOf(names, other)))
  }

  const different: typeof same = [
    ['values', ['a'], { a: '1' }, { a: '2' }],
    ['the case of another field', ['cookie'], { cookie: 'A' }, { cookie: 'a' }],
    ['absent and empty', ['a'], {}, { a: '' }],
    ['absent and the word for it', ['a'], {}, { a: 'null' }],
    ['which of two', ['a', 'b'], { a: '1' }, { b: '1' }],
    ['where one ends', ['a', 'b'], { a: '1","2', b: '' }, { a: '1', b: '2' }],
    ['white space inside', ['a'], { a: 'x y' }, { a: 'xy' }],
    ['order in a list', ['a'], { a: 'x,y' }, { a: 'y,x' }],
  ]
  for (const [name, names, one, other] of different) {
    test(`different: ${name}`, () => assert.notEqual(valuesOf(names, one), valuesOf(names, other)))
  }
})

function valuesOf(names: string[], fields: Record<string, string>): string {
  return selectingValues(names, (name) => fields[name])
}
