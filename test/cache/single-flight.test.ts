import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Flights } from '../../lib/cache/single-flight.ts'

describe('a flight', () => {
  test('is found under its key until it has landed', () => {
    const flights = new Flights()
    assert.equal(flights.get('a'), undefined)
    const flight = flights.lead('a', 5_000)
    assert.equal(flights.get('a'), flight)
    assert.equal(flights.get('b'), undefined)
    flight.land()
    assert.equal(flights.get('a'), undefined)
  })

  test('lets those go on who wait, in their order, and never at once', async () => {
    const flights = new Flights()
    const flight = flights.lead('a', 5_000)
    const seen: string[] = []
    flight.join(() => seen.push('first'))
    flight.join(() => seen.push('second'))
    flight.land()
    assert.deepEqual(seen, [])
    await nextTurn()
    assert.deepEqual(seen, ['first', 'second'])
  })

  test('lands once', async () => {
    const flight = new Flights().lead('a', 5_000)
    let called = 0
    flight.join(() => called++)
    flight.land()
    flight.land()
    await nextTurn()
    assert.equal(called, 1)
  })

  test('that lands again does not end its successor', () => {
    const flights = new Flights()
    const first = flights.lead('a', 5_000)
    first.land()
    const second = flights.lead('a', 5_000)
    first.land()
    assert.equal(flights.get('a'), second)
  })

  test('has landed when the first goes on: who comes then leads', async () => {
    const flights = new Flights()
    const flight = flights.lead('a', 5_000)
    let seen: unknown = 'not called'
    flight.join(() => (seen = flights.get('a')))
    flight.land()
    await nextTurn()
    assert.equal(seen, undefined)
  })

  test('knows whether anybody waits', () => {
    const flight = new Flights().lead('a', 5_000)
    assert.ok(!flight.awaited)
    flight.join(() => {})
    assert.ok(flight.awaited)
    flight.land()
    assert.ok(!flight.awaited)
  })

  test('is not held up by one who throws', async (t) => {
    const flight = new Flights().lead('a', 5_000)
    const failure = new Error('a handler throws')
    const uncaught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => uncaught.push(error))
    t.after(() => listeners.forEach((listener) => process.on('uncaughtException', listener)))
    let called = false
    flight.join(() => {
      throw failure
    })
    flight.join(() => (called = true))
    flight.land()
    await nextTurn()
    assert.ok(called)
    assert.deepEqual(uncaught, [failure])
  })
})
