import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { LoopTurn, paced } from '../lib/loop-turn.ts'

const mebibyte = 2 ** 20

describe('a turn of the event loop', () => {
  test('has room for a thousand small replays', async () => {
    const turn = new LoopTurn(() => 0)
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
    const turn = new LoopTurn(() => 0)
    for (let i = 0; i < 4; i++) assert.ok(turn.spend(mebibyte))
    assert.ok(!turn.spend(1))
    await nextTurn()
    assert.ok(turn.spend(1))
  })

  test('has room for one body of any size', () => {
    const turn = new LoopTurn(() => 0)
    assert.ok(turn.spend(2 ** 40))
    assert.ok(!turn.spend(1))
  })

  test('calls back in the next one, in order, and never at once', async () => {
    const turn = new LoopTurn(() => 0)
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
    const turn = new LoopTurn(() => 0)
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

  test('is over when it has taken 6 ms, whatever was done in them', async () => {
    let now = 0
    const turn = new LoopTurn(() => now)
    assert.equal(turn.pause(), undefined)
    now = 5.9
    assert.equal(turn.pause(), undefined)
    assert.ok(!turn.isOver)
    now = 6
    const pause = turn.pause()
    assert.ok(pause !== undefined)
    assert.ok(turn.isOver)
    assert.ok(!turn.spend(1))
    await pause
    assert.equal(turn.pause(), undefined)
  })

  test('looks at the time for small replays, too', async () => {
    let now = 0
    const turn = new LoopTurn(() => (now += 0.5))
    let replays = 0
    while (turn.spend(1)) replays++
    assert.ok(replays < 1000, `${replays} replays`)
    await nextTurn()
    assert.ok(turn.spend(1))
  })

  test('lets those who wait go on within the budget of the next one, in order', async () => {
    let now = 0
    const turn = new LoopTurn(() => now)
    const turns: number[] = []
    let nth = 0
    const each = (step: number) => (): void => {
      turns.push(nth)
      now += step
    }
    for (let i = 0; i < 5; i++) turn.next(each(3))
    for (let i = 0; i < 5; i++) turn.next(each(0), 2 * mebibyte)
    while (turns.length < 10) {
      await nextTurn()
      nth++
    }
    // 3 ms each: two a turn; then 4 MiB a turn.
    assert.deepEqual(
      turns.map((turned) => turned - turns[0]!),
      [0, 0, 1, 1, 2, 2, 2, 3, 3, 4],
    )
  })
})

test('paced: gives everything, and lets the loop turn', async () => {
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const begin = performance.now()
  const busy = function* (): Generator<number> {
    for (let i = 0; i < 100; i++) {
      const until = performance.now() + 1
      while (performance.now() < until);
      yield i
    }
  }
  const seen = await Array.fromAsync(paced(busy()))
  clearInterval(counting)
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, index) => index),
  )
  assert.ok(performance.now() - begin > 99)
  assert.ok(turns >= 5, `${turns} turns`)
})
