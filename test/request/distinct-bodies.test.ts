/** Bodies that the origin could tell apart have keys of their own, whatever the rules. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readKeyRules } from '../../lib/request/key-rules.ts'
import { keyBody } from '../../lib/request/normalize-body.ts'

test('GraphQL that is no UTF-8; a mutation is one all the same', () => {
  const rules = readKeyRules({ graphql: true })
  const key = (text: string): ReturnType<typeof keyBody> =>
    keyBody('application/graphql', Buffer.from(text, 'latin1'), rules)
  assert.notEqual(key('{a(b:"\xFF")}').digest, key('{a(b:"\xFE")}').digest)
  assert.equal(key('mutation{a(b:"\xFF")}').operation, 'mutation')
})

test('files whose names look like a field that is ignored', () => {
  const rules = readKeyRules({ ignoredParameters: ['token'] })
  const digest = (disposition: string, content: string): string => {
    const head = `Content-Disposition: form-data; ${disposition}`
    const body = `--B\r\n${head}\r\n\r\n${content}\r\n--B--\r\n`
    return keyBody('multipart/form-data; boundary=B', Buffer.from(body), rules).digest
  }
  const file = 'name="f"; filename="a; name=token; b"'
  assert.notEqual(digest(file, '1'), digest(file, '2'))
  assert.equal(digest('name="token"', '1'), digest('name="token"', '2'))
})
