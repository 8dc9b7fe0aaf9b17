import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { budget, hang, hangOnce, setUp } from './guard-with-clock.ts'

const failure = new Error('disk on fire')

describe('after something hung', () => {
  test('the storage rests: it is not asked, and the fallback comes at once', async (t) => {
    const { guard, reports, pass } = setUp(t)
    await hangOnce(guard, pass)
    assert.ok(!guard.available)
    const ask = t.mock.fn(() => 5)
    assert.equal(guard.read('read', ask, 0), 0)
    assert.equal(ask.mock.callCount(), 0)
    assert.equal(reports.length, 1)
  })

  test('it is asked again after a second, and recovers', async (t) => {
    const { guard, reports, pass } = setUp(t)
    await hangOnce(guard, pass)
    await pass(999)
    assert.ok(!guard.available)
    await pass(1)
    assert.ok(guard.available)
    assert.equal(
      guard.read('read', () => 5, 0),
      5,
    )
    // Another outage, not the same once more.
    await pass(5 * budget)
    await hangOnce(guard, pass)
    assert.equal(reports.length, 2)
    // As short as the first time.
    await pass(1_000)
    assert.ok(guard.available)
  })

  test('each further time it rests twice as long, half a minute at the most', async (t) => {
    const { guard, reports, pass } = setUp(t)
    for (const rest of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      await hangOnce(guard, pass)
      await pass(rest - 1)
      assert.ok(!guard.available, `rests for ${rest} ms`)
      await pass(1)
      assert.ok(guard.available, `rests for ${rest} ms, no longer`)
    }
    assert.equal(reports.length, 1)
  })

  test('many that hang together rest once', async (t) => {
    const { guard, reports, pass } = setUp(t)
    const answers = Array.from({ length: 10 }, async () => guard.read('read', hang, 0))
    await pass(budget)
    assert.deepEqual(await Promise.all(answers), Array<number>(10).fill(0))
    assert.equal(reports.length, 1)
    await pass(1_000)
    assert.ok(guard.available)
  })

  test('an answer that comes late is not used, but ends the rest', async (t) => {
    const { guard, reports, pass } = setUp(t)
    const late = Promise.withResolvers<number>()
    const answer = guard.read('read', () => late.promise, 0)
    await pass(budget)
    late.resolve(5)
    assert.equal(await answer, 0)
    await nextTurn()
    assert.ok(guard.available)
    assert.equal(reports.length, 1)
  })

  test('an error that comes late is not told again', async (t) => {
    const { guard, reports, pass } = setUp(t)
    const late = Promise.withResolvers<number>()
    void guard.read('read', () => late.promise, 0)
    await pass(budget)
    late.reject(failure)
    await nextTurn()
    assert.equal(reports.length, 1)
    assert.ok(!guard.available)
  })
})
