import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eachHeader, flatHeaders, headerValue, isOneShot } from '../../lib/http/header-fields.ts'
import { headerShapes, type HeaderLine } from '../request/header-shapes.ts'

const lines: HeaderLine[] = [
  ['X-Up', '1'],
  ['accept', 'a, b'],
  ['X-Many', 'one'],
  ['X-Many', 'two'],
]

describe('eachHeader', () => {
  for (const [name, shape] of headerShapes) {
    test(name, () => {
      const seen: string[][] = []
      eachHeader(shape(lines), (field, value) => seen.push([field, value]))
      // `Headers` sorts, joins and writes in lower case by itself.
      const expected =
        name === 'Headers'
          ? [...new Headers(lines.map(([field, value]): [string, string] => [field, value]))]
          : lines
      assert.deepEqual(seen, expected)
    })
  }

  const cases: [name: string, headers: unknown, flat: string[]][] = [
    ['nothing', undefined, []],
    ['null', null, []],
    ['an empty array', [], []],
    ['an empty object', {}, []],
    ['values that are absent', { a: undefined, c: '' }, ['c', '']],
    ['null, which undici sends as nothing', { a: null, b: [null] }, ['a', '', 'b', '']],
    ['numbers', { a: 1, b: [2, '3'] }, ['a', '1', 'b', '2', 'b', '3']],
    ['arrays in a flat array', ['a', ['1', '2']], ['a', '1', 'a', '2']],
    ['latin1 in a Buffer', ['a', Buffer.from([0xe9])], ['a', 'é']],
    ['a name without a value', ['a', '1', 'b'], ['a', '1']],
    ['inherited fields', Object.create({ a: '1' }), ['a', '1']],
    ['a field called __proto__', JSON.parse('{"__proto__":"1"}'), ['__proto__', '1']],
  ]
  for (const [name, headers, flat] of cases) {
    test(name, () => assert.deepEqual(flatHeaders(headers), flat))
  }
})

describe('headerValue', () => {
  for (const [name, shape] of headerShapes) {
    test(`of ${name}`, () => {
      assert.equal(headerValue(shape(lines), 'x-up'), '1')
      assert.equal(headerValue(shape(lines), 'x-many'), 'one, two')
      assert.equal(headerValue(shape(lines), 'x-other'), undefined)
    })
  }

  test('joins lines that were written in different cases', () => {
    assert.equal(headerValue(['X-A', '1', 'x-a', '2'], 'x-a'), '1, 2')
  })

  test('an empty value is there', () => assert.equal(headerValue({ a: '' }, 'a'), ''))
})

describe('isOneShot', () => {
  for (const [name, shape] of headerShapes) {
    const once = name === 'a generator'
    test(`${name}: ${once}`, () => assert.equal(isOneShot(shape(lines)), once))
  }

  test('nothing: false', () => assert.ok(!isOneShot(undefined)))
  test('the iterator of a Map: true', () => assert.ok(isOneShot(new Map().entries())))
})
