import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { canonicalJson } from '../../lib/request/canonical-json.ts'
import { readJsonPaths } from '../../lib/request/json-paths.ts'

/** What is left of a text, and what is not. */
function without(text: string, ...names: string[]): [left: string | undefined, ignored: string[]] {
  const ignored: string[] = []
  const visit = (name: string, value: string): void => void ignored.push(`${name}=${value}`)
  const paths = readJsonPaths(names.map((name) => name.toLowerCase()))
  return [canonicalJson(text, { paths, visit }), ignored]
}

describe('places in JSON', () => {
  const cases: [name: string, text: string, paths: string[], left: string, ignored: string[]][] = [
    ['a member', '{"token":"x","a":1}', ['token'], '{"a":1}', ['token=x']],
    ['whatever its case', '{"Token":"x"}', ['TOKEN'], '{}', ['Token=x']],
    ['its name escaped', String.raw`{"t\u006fken":"x"}`, ['token'], '{}', ['token=x']],
    ['as often as it is there', '{"t":1,"t":2}', ['t'], '{}', ['t=1', 't=2']],
    ['not further inside', '{"a":{"token":"x"}}', ['token'], '{"a":{"token":"x"}}', []],
    ['not in a list', '[{"token":"x"}]', ['token'], '[{"token":"x"}]', []],
    ['inside', '{"a":{"b":{"id":"x","c":1}}}', ['a.b.id'], '{"a":{"b":{"c":1}}}', ['id=x']],
    [
      'of each element',
      '{"items":[{"id":"x"},{"id":"y","a":1},2]}',
      ['items[].id'],
      '{"items":[{},{"a":1},2]}',
      ['id=x', 'id=y'],
    ],
    ['of lists in lists', '{"a":[[{"id":1}]]}', ['a[][].id'], '{"a":[[{}]]}', ['id=1']],
    ['where the list is outermost', '[{"id":"x"}]', ['[].id'], '[{}]', ['id=x']],
    ['elements', '{"a":["x","y"],"b":1}', ['a[]'], '{"a":[],"b":1}', ['=x', '=y']],
    [
      'a name with dots',
      '{"user.id":"x","user":{"id":"y"}}',
      ['user.id'],
      '{"user":{}}',
      ['user.id=x', 'id=y'],
    ],
    ['a name with brackets', '{"filter[a]":"x"}', ['filter[a]'], '{}', ['filter[a]=x']],
    ['a path that is none', '{"a":{"":"x"}}', ['a.'], '{"a":{"":"x"}}', []],
    [
      'all that is inside of what is ignored',
      '{"user":{"id":"x","tags":["y",{"n":7}]},"a":true}',
      ['user'],
      '{"a":true}',
      ['id=x', 'tags=y', 'n=7'],
    ],
    ['what is deeper of two', '{"a":{"b":1,"c":2}}', ['a.b', 'a'], '{}', ['b=1', 'c=2']],
    ['a text with escapes', String.raw`{"t":"a\"b\u00e9"}`, ['t'], '{}', ['t=a"bé']],
    [
      'a number as it was written',
      '{"t":12345678901234567890}',
      ['t'],
      '{}',
      ['t=12345678901234567890'],
    ],
  ]
  for (const [name, text, paths, left, ignored] of cases) {
    test(name, () => assert.deepEqual(without(text, ...paths), [left, ignored]))
  }

  test('none is no tree', () => assert.equal(readJsonPaths([]), undefined))

  test('text that is no JSON is none, whatever is ignored', () => {
    assert.equal(without('{"token":"x"', 'token')[0], undefined)
    assert.equal(without('{"token":}', 'token')[0], undefined)
  })
})

describe('properties', () => {
  const json = fc.json({ maxDepth: 3 })
  const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 2 }))

  test('nothing is left out where nothing is named', () => {
    fc.assert(
      fc.property(json, (text) => {
        assert.deepEqual(without(text, 'no such name'), [canonicalJson(text), []])
      }),
    )
  })

  test('what is left is the object without the member', () => {
    fc.assert(
      fc.property(object, fc.jsonValue(), (value, secret) => {
        const [left] = without(JSON.stringify({ ...value, token: secret }), 'token')
        assert.equal(left, canonicalJson(JSON.stringify(value)))
      }),
    )
  })
})
