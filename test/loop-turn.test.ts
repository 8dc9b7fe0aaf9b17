import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LoopTurn } from '../lib/loop-turn.ts'

const mebibyte = 2 ** 20

describe('a turn of the event loop', () => {
  test('has room for a thousand small replays', async () => {
    const turn = new LoopTurn()
    for (let i = 0; i < 1000; i++) assert.ok(turn.spend(1))
    assert.ok(!turn.spend(0))
    // Microtasks are no turn.
    await Promise.resolve()
    assert.ok(!turn.spend(0))
    await nextTurn()
    for (let i = 0; i < 1000; i++) assert.ok(turn.spend(0))
    assert.ok(!turn.spend(0))
  })

  test('has room for 4 MiB', async () => {
    const turn = new LoopTurn()
    for (let i = 0; i < 4; i++) assert.ok(turn.spend(mebibyte))
    assert.ok(!turn.spend(1))
    await nextTurn()
    assert.ok(turn.spend(1))
  })

  test('has room for one body of any size', () => {
    const turn = new LoopTurn()
    assert.ok(turn.spend(2 ** 40))
    assert.ok(!turn.spend(1))
  })

  test('calls back in the next one, in order, and never at once', async () => {
    const turn = new LoopTurn()
    const seen: number[] = []
    turn.spend(1)
    turn.next(() => seen.push(1))
    turn.next(() => seen.push(2))
    await Promise.resolve()
    assert.deepEqual(seen, [])
    await nextTurn()
    assert.deepEqual(seen, [1, 2])
  })

  test('calls back where nothing was spent', async () => {
    let called = false
    new LoopTurn().next(() => (called = true))
    await nextTurn()
    await nextTurn()
    assert.ok(called)
  })

  test('who is called back may ask for the turn after', async () => {
    const turn = new LoopTurn()
    const seen: string[] = []
    turn.next(() => {
      seen.push('first')
      turn.next(() => seen.push('second'))
    })
    await nextTurn()
    await nextTurn()
    assert.ok(seen.includes('first'))
    await nextTurn()
    assert.deepEqual(seen, ['first', 'second'])
  })
})
