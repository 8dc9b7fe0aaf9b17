import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeenVersions } from '../../lib/entries/seen-versions.ts'

test('what is older than what was read does not count, nor what came before a deletion', () => {
  const seen = new SeenVersions()
  assert.ok(!seen.isOlder('a', 100))
  seen.read('a', 100)
  seen.read('a', 50)
  assert.deepEqual([seen.isOlder('a', 99), seen.isOlder('a', 100)], [true, false])
  seen.deleted('a', 200)
  // What was on its way then is stored a little later.
  assert.deepEqual([seen.isOlder('a', 1_199), seen.isOlder('a', 1_200)], [true, false])
  assert.ok(!seen.isOlder('a', undefined))
  assert.ok(!seen.isOlder('b', 1))
})

test('what this process has written counts, whatever was there', () => {
  const seen = new SeenVersions()
  seen.deleted('a', 200)
  seen.wrote('a', 10)
  assert.deepEqual([seen.isOlder('a', 9), seen.isOlder('a', 10)], [true, false])
  seen.deleted('a', 200)
  seen.wrote('a', undefined)
  assert.ok(!seen.isOlder('a', 1))
})

test('a bounded number is remembered', () => {
  const seen = new SeenVersions()
  for (let key = 0; key <= 5_000; key++) seen.read(`k${key}`, 100)
  assert.deepEqual([seen.isOlder('k0', 1), seen.isOlder('k1', 1)], [false, true])
})
