/** A sink that is behind has the origin wait, whatever the caller does meanwhile. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { RecordingHandler } from './recording-handler.ts'
import { setUpStoring, type Setting } from './set-up-capture.ts'

interface Behind extends Setting {
  /** Lets the sink catch up. */
  readonly catchUp: () => Promise<void>
}

function begin(): Behind {
  const setting = setUpStoring(new RecordingHandler())
  const { promise, resolve } = Promise.withResolvers<void>()
  setting.origin.start()
  setting.origin.head(200)
  setting.owner.behind = promise
  setting.origin.data('a')
  setting.owner.behind = undefined
  return {
    ...setting,
    async catchUp() {
      resolve()
      await nextTurn()
    },
  }
}

// More than may run ahead of a caller that does not read.
const much = Buffer.alloc(2 ** 20, 'b')

describe('a sink that is behind', () => {
  test('has the origin wait until it has caught up; the caller has its chunk', async () => {
    const { origin, handler, catchUp } = begin()
    assert.deepEqual([origin.calls, handler.events.at(-1)], [['pause'], 'a'])
    await catchUp()
    assert.deepEqual(origin.calls, ['pause', 'resume'])
    origin.data('c')
    origin.end()
    assert.deepEqual(handler.events.slice(2, 4), ['a', 'c'])
  })

  test('that catches up does not wake an origin that waits for the caller', async () => {
    const { origin, down, catchUp } = begin()
    down.pause()
    origin.data(much)
    assert.deepEqual(origin.calls, ['pause'])
    await catchUp()
    assert.deepEqual(origin.calls, ['pause'])
    down.resume()
    assert.deepEqual(origin.calls, ['pause', 'resume'])
  })

  test('still has it wait when the caller reads again', async () => {
    const { origin, down, catchUp } = begin()
    down.pause()
    origin.data(much)
    down.resume()
    assert.deepEqual(origin.calls, ['pause'])
    await catchUp()
    assert.deepEqual(origin.calls, ['pause', 'resume'])
  })

  test('still has it wait when the caller leaves', async () => {
    const { origin, down, owner, catchUp } = begin()
    owner.outlives = true
    down.abort(new Error('changed my mind'))
    assert.deepEqual(origin.calls, ['pause'])
    await catchUp()
    assert.deepEqual(origin.calls, ['pause', 'resume'])
  })

  test('wakes nobody where the response has ended', async () => {
    const { origin, catchUp } = begin()
    origin.end()
    await catchUp()
    assert.deepEqual(origin.calls, ['pause'])
  })
})
