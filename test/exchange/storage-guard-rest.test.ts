import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Guard } from '../../lib/exchange/storage-guard.ts'
import type { MaybePromise } from '../../lib/maybe-promise.ts'
import { budget, hang, hangOnce, setUp, type Setting } from './guard-with-clock.ts'

const failure = new Error('disk on fire')
const later = (answer: number): Promise<number> => Promise.resolve(answer)

/** Hangs as often as it takes for the storage to rest. */
async function hangToRest({ guard, pass }: Pick<Setting, 'guard' | 'pass'>): Promise<void> {
  for (let silence = 0; silence < 3; silence++) await hangOnce(guard, pass)
}

function settled(answers: readonly MaybePromise<number>[]): Promise<number[]> {
  return Promise.all(answers.map(async (answer) => answer))
}

/** Whether a read reaches the storage. */
async function isAsked(guard: Guard, answer = later): Promise<boolean> {
  let asked = false
  await guard.read('read', () => ((asked = true), answer(5)), 0)
  return asked
}

describe('a storage that is late', () => {
  test('once or twice in a row is asked all the same', async (t) => {
    const { guard, reports, pass } = setUp(t)
    for (let round = 0; round < 3; round++) {
      await hangOnce(guard, pass)
      await hangOnce(guard, pass)
      assert.ok(await isAsked(guard))
    }
    assert.equal(reports.length, 1)
  })

  test('has few who wait for it at a time: the others go on at once', async (t) => {
    const { guard, pass } = setUp(t)
    await hangOnce(guard, pass)
    const answers = Array.from({ length: 10 }, () => guard.read('read', hang, 0))
    assert.equal(answers.filter((answer) => answer === 0).length, 6)
    await pass(budget)
    assert.deepEqual(await settled(answers), Array<number>(10).fill(0))
  })

  test('is well again with an answer in time', async (t) => {
    const { guard, pass } = setUp(t)
    await hangOnce(guard, pass)
    assert.ok(await isAsked(guard))
    const answers = Array.from({ length: 10 }, () => guard.read('read', () => later(5), 0))
    assert.deepEqual(await settled(answers), Array<number>(10).fill(5))
  })

  test('with one answer of many is no storage that is late', async (t) => {
    const { guard, pass } = setUp(t)
    for (let round = 0; round < 5; round++) {
      const hanging = guard.read('read', hang, 0)
      await pass(budget - 1)
      assert.equal(await guard.read('read', () => later(5), 0), 5)
      await pass(1)
      assert.equal(await hanging, 0)
    }
    const all = Array.from({ length: 10 }, () => guard.read('read', () => later(5), 0))
    assert.deepEqual(await settled(all), Array<number>(10).fill(5))
  })

  test('for many at the same time is late once', async (t) => {
    const { guard, reports, pass } = setUp(t)
    const answers = Array.from({ length: 10 }, async () => guard.read('read', hang, 0))
    await pass(budget)
    assert.deepEqual(await settled(answers), Array<number>(10).fill(0))
    assert.equal(reports.length, 1)
    assert.ok(guard.available)
    assert.ok(await isAsked(guard))
  })
})

describe('a storage that is late again and again', () => {
  test('rests: it is not asked, and the fallback comes at once', async (t) => {
    const { guard, reports, pass } = setUp(t)
    await hangToRest({ guard, pass })
    assert.ok(!guard.available)
    const ask = t.mock.fn(() => 5)
    assert.equal(guard.read('read', ask, 0), 0)
    assert.equal(ask.mock.callCount(), 0)
    assert.equal(reports.length, 1)
  })

  test('is asked again after a second, by one; an answer in time ends the rest', async (t) => {
    const { guard, pass } = setUp(t)
    await hangToRest({ guard, pass })
    await pass(999)
    assert.ok(!guard.available)
    await pass(1)
    assert.ok(guard.available)
    const answer = Promise.withResolvers<number>()
    const probe = guard.read('read', () => answer.promise, 0)
    assert.ok(!(await isAsked(guard)), 'the others go to the origin')
    answer.resolve(5)
    assert.equal(await probe, 5)
    assert.ok(await isAsked(guard))
  })

  test('costs the one that asks a tenth of a second, and is asked a second later again', async (t) => {
    const { guard, reports, pass } = setUp(t, 1_000)
    await hangToRest({ guard, pass })
    for (let round = 0; round < 3; round++) {
      await pass(1_000)
      let answered = false
      const probe = guard.read('read', hang, 0)
      void Promise.resolve(probe).then(() => (answered = true))
      await pass(99)
      assert.ok(!answered)
      await pass(1)
      assert.ok(answered)
      await pass(900)
      assert.ok(!guard.available, 'it rests again')
    }
    assert.equal(reports.length, 1)
  })

  test('is used again when the probe is answered, though the one who asked has gone on', async (t) => {
    const { guard, pass } = setUp(t, 1_000)
    await hangToRest({ guard, pass })
    await pass(1_000)
    const answer = Promise.withResolvers<number>()
    const probe = guard.read('read', () => answer.promise, 0)
    await pass(500)
    assert.equal(await probe, 0)
    answer.resolve(5)
    await nextTurn()
    assert.ok(await isAsked(guard))
  })

  test('does not end its rest with an answer that came too late', async (t) => {
    const { guard, pass } = setUp(t)
    const late = Promise.withResolvers<number>()
    const answer = guard.read('read', () => late.promise, 0)
    await pass(budget)
    assert.equal(await answer, 0)
    await hangOnce(guard, pass)
    await hangOnce(guard, pass)
    late.resolve(5)
    await nextTurn()
    assert.ok(!guard.available)
  })

  test('is told of once, also where an error comes late', async (t) => {
    const { guard, reports, pass } = setUp(t)
    const late = Promise.withResolvers<number>()
    void guard.read('read', () => late.promise, 0)
    await pass(budget)
    late.reject(failure)
    await nextTurn()
    await hangOnce(guard, pass)
    await hangOnce(guard, pass)
    assert.equal(reports.length, 1)
    assert.ok(!guard.available)
  })

  test('is well when it says no: asking costs nothing', async (t) => {
    const { guard, pass } = setUp(t)
    await hangToRest({ guard, pass })
    await pass(1_000)
    await guard.read('read', () => Promise.reject(failure), 0)
    assert.ok(await isAsked(guard))
  })
})
