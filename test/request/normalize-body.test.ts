import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { formBytes, keyBody, keyForm } from '../../lib/request/normalize-body.ts'

type Body = readonly [contentType: string | undefined, content: string | Uint8Array]
type Case = [name: string, one: Body, other: Body]

const json = 'application/json'
const form = 'application/x-www-form-urlencoded'

describe('bodies with one digest', () => {
  const cases: Case[] = [
    ['members of JSON', [json, '{"b":1,"a":2}'], [json, '{ "a": 2, "b": 1 }']],
    [
      'JSON of another kind',
      ['application/ld+json', '{"b":1,"a":2}'],
      ['application/ld+json', '{"a":2,"b":1}'],
    ],
    ['the case of the media type', ['Application/JSON', '1'], [json, '1']],
    [
      'white space beside a parameter',
      [`${json}; charset=utf-8`, '1'],
      [`${json};charset=utf-8`, '1'],
    ],
    ['fields of a form', [form, 'b=1&a=2'], [form, 'a=2&b=1']],
    ['a random boundary', multipart(randomUUID(), 'x'), multipart(randomUUID(), 'x')],
    [
      'a boundary in quotes',
      [`multipart/form-data; boundary="a b"`, '--a b\r\n\r\nx\r\n--a b--'],
      multipart('c', 'x'),
    ],
    ['boundaries of different lengths', multipart('a', 'x'), multipart('a'.repeat(70), 'x')],
  ]
  for (const [name, one, other] of cases) {
    test(name, () => assert.equal(digestOf(one), digestOf(other)))
  }
})

describe('bodies with digests of their own', () => {
  const cases: Case[] = [
    ['bytes', [undefined, 'a'], [undefined, 'b']],
    ['media types', ['text/plain', '1'], ['text/html', '1']],
    ['a media type and none', ['text/plain', '1'], [undefined, '1']],
    ['a type and what it is followed by', ['text/plai', 'nx'], ['text/plain', 'x']],
    ['parameters of the type', ['text/plain;charset=a', '1'], ['text/plain;charset=b', '1']],
    ['the case of a parameter', ['a/b; action="urn:A"', '1'], ['a/b; action="urn:a"', '1']],
    ['white space in a parameter', ['a/b; action="a b"', '1'], ['a/b; action="ab"', '1']],
    ['JSON that is none, by its white space', [json, '{"a":1'], [json, '{"a": 1']],
    ['JSON as text', ['text/plain', '{"a": 1}'], ['text/plain', '{"a":1}']],
    ['JSON numbers', [json, '1.0'], [json, '1']],
    ['large integers', [json, '[9007199254740993]'], [json, '[9007199254740992]']],
    ['order in a list', [json, '[1,2]'], [json, '[2,1]']],
    [
      'bytes that are no UTF-8',
      [json, Buffer.from('"\xe9"', 'latin1')],
      [json, Buffer.from('"\xe8"', 'latin1')],
    ],
    ['order of equal fields', [form, 'a=1&a=2'], [form, 'a=2&a=1']],
    ['an empty field', [form, 'a=1&b='], [form, 'a=1']],
    ['values of a form', [form, 'a=1'], [form, 'a=2']],
    ['credentials in a form', [form, 'password=abcdefgh1'], [form, 'password=abcdefgh2']],
    ['what looks like a boundary elsewhere', [`${form}; boundary=zz`, 'abc'], [form, '3:abc']],
    ['parts', multipart('a', 'x'), multipart('a', 'y')],
    [
      'a delimiter and none',
      ['multipart/x; boundary=b', 'x--by'],
      ['multipart/x; boundary=b', 'xy'],
    ],
    [
      'where the type ends and the parts begin',
      ['multipart/m; boundary=b', 'abctext:3:xyz'],
      ['multipart/mtext:13:abc; boundary=b', 'xyz'],
    ],
    ['one part and two', multipart('a', 'x', 'y'), multipart('a', 'xy')],
    ['a part that is empty', multipart('a', 'x', ''), multipart('a', '', 'x')],
    ['binary parts', multipart('a', '\xe9'), multipart('a', '\xe8')],
    [
      'kinds of multipart',
      ['multipart/mixed; boundary=a', '--a--'],
      ['multipart/form-data; boundary=a', '--a--'],
    ],
    ['what stands for a boundary', multipart('a', '1:'), multipart('a', '2:')],
  ]
  for (const [name, one, other] of cases) {
    test(name, () => assert.notEqual(digestOf(one), digestOf(other)))
  }
})

describe('keyBody', () => {
  const types = [
    undefined,
    json,
    form,
    'text/plain',
    'multipart/form-data; boundary=b',
    'multipart/mixed',
  ]
  const anyType = fc.oneof(fc.constantFrom(...types), fc.string())
  const bytes = fc.uint8Array({ maxLength: 40 })

  test('never throws, and is tame', () => {
    fc.assert(
      fc.property(anyType, bytes, (type, content) => {
        assert.match(keyBody(type, content).digest, /^[\w-]{43}$/)
      }),
    )
  })

  test('tells plain bytes apart', () => {
    fc.assert(
      fc.property(bytes, bytes, (one, other) => {
        const same = Buffer.compare(one, other) === 0
        assert.equal(keyBody('a/b', one).digest === keyBody('a/b', other).digest, same)
      }),
    )
  })

  test('tells parts apart, whatever is in them', () => {
    // Letters of the boundary and of what marks its place.
    const part = fc.string({ unit: fc.constantFrom('-', 'b', '1', ':', '\r', '\n'), maxLength: 6 })
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 3 }),
        fc.array(part, { maxLength: 3 }),
        (one, other) => {
          const [left, right] = [multipart('b', ...one), multipart('b', ...other)]
          assert.equal(digestOf(left) === digestOf(right), left[1] === right[1])
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('reads a view of a larger buffer', () => {
    const larger = Buffer.from('xx{"a":1}xx')
    assert.equal(keyBody(json, larger.subarray(2, 9)).digest, digestOf([json, '{"a":1}']))
  })
})

describe('keyForm', () => {
  const pairs: [name: string, one: FormData, other: FormData][] = [
    ['names', formOf(['a', 'x']), formOf(['b', 'x'])],
    ['values', formOf(['a', 'x']), formOf(['a', 'y'])],
    ['order', formOf(['a', 'x'], ['a', 'y']), formOf(['a', 'y'], ['a', 'x'])],
    ['where one field ends', formOf(['a', 'x\n["b","y"]']), formOf(['a', 'x'], ['b', 'y'])],
    ['a text and a file', formOf(['a', 'x']), formOf(['a', new File(['x'], 'a')])],
    ['names of files', formOf(['a', new File(['x'], 'a')]), formOf(['a', new File(['x'], 'b')])],
    [
      'types of files',
      formOf(['a', new File(['x'], 'a', { type: 'a/b' })]),
      formOf(['a', new File(['x'], 'a')]),
    ],
    ['files', formOf(['a', new File(['x'], 'a')]), formOf(['a', new File(['y'], 'a')])],
    ['none and an empty field', formOf(), formOf(['', ''])],
  ]
  for (const [name, one, other] of pairs) {
    test(`differs by ${name}`, async () => {
      assert.notEqual((await keyForm(one)).digest, (await keyForm(other)).digest)
    })
  }

  test('is the same for equal forms', async () => {
    const [one, other] = [1, 2].map(() =>
      formOf(['a', 'x'], ['b', new File(['x'], 'a', { type: 'a/b' })]),
    )
    assert.deepEqual(await keyForm(one!), await keyForm(other!))
  })
})

describe('formBytes', () => {
  test('counts names, texts and files', () => {
    assert.equal(formBytes(formOf(['ab', 'cde'], ['f', new File(['1234'], 'name')])), 5 + 5)
  })
})

function digestOf([contentType, content]: Body): string {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return keyBody(contentType, bytes).digest
}

function multipart(boundary: string, ...parts: string[]): [contentType: string, content: string] {
  const content = parts.map((part) => `--${boundary}\r\n\r\n${part}\r\n`).join('')
  return [`multipart/form-data; boundary=${boundary}`, `${content}--${boundary}--`]
}

function formOf(...fields: [name: string, value: string | File][]): FormData {
  const made = new FormData()
  for (const [name, value] of fields) {
    if (typeof value === 'string') made.append(name, value)
    else made.append(name, value)
  }
  return made
}
