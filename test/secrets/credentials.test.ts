import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isCredentialHeader, isCredentialParameter } from '../../lib/secrets/credentials.ts'
import * as fc from 'fast-check'
import { normalizeUrl } from '../../lib/request/normalize-url.ts'
import { decodeParameter } from '../../lib/http/parameters.ts'
import { isolating, sharing } from './field-names.ts'
import * as parameters from './parameter-names.ts'
import { credentialHeaders, credentialParameters, secret } from './known-credentials.ts'

describe('header fields that are credentials', () => {
  for (const name of credentialHeaders) {
    test(name, () => assert.ok(isCredentialHeader(name)))
  }
})

describe('header fields that are none', () => {
  const harmless = [
    'accept',
    'author',
    'content-type',
    'user-agent',
    'x-csrf-token',
    'csrf-token',
    'x-xsrf-token',
    'x-request-id',
    'x-request-verification-token',
    'x-tokens',
    'tokenizer',
    'cookies',
    'x-keyword',
    'idempotency-key',
    'sec-websocket-key',
    'if-none-match',
  ]
  for (const name of harmless) {
    test(name, () => assert.ok(!isCredentialHeader(name)))
  }
})

describe('parameters that are credentials', () => {
  for (const name of credentialParameters) {
    test(name, () => {
      for (const written of [name, name.toUpperCase()]) {
        assert.ok(isCredentialParameter(written, secret))
      }
    })
  }
})

describe('parameters that are none', () => {
  const harmless: [name: string, value: string][] = [
    ['q', secret],
    ['keyword', secret],
    ['author', secret],
    ['page_token_type', secret],
    ['monkey', secret],
    // Short values of a name that means something else as often.
    ['key', 'a'.repeat(15)],
    ['token', '1'],
    ['auth', 'basic'],
    ['sig', ''],
    ['', secret],
  ]
  for (const [name, value] of harmless) {
    test(`${name}=${value}`, () => assert.ok(!isCredentialParameter(name, value)))
  }

  test('16 characters of an ambiguous name are a credential', () => {
    assert.ok(isCredentialParameter('key', 'a'.repeat(16)))
  })
})

describe('names of header fields in the wild', () => {
  const isWrong = (expected: boolean) => (name: string) =>
    isCredentialHeader(name.toLowerCase()) !== expected ||
    isCredentialHeader(name.toLowerCase().replaceAll('-', '_')) !== expected

  for (const [group, names] of Object.entries(isolating)) {
    test(`${group}: they tell users apart`, () => {
      assert.deepEqual(names.filter(isWrong(true)), [])
    })
  }

  for (const [group, names] of Object.entries(sharing)) {
    test(`${group}: they cost no hits`, () => {
      assert.deepEqual(names.filter(isWrong(false)), [])
    })
  }

  test('are many', () => {
    const count = (table: typeof sharing): number =>
      new Set(
        Object.values(table)
          .flat()
          .map((name) => name.toLowerCase()),
      ).size
    assert.ok(count(isolating) >= 500, `${count(isolating)} that isolate`)
    assert.ok(count(sharing) >= 300, `${count(sharing)} that share`)
  })
})

const { ambiguous, secret: secrets, session } = parameters

describe('names of parameters in the wild', () => {
  /** The least length at which a value makes a credential. */
  function shortest(written: string): number {
    const name = decodeParameter(written)
    const length = [0, 1, 7, 8, 15, 16, 1000].find((n) =>
      isCredentialParameter(name, 'a'.repeat(n)),
    )
    return length ?? Infinity
  }
  for (const [length, group] of [
    [0, secrets],
    [8, session],
    [16, ambiguous],
    [Infinity, parameters.harmless],
  ] as const) {
    test(`from ${length} characters on`, () => {
      const wrong = group.filter((name) => shortest(name) !== length)
      assert.deepEqual(wrong, [])
    })
  }

  const known = [...secrets, ...session, ...ambiguous]
  // Names of all kinds, those that are made of their words and what nobody has thought of included.
  const word = fc.constantFrom(
    ...known,
    ...parameters.harmless,
    'x',
    'my',
    'foo',
    '',
    '%5B',
    '%zz',
    '+',
    'ü',
  )
  const name = fc
    .oneof(
      fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('')),
      fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join('_')),
      fc.string({ maxLength: 20 }),
    )
    .map((text) => text.replaceAll(/[&=#?]/g, ''))

  test('a URL loses exactly the values that are credentials', () => {
    const value = fc.stringMatching(/^[\w-]{0,20}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 4 }), (pairs) => {
        const path = `/?${pairs.map((pair) => pair.join('=')).join('&')}`
        const url = normalizeUrl({ origin: 'http://a', path })!
        const written = url.credentials.map((each) => each.slice(each.indexOf('=') + 1))
        const hidden = pairs
          .filter(([each, of]) => isCredentialParameter(decodeParameter(each), of))
          .map(([, of]) => of)
        assert.deepEqual(written, hidden)
        assert.ok(url.shown.split('=REDACTED').length > hidden.length)
      }),
    )
  })

  test('a name as long as a book is looked at in no time', () => {
    const begin = process.hrtime.bigint()
    for (const piece of ['a', 'A', 'token', 'aB', 'key_', '[', '1a', 'Ä']) {
      isCredentialParameter(piece.repeat(100_000 / piece.length), 'x')
    }
    const ms = Number(process.hrtime.bigint() - begin) / 1e6
    assert.ok(ms < 500, `${ms} ms`)
    assert.ok(isCredentialParameter(`${'a['.repeat(50_000)}[password]`, 'x'))
  })
})
