import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MatchOptions } from '../../lib/request/key-rules.ts'
import { keyBody, keyForm, type BodyKey } from '../../lib/request/normalize-body.ts'
import { readHead } from '../../lib/request/read-request.ts'
import { requestOf, rulesOf } from './request-of.ts'

const json = 'application/json'
const graphql = { graphql: true }

function keyOf(body: unknown, match: MatchOptions = graphql, type = json): BodyKey {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return keyBody(type, Buffer.from(text), rulesOf(match))
}

describe('a body', () => {
  const base = { query: '{ a(x: "b  c") }', variables: { n: 1, m: [2] } }
  const same: [name: string, body: unknown, type?: string][] = [
    ['white space', { ...base, query: '{a(x:"b  c")}' }],
    ['comments', { ...base, query: '# why\n{ a(x: "b  c") } # not' }],
    ['the order of variables', { query: base.query, variables: { m: [2], n: 1 } }],
    ['the order of members', { variables: base.variables, query: base.query }],
    ['no name and none that is asked for', { ...base, operationName: null }],
    ['a charset', base, 'application/json; charset=utf-8'],
    ['another type of JSON', base, 'application/graphql+json'],
  ]
  for (const [name, body, type] of same) {
    test(`is the same but for ${name}`, () => {
      const { digest, isOperation } = keyOf(body, graphql, type)
      assert.equal(isOperation, true)
      assert.equal(digest, keyOf(base).digest)
    })
  }

  const different: [name: string, body: unknown][] = [
    ['a string in the document', { ...base, query: '{ a(x: "b c") }' }],
    ['variables', { ...base, variables: { n: 2, m: [2] } }],
    ['no variables', { query: base.query }],
    ['the name that is asked for', { ...base, operationName: 'Q' }],
    ['extensions', { ...base, extensions: { a: 1 } }],
  ]
  for (const [name, body] of different) {
    test(`is another one by ${name}`, () => {
      assert.equal(keyOf(body).isOperation, true)
      assert.notEqual(keyOf(body).digest, keyOf(base).digest)
    })
  }

  test('variables that are none are none', () => {
    const digests = [{}, { variables: null }, { variables: {} }].map(
      (more) => keyOf({ query: '{a}', ...more }).digest,
    )
    assert.equal(new Set(digests).size, 1)
  })

  test('a document alone is the same as in JSON', () => {
    assert.equal(
      keyOf(' { a } ', graphql, 'application/graphql').digest,
      keyOf({ query: '{a}' }).digest,
    )
  })

  test('what is ignored in variables', () => {
    const match = { graphql: true, ignoredParameters: ['variables.token'] }
    const [one, other] = ['s1', 's2'].map((token) =>
      keyOf({ query: '{a}', variables: { token, n: 1 } }, match),
    )
    assert.equal(one!.digest, other!.digest)
    assert.deepEqual(one!.ignored, ['token=s1'])
    assert.equal(one!.digest, keyOf({ query: '{a}', variables: { n: 1 } }).digest)
  })

  test('in the text of the key it has a name of its own', () => {
    const asked = { method: 'POST', headers: { 'content-type': json }, body: '{"query":"{a}"}' }
    assert.match(
      requestOf({ ...asked, match: graphql }).text,
      /^POST http:\/\/a.example\/ graphql:[\w-]{43}$/,
    )
    assert.match(requestOf(asked).text, /^POST http:\/\/a.example\/ body:[\w-]{43}$/)
  })
})

describe('what a body does', () => {
  const cases: [name: string, body: unknown, operation: string | undefined][] = [
    ['a query', { query: '{a}' }, 'query'],
    ['a mutation', { query: 'mutation{a}' }, 'mutation'],
    ['a subscription', { query: 'subscription{a}' }, 'subscription'],
    [
      'the one that is asked for',
      { query: 'query Q{a} mutation M{b}', operationName: 'Q' },
      'query',
    ],
    [
      'another one that is asked for',
      { query: 'query Q{a} mutation M{b}', operationName: 'M' },
      'mutation',
    ],
    ['a member twice', '{"query":"{a}","query":"mutation{a}"}', 'mutation'],
    ['several', [{ query: '{a}' }, { query: '{b}' }], 'query'],
    ['a mutation among several', [{ query: '{a}' }, { query: 'mutation{b}' }], 'mutation'],
    ['a mutation beside what is not known', [{ id: 1 }, { query: 'mutation{b}' }], 'mutation'],
    ['a query beside what is not known', [{ id: 1 }, { query: '{b}' }], undefined],
    ['no text', { query: { match: { a: 1 } } }, undefined],
    ['a text that is no document', { query: 'mutation of cats' }, undefined],
    ['a member further inside', { a: { query: 'mutation{a}' } }, undefined],
    ['a digest of a document', { extensions: { persistedQuery: { sha256Hash: 'x' } } }, undefined],
    ['none', {}, undefined],
    ['JSON that is none', '{"query":"mutation{a}"', undefined],
  ]
  for (const [name, body, operation] of cases) {
    test(`${name}: ${operation ?? 'nothing of GraphQL'}`, () => {
      assert.equal(keyOf(body).operation, operation)
      // Also where nobody has asked for it: what changes something is never cached.
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const plain = keyBody(json, Buffer.from(text))
      assert.equal(plain.operation, operation)
      assert.equal(plain.isOperation, undefined)
    })
  }

  test('only in JSON', () => {
    const body = Buffer.from('{"query":"mutation{a}"}')
    assert.equal(keyBody('text/plain', body).operation, undefined)
    assert.equal(keyBody('application/graphql', Buffer.from('mutation{a}')).operation, 'mutation')
  })

  test('with files', async () => {
    const operations = '{ "query": "mutation($f: Upload!){a(f:$f)}" }'
    const data = new FormData()
    data.append('operations', operations)
    data.append('0', new File(['x'], 'f'))
    assert.equal((await keyForm(data)).operation, 'mutation')
    const part = `--b\r\nContent-Disposition: form-data; name="operations"\r\n\r\n${operations}\r\n--b--`
    assert.equal(
      keyBody('multipart/form-data; boundary=b', Buffer.from(part)).operation,
      'mutation',
    )
  })
})

describe('a URL', () => {
  const keyOfUrl = (path: string, match: MatchOptions = graphql): string =>
    requestOf({ path, match }).key

  const same: [name: string, one: string, other: string][] = [
    ['white space', '/?query=%7Ba%7D', '/?query=%7B%20a%0A%7D'],
    ['a plus sign', '/?query=%7Ba%7D', '/?query=%7B+a+%7D'],
    ['what is not encoded', '/?query={a}', '/?query=%7Ba%7D'],
    ['empty variables', '/?query={a}', '/?query={a}&variables={}'],
    [
      'the order of variables',
      '/?query={a}&variables={"a":1,"b":2}',
      '/?variables=%7B%22b%22%3A2%2C%22a%22%3A1%7D&query={a}',
    ],
  ]
  for (const [name, one, other] of same) {
    test(`is the same but for ${name}`, () => {
      assert.equal(keyOfUrl(one), keyOfUrl(other))
      assert.notEqual(keyOfUrl(one, {}), keyOfUrl(other, {}))
    })
  }

  test('is another one by document, variables and name', () => {
    const paths = [
      '/?query={a}',
      '/?query={b}',
      '/?query={a}&variables={"a":1}',
      '/?query={a}&operationName=Q',
      '/?query={a}&other={}',
      '/x?query={a}',
    ]
    assert.equal(new Set(paths.map((path) => keyOfUrl(path))).size, paths.length)
  })

  test('what is ignored in variables', () => {
    const match = { graphql: true, ignoredParameters: ['variables.token'] }
    const request = requestOf({ path: '/?query={a}&variables={"token":"s3cr3t","n":1}', match })
    assert.deepEqual(request.ignored, ['token=s3cr3t'])
    assert.ok(!`${request.url} ${request.text}`.includes('s3cr3t'))
    assert.equal(request.key, keyOfUrl('/?query={a}&variables={"n":1}', match))
  })

  const bypass: [path: string, reason: string | undefined][] = [
    ['/?query=mutation{a}', 'graphql-mutation'],
    ['/?query=subscription%20S{a}', 'graphql-subscription'],
    ['/?query={a}%20mutation%20M{a}&operationName=M', 'graphql-mutation'],
    ['/?query={a}', undefined],
    ['/?query=mutation', undefined],
    ['/?q=mutation{a}', undefined],
  ]
  for (const [path, reason] of bypass) {
    test(`${path}: ${reason ?? 'not left alone'}`, () => {
      const head = readHead({ method: 'GET', origin: 'http://a', path }, rulesOf(graphql))
      assert.equal(typeof head === 'string' ? head : undefined, reason)
    })
  }
})
