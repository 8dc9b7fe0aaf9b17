import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DeadKeys } from '../../lib/entries/dead-keys.ts'

describe('keys that count as deleted', () => {
  test('are those that were added, for what was stored until then', () => {
    const dead = new DeadKeys()
    assert.ok(!dead.any)
    dead.add('a', 100)
    assert.ok(dead.any)
    assert.deepEqual(
      [dead.has('a', 5_100), dead.has('a', 5_101), dead.has('a', undefined), dead.has('b', 1)],
      [true, false, true, false],
    )
    dead.remove('a')
    assert.ok(!dead.has('a', 100))
    assert.ok(!dead.any)
  })

  test('are bounded: beyond it nothing counts that was stored before', () => {
    const dead = new DeadKeys()
    for (let key = 0; key <= 5_000; key++) dead.add(`k${key}`, 100)
    assert.deepEqual(dead.keys(), [])
    assert.deepEqual([dead.has('never seen', 5_100), dead.has('never seen', 5_101)], [true, false])
  })
})
