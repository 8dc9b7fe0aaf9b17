import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf, readIdentityNames } from '../../lib/secrets/identity-names.ts'
import type { MatchOptions } from '../../lib/request/key-rules.ts'
import { redactedHeaders } from '../../lib/request/read-request.ts'
import { requestOf, rulesOf } from '../request/request-of.ts'

function keyOf(match: MatchOptions, path: string, headers: readonly string[] = []): string {
  return requestOf({ match, path, headers }).key
}

describe('the role of a name', () => {
  const names = readIdentityNames(
    ['X-Seat', 'x-acme-*', 'x-a-b-*'],
    ['Cookie', 'X-Acme-Trace-*', 'x-a-*', 'x-acme-seat'],
  )!
  const cases: [name: string, role: string][] = [
    ['x-seat', 'isolates'],
    ['x-seats', 'unsaid'],
    ['seat', 'unsaid'],
    ['cookie', 'shares'],
    ['x-acme-', 'isolates'],
    ['x-acme-who', 'isolates'],
    // The longer one counts, and one without an asterisk before any other.
    ['x-acme-trace-id', 'shares'],
    ['x-acme-seat', 'shares'],
    ['x-a-c', 'shares'],
    ['x-a-b-c', 'isolates'],
  ]
  for (const [name, role] of cases) test(name, () => assert.equal(names.roleOf(name), role))

  test('there is none where nothing is said', () => {
    assert.equal(readIdentityNames([], []), undefined)
  })

  test('lists are the same in any order and case', () => {
    const digest = (...isolate: string[]): string | undefined =>
      readIdentityNames(isolate, [])?.isolatingDigest
    assert.equal(digest('A', 'b'), digest('B', 'a'))
    assert.notEqual(digest('a'), digest('a', 'b'))
    assert.equal(digest('a'), digestOf(['a', 'a']))
  })
})

describe('isolate', () => {
  const match = { isolate: ['X-Seat', 'seat', 'acme_*'] }
  const isolated: [name: string, one: [string, string[]?], other: [string, string[]?]][] = [
    ['a header field', ['/', ['X-Seat', '1']], ['/', ['x-seat', '2']]],
    ['a header field that is not there', ['/', ['X-Seat', '1']], ['/']],
    ['a parameter', ['/?seat=1'], ['/?Seat=2']],
    ['a name that begins so', ['/?acme_who=1'], ['/?acme_who=2']],
    ['a field and a parameter of one name', ['/?seat=1'], ['/', ['seat', '1']]],
  ]
  for (const [name, [path, headers], [otherPath, otherHeaders]] of isolated) {
    for (const identity of ['isolated', 'shared', () => 'me', () => undefined] as const) {
      test(`${name}, ${String(identity)}`, () => {
        const rules = { ...match, identity }
        assert.notEqual(keyOf(rules, path, headers), keyOf(rules, otherPath, otherHeaders))
        const request = requestOf({ match: rules, path, headers })
        assert.equal(request.key, keyOf(rules, path, headers))
        assert.equal(request.credentials.length, 1)
        assert.deepEqual(request.ignored, [])
        const { url, text } = request
        assert.ok(!/=1|: 1/.test(url + text), url)
        for (const value of redactedHeaders(request).filter((_, i) => i % 2 === 1)) {
          assert.equal(value, 'REDACTED')
        }
      })
    }
  }

  test('a credential beside it does not count where users are not told apart', () => {
    const rules = { ...match, identity: 'shared' } as const
    const key = (seat: string, who: string): string =>
      keyOf(rules, '/', ['X-Seat', seat, 'Authorization', who])
    assert.equal(key('1', 'anna'), key('1', 'bert'))
    assert.notEqual(key('1', 'anna'), key('2', 'anna'))
    const request = requestOf({ match: rules, headers: ['X-Seat', '1', 'Authorization', 'anna'] })
    assert.deepEqual(request.credentials, ['x-seat: 1'])
    assert.deepEqual(request.ignored, ['authorization: anna'])
  })

  test('what was stored without it is for nobody', () => {
    assert.notEqual(keyOf(match, '/'), keyOf({}, '/'))
    assert.notEqual(keyOf(match, '/'), keyOf({ isolate: ['x-other'] }, '/'))
  })

  test('keyFn is not told', () => {
    const seen: unknown[] = []
    const keyFn = (details: unknown): undefined => void seen.push(JSON.stringify(details))
    keyOf({ ...match, keyFn }, '/?seat=fifteen', ['X-Seat', 'fifteen'])
    assert.equal(seen.length, 1)
    assert.ok(!String(seen[0]).includes('fifteen'), String(seen[0]))
  })

  test('counts once, whatever other rules say', () => {
    const key = (rules: MatchOptions, seat: string): string =>
      keyOf({ ...match, ...rules }, `/?seat=${seat}`, ['X-Seat', seat])
    for (const rules of [{ matchHeaders: true }, { keptParameters: [] }, { graphql: true }]) {
      assert.notEqual(key(rules, '1'), key(rules, '2'))
    }
    // What is ignored by its very name is ignored.
    const rules = { isolate: ['x-*'], ignoredParameters: ['x-seat'] }
    assert.equal(keyOf(rules, '/', ['x-seat', '1']), keyOf(rules, '/', ['x-seat', '2']))
  })
})

describe('share', () => {
  const match = { share: ['X-Api-Key', 'Authorization', 'code', 'api_key', 'lang', 'x-hub-*'] }
  const long = 'abcdefghijklmnopqrstuvwxyz'
  const shared: [name: string, path: string, headers?: string[]][] = [
    ['a header field', '/', ['x-api-key', 'secret-1']],
    ['two of them', '/', ['X-API-KEY', 'secret-1', 'authorization', 'Bearer x']],
    ['by an asterisk', '/', ['X-Hub-Signature', 'secret-1']],
    ['a parameter', '/?api_key=secret-1'],
    ['a parameter without a value', '/?api_key'],
    ['a name that may be harmless', `/?code=${long}`],
    ['the same with a short value', '/?code=7'],
  ]
  for (const [name, path, headers] of shared) {
    test(name, () => {
      const request = requestOf({ match, path, headers })
      assert.equal(request.key, keyOf(match, '/'))
      assert.deepEqual(request.credentials, [])
      const told = JSON.stringify([request.url, request.text, redactedHeaders(request)])
      assert.ok(!/secret-1|Bearer x|=7/.test(told) && !told.includes(long), told)
    })
  }

  test('other names go on counting', () => {
    assert.notEqual(keyOf(match, '/?lang=de'), keyOf(match, '/?lang=en'))
    assert.notEqual(keyOf(match, '/', ['cookie', 'a']), keyOf(match, '/', ['cookie', 'b']))
    assert.notEqual(keyOf(match, '/?token=abcdefgh'), keyOf(match, '/'))
  })

  test('what was stored so is not for those who tell users apart', () => {
    assert.notEqual(keyOf(match, '/'), keyOf({}, '/'))
    // The names that are no credentials change nothing.
    assert.equal(keyOf({ share: ['lang'] }, '/'), keyOf({}, '/'))
    assert.equal(rulesOf({ share: ['lang'] }).ignoredCredentials, undefined)
    assert.notEqual(rulesOf({ share: ['la*'] }).ignoredCredentials, undefined)
    // In another case it may be one: `fooKey`.
    assert.notEqual(rulesOf({ share: ['fookey'] }).ignoredCredentials, undefined)
  })

  test('the body is another matter', () => {
    const headers = ['content-type', 'application/x-www-form-urlencoded']
    const ask = (body: string): string => requestOf({ match, method: 'POST', body, headers }).key
    assert.notEqual(ask('api_key=1'), ask('api_key=2'))
  })
})
