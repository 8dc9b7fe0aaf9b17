import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { MatchOptions } from '../../lib/request/key-rules.ts'
import { keyBody, keyForm, type BodyKey } from '../../lib/request/normalize-body.ts'
import { readBody, type ReadBody } from '../../lib/request/read-body.ts'
import { rulesOf } from './request-of.ts'

const json = 'application/json'
const form = 'application/x-www-form-urlencoded'
const ignoring = { ignoredParameters: ['Token', 'user.id'] }

function keyOf(type: string | undefined, body: string, match: MatchOptions = ignoring): BodyKey {
  return keyBody(type, Buffer.from(body), rulesOf(match))
}

interface Part {
  readonly name: string
  readonly value: string
  readonly file?: string
}

function multipart(...parts: Part[]): [type: string, body: string] {
  const written = parts.map(({ name, value, file }) => {
    const more = file === undefined ? '' : `; filename="${file}"\r\nContent-Type: text/plain`
    return `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`
  })
  return ['multipart/form-data; boundary=b', `${written.join('')}--b--\r\n`]
}

describe('ignored in a body', () => {
  const a = { name: 'a', value: '1' }
  const cases: [
    name: string,
    body: [type: string | undefined, body: string],
    without: [type: string | undefined, body: string],
    ignored: string[],
  ][] = [
    ['a member', [json, '{"a":1,"token":"s é"}'], [json, '{"a":1}'], ['token=s%20%C3%A9']],
    [
      'a member inside, of another kind of JSON',
      ['application/ld+json', '{"user":{"id":7,"n":1}}'],
      ['application/ld+json', '{"user":{"n":1}}'],
      ['id=7'],
    ],
    ['a field', [form, 'b=2&Token=s+%C3%A9&a=1'], [form, 'a=1&b=2'], ['Token=s%20%C3%A9']],
    ['a field by its encoded name', [form, '%54oken=s&a'], [form, 'a'], ['Token=s']],
    ['a field without a value', [form, 'token&a'], [form, 'a'], []],
    ['all fields', [form, 'token=1&user.id=2'], [form, ''], ['token=1', 'user.id=2']],
    ['a part', multipart(a, { name: 'TOKEN', value: 's' }), multipart(a), ['TOKEN=s']],
    [
      'the first of two parts',
      multipart({ name: 'token', value: 'x\r\ny' }, a),
      multipart(a),
      ['token=x%0D%0Ay'],
    ],
    ['a file', multipart(a, { name: 'token', value: 'content', file: 'f' }), multipart(a), []],
  ]
  for (const [name, body, without, ignored] of cases) {
    test(name, () => {
      const key = keyOf(...body)
      assert.equal(key.digest, keyOf(...without).digest)
      assert.deepEqual(key.ignored ?? [], ignored)
      // The rules leave alone what they do not name.
      assert.equal(key.digest, keyBody(without[0], Buffer.from(without[1])).digest)
    })
  }

  const kept: [
    name: string,
    one: [string | undefined, string],
    other: [string | undefined, string],
  ][] = [
    ['in text', ['text/plain', 'token=1'], ['text/plain', 'token=2']],
    ['in bytes of no type', [undefined, '{"token":1}'], [undefined, '{"token":2}']],
    ['in JSON that is none', [json, '{"token":1'], [json, '{"token":2']],
    ['other members', [json, '{"token":1,"a":1}'], [json, '{"token":1,"a":2}']],
    ['other fields', [form, 'tokens=1'], [form, 'tokens=2']],
    ['further inside', [json, '{"a":{"token":1}}'], [json, '{"a":{"token":2}}']],
    [
      'the name of a file',
      multipart({ name: 'a', value: 'x', file: 'token' }),
      multipart({ name: 'a', value: 'x', file: 'other' }),
    ],
    [
      'what looks like a part inside of one',
      multipart({ name: 'a', value: 'Content-Disposition: form-data; name="token"\r\n\r\n1' }),
      multipart({ name: 'a', value: 'Content-Disposition: form-data; name="token"\r\n\r\n2' }),
    ],
  ]
  for (const [name, one, other] of kept) {
    test(`not ${name}`, () => assert.notEqual(keyOf(...one).digest, keyOf(...other).digest))
  }

  test('fields of a FormData', async () => {
    const [one, other] = ['1', '2'].map((token) => {
      const data = new FormData()
      data.append('a', 'x')
      data.append('token', token)
      data.append('Token', new File([token], 'f'))
      return data
    })
    const keys = [await keyForm(one!, rulesOf(ignoring)), await keyForm(other!, rulesOf(ignoring))]
    assert.equal(keys[0]!.digest, keys[1]!.digest)
    assert.deepEqual(keys[0]!.ignored, ['token=1'])
    assert.notEqual((await keyForm(one!)).digest, (await keyForm(other!)).digest)
  })

  test('what no header field could hold is not looked for', () => {
    assert.equal(keyOf(json, JSON.stringify({ token: 'x'.repeat(20_000) })).ignored, undefined)
    const many = Array.from({ length: 5000 }, (_, n) => `token=${n}`).join('&')
    assert.equal(keyOf(form, many).ignored?.length, 1000)
  })
})

describe('what is sent', () => {
  const bodies: [name: string, type: string, make: () => unknown, text: string][] = [
    ['a text', json, () => '{"token": "s" }', '{"token": "s" }'],
    ['bytes', form, () => Buffer.from('token=s&a=1'), 'token=s&a=1'],
    ['a stream', json, () => generate('{"to', 'ken":1}'), '{"token":1}'],
    ['a Blob', form, () => new Blob(['token=s']), 'token=s'],
  ]
  for (const [name, type, make, text] of bodies) {
    test(`${name} is not touched`, async () => {
      const body = make()
      const read = await readBody(body, type, 1000, rulesOf(ignoring))
      assert.notEqual(read.ignored, undefined)
      assert.equal(await textOf(read), text)
    })
  }

  test('nor by a function that changes what it is told', async () => {
    const bytes = Buffer.from('abc')
    const read = await readBody(bytes, undefined, 1000, rulesOf({ keyFn: () => 'k' }))
    assert.deepEqual(read.content, bytes)
    ;(read.content as Buffer).fill('x')
    assert.equal(bytes.toString(), 'abc')
  })

  test('a FormData is told of as it is', async () => {
    const data = new FormData()
    const read = await readBody(data, undefined, 1000, rulesOf({ identity: () => 'x' }))
    assert.equal(read.content, data)
    assert.equal(read.body, data)
  })

  test('nobody who has no function is told', () => {
    assert.ok(!('content' in (readBody('x', undefined, 10, rulesOf(ignoring)) as ReadBody)))
  })
})

describe('properties', () => {
  const word: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c')
  const fields = fc.array(fc.tuple(word, fc.string()), { maxLength: 4 })

  test('a field that is ignored makes no difference, wherever it stands', () => {
    fc.assert(
      fc.property(fields, fc.string(), fc.nat({ max: 4 }), (list, secret, at) => {
        const without = new URLSearchParams(list).toString()
        const all = new URLSearchParams(list.toSpliced(at, 0, ['token', secret])).toString()
        // A form without any field is an empty one.
        assert.equal(keyOf(form, all).digest, keyOf(form, without).digest)
      }),
    )
  })

  test('other fields do, as they did', () => {
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const [left, right] = [one, other].map((list) => new URLSearchParams(list).toString())
        const same =
          keyBody(form, Buffer.from(left!)).digest === keyBody(form, Buffer.from(right!)).digest
        assert.equal(keyOf(form, left!).digest === keyOf(form, right!).digest, same)
      }),
    )
  })

  test('any bytes, any type', () => {
    const type = fc.constantFrom(
      json,
      form,
      'multipart/form-data; boundary=b',
      'application/graphql',
    )
    fc.assert(
      fc.property(type, fc.uint8Array(), (mediaType, bytes) => {
        const rules = rulesOf({ ...ignoring, graphql: true })
        assert.match(keyBody(mediaType, bytes, rules).digest, /^[\w-]{43}$/)
      }),
    )
  })
})

async function* generate(...chunks: string[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

async function textOf({ body }: ReadBody): Promise<string> {
  return body instanceof Blob ? body.text() : Buffer.from(body as Uint8Array).toString()
}
