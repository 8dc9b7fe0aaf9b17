import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  isCredentialHeader,
  isCredentialParameter,
  mayHoldCredential,
} from '../../lib/request/credentials.ts'
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
        assert.match(`${written}=${secret}`, mayHoldCredential)
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
