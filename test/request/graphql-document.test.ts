import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf, readDocument } from '../../lib/request/graphql-document.ts'

describe('canonical', () => {
  const same: [name: string, one: string, other: string][] = [
    ['white space', '{a{b}}', ' { a\t{\r\n  b } }\n'],
    ['commas', '{a(x:1,y:2)}', '{ a(x: 1 y: 2,,) }'],
    ['comments', '{a}', '# all of it: "\n{ a # } \r}'],
    ['a comment that ends the text', '{a}', '{a} # b'],
    ['a byte order mark', '{a}', '\uFEFF{a}'],
    ['numbers', '{a(x:-1.5e+3)}', '{ a ( x : -1.5e+3 ) }'],
    ['a spread', '{...F}fragment F on T{a}', '{ ... F } fragment F on T { a }'],
    ['variables', 'query($a:[Int!]=[1]){b}', 'query ( $a : [ Int! ] = [ 1 ] ) { b }'],
  ]
  for (const [name, one, other] of same) {
    test(`the same but for ${name}`, () => {
      assert.notEqual(readDocument(one), undefined)
      assert.equal(readDocument(one)?.canonical, readDocument(other)?.canonical)
    })
  }

  const different: [name: string, one: string, other: string][] = [
    ['names', '{a}', '{b}'],
    ['the case of names', '{a}', '{A}'],
    ['where a name ends', '{a b}', '{ab}'],
    ['the order of fields', '{a b}', '{b a}'],
    ['white space in a string', '{a(x:"b c")}', '{a(x:"b  c")}'],
    ['a comma in a string', '{a(x:"b,c")}', '{a(x:"bc")}'],
    ['what looks like a comment in a string', '{a(x:"#b")}', '{a(x:"#c")}'],
    ['an escaped quote', String.raw`{a(x:"\"b")}`, String.raw`{a(x:"\" b")}`],
    ['an escaped backslash', String.raw`{a(x:"\\" y:"b")}`, String.raw`{a(x:"\\" y:"c")}`],
    ['lines of a block string', '{a(x:"""b\n c""")}', '{a(x:"""b\nc""")}'],
    ['quotes in a block string', '{a(x:"""b" c""")}', '{a(x:"""b"c""")}'],
    [
      'escaped quotes in a block string',
      String.raw`{a(x:"""b \""" # c""" )}`,
      String.raw`{a(x:"""b \""" # d""" )}`,
    ],
    ['a block string and a string', '{a(x:"""b""")}', '{a(x:"b")}'],
    ['an empty string and none', '{a(x:"" y:1)}', '{a(x:y:1)}'],
    ['numbers', '{a(x:1.0)}', '{a(x:1)}'],
    ['aliases', '{a:b}', '{a b}'],
  ]
  for (const [name, one, other] of different) {
    test(`different by ${name}`, () => {
      assert.notEqual(readDocument(one), undefined)
      assert.notEqual(readDocument(other), undefined)
      assert.notEqual(readDocument(one)?.canonical, readDocument(other)?.canonical)
    })
  }
})

describe('what is no document', () => {
  const texts = [
    '',
    '# nothing',
    'cats and dogs',
    'mutation of cats',
    '{a',
    'a}',
    '{a}}',
    '{a(}',
    '}{',
    '{a} b',
    'query',
    '{a(x:"b)}',
    '{a(x:"b\n")}',
    '{a(x:"""b"")}',
    '{a(x:01)}',
    '{a(x:1b)}',
    '{a(x:1.)}',
    '{a%}',
    '{é}',
    'type T { a: Int }',
    'extend schema { query: Q }',
    'fragment F on T { a }',
    '{"match":{"a":1}}',
    '..{a}',
  ]
  for (const text of texts) {
    test(JSON.stringify(text), () => assert.equal(readDocument(text), undefined))
  }

  test('a string that is too long for a regular expression does not throw', () => {
    const escapes = String.raw`\n`.repeat(5_000_000)
    assert.notEqual(readDocument(`{a(x:"${escapes}")}`), undefined)
    assert.equal(readDocument(`{a(x:"${escapes})}`), undefined)
  })
})

describe('what a document does', () => {
  const cases: [text: string, name: string | undefined, kind: string][] = [
    ['{a}', undefined, 'query'],
    ['query{a}', undefined, 'query'],
    ['query Q{a}', 'Q', 'query'],
    ['mutation{a}', undefined, 'mutation'],
    ['mutation M($a:Int){a}', 'M', 'mutation'],
    ['subscription @live{a}', undefined, 'subscription'],
    // Words that mean something only where a definition begins.
    ['{mutation}', undefined, 'query'],
    ['query mutation{a}', 'mutation', 'query'],
    ['query Q @mutation{a}', 'Q', 'query'],
    ['query Q($subscription:Int){a}', 'Q', 'query'],
    ['fragment mutation on subscription{a} {...mutation}', undefined, 'query'],
    ['{a(x:"mutation{a}")}', undefined, 'query'],
    ['# mutation{a}\n{a}', undefined, 'query'],
    ['query Q($a:T={mutation:{a:1}}){a}', 'Q', 'query'],
    ['"what it does" mutation M{a}', 'M', 'mutation'],
    ['"""what it does""" query Q{a}', 'Q', 'query'],
    // Of several, the one that is asked for.
    ['query Q{a} mutation M{b}', 'Q', 'query'],
    ['query Q{a} mutation M{b}', 'M', 'mutation'],
    ['query Q{a} subscription S{b} fragment F on T{c}', 'S', 'subscription'],
    // Where that cannot be known, the worst.
    ['query Q{a} mutation M{b}', undefined, 'mutation'],
    ['query Q{a} subscription S{b}', 'X', 'subscription'],
    ['subscription S{b} mutation M{a}', undefined, 'mutation'],
  ]
  for (const [text, name, kind] of cases) {
    test(`${text}${name === undefined ? '' : `, ${name}`}: ${kind}`, () => {
      assert.equal(kindOf(readDocument(text)!, name), kind)
    })
  }
})

describe('properties', () => {
  const name = fc.constantFrom('a', 'b1', '_c', 'query')
  const text = fc.string({ unit: fc.constantFrom('a', ' ', ',', '#', '{', '}', '(') })
  const value = fc.oneof(
    name,
    fc.integer().map(String),
    text.map((written) => `"${written}"`),
    text.map((written) => `"""${written}"""`),
  )
  const tokens = fc
    .array(fc.tuple(name, fc.option(value, { nil: undefined })), { minLength: 1, maxLength: 5 })
    .map((fields) => [
      '{',
      ...fields.flatMap(([field, x]) =>
        x === undefined ? [field] : [field, '(', 'x', ':', x, ')'],
      ),
      '}',
    ])
  const gap = fc.constantFrom(' ', ',', '\n', '\t \r\n', '# } "\n', ' # {\r')

  test('two documents have one text where they have the same tokens', () => {
    fc.assert(
      fc.property(tokens, tokens, gap, gap, (one, other, left, right) => {
        const [a, b] = [readDocument(one.join(left)), readDocument(other.join(right))]
        assert.ok(a !== undefined && b !== undefined)
        assert.equal(a.canonical === b.canonical, JSON.stringify(one) === JSON.stringify(other))
        assert.equal(readDocument(a.canonical)?.canonical, a.canonical)
      }),
      { numRuns: 2000 },
    )
  })

  test('any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (any) => {
        readDocument(any)
        readDocument(`{a(x:"""${any}""")}`)
      }),
    )
  })
})
