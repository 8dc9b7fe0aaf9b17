import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { runInNewContext } from 'node:vm'
import { chain, isPromise } from '../lib/maybe-promise.ts'

describe('isPromise', () => {
  const cases: [name: string, value: unknown, is: boolean][] = [
    ['a promise', Promise.resolve(), true],
    ['a promise of another realm', runInNewContext('Promise.resolve()'), true],
    ['undefined', undefined, false],
    ['null', null, false],
    ['a number', 5, false],
    ['an object with another then', JSON.parse('{"then":5}'), false],
  ]
  for (const [name, value, is] of cases) {
    test(`${name}: ${is}`, () => assert.equal(isPromise(value), is))
  }
})

describe('chain', () => {
  test('goes on at once with a value', () => {
    assert.equal(
      chain(5, (value) => value + 1),
      6,
    )
  })

  test('goes on later with a promise', async () => {
    const later = chain(Promise.resolve(5), (value) => value + 1)
    assert.ok(isPromise(later))
    assert.equal(await later, 6)
  })

  test('may go on to a promise', async () => {
    assert.equal(await chain(5, (value) => Promise.resolve(value + 1)), 6)
    assert.equal(await chain(Promise.resolve(5), (value) => Promise.resolve(value + 1)), 6)
  })

  test('does not go on with what failed', async () => {
    const failure = new Error('failed')
    await assert.rejects(
      async () => chain(Promise.reject(failure), () => assert.fail('went on')),
      failure,
    )
  })
})
