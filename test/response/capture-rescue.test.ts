import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Downstream } from '../../lib/response/downstream.ts'
import { RecordingHandler } from './recording-handler.ts'
import { setUp, setUpStoring, type Setting } from './set-up-capture.ts'

const failure = new Error('other side closed')
const reason = new Error('changed my mind')

function rescue(down: Downstream): void {
  down.head(200, [], {}, 'Rescued')
  down.end({}, [])
}

function rescuing(): Setting {
  const setting = setUpStoring()
  setting.owner.instead = rescue
  return setting
}

const rescued = ['start', 'head 200 Rescued', 'end']

describe('an origin that fails', () => {
  test('before its head is made good', () => {
    const { handler, owner, origin } = rescuing()
    origin.start()
    origin.head(103)
    origin.abort(failure)
    assert.deepEqual(handler.events, ['start', 'head 103 Text', ...rescued.slice(1)])
    assert.deepEqual(owner.failures, [failure])
    assert.deepEqual(owner.events, ['done'])
  })

  test('before there is a connection is made good', () => {
    const { handler, capture } = rescuing()
    capture.onResponseError(null, failure)
    assert.deepEqual(handler.events, rescued)
  })

  test('is told where nothing makes it good', () => {
    const { handler, owner, origin } = setUp()
    origin.start()
    origin.abort(failure)
    assert.deepEqual(owner.failures, [failure])
    assert.deepEqual(handler.events, ['start', 'error other side closed'])
  })

  test('while its answer is being replaced is made good', () => {
    const { handler, owner, origin } = rescuing()
    owner.verdict = { notes: [], instead: () => assert.fail('is not complete') }
    origin.start()
    origin.head(304)
    origin.abort(failure)
    assert.deepEqual(handler.events, rescued)
  })

  test('after its head is not: the caller has begun to read', () => {
    const { handler, owner, origin } = rescuing()
    origin.start()
    origin.head(200)
    origin.abort(failure)
    assert.deepEqual(owner.failures, [])
    assert.deepEqual(handler.events, ['start', 'head 200 Text', 'error other side closed'])
  })

  test('because the caller has left is not', () => {
    for (const outlives of [false, true]) {
      const { handler, down, owner, origin } = rescuing()
      owner.outlives = outlives
      origin.start()
      down.abort(reason)
      if (outlives) origin.abort(failure)
      assert.deepEqual(owner.failures, [])
      assert.deepEqual(handler.events, ['start', 'error changed my mind'])
    }
  })
})

describe('a response that is replaced at once', () => {
  const atOnce = { notes: [], instead: rescue, atOnce: true } as const

  test('is read to its end, and nobody gets it', () => {
    const { handler, owner, origin } = setUp()
    owner.verdict = atOnce
    origin.start()
    origin.head(503)
    assert.deepEqual(handler.events, rescued)
    origin.data('sorry')
    origin.end()
    assert.deepEqual(handler.events, rescued)
    assert.deepEqual(origin.calls, [])
    assert.deepEqual(owner.events, ['done'])
  })

  test('is called off where it is long', () => {
    const { handler, owner, origin } = setUp()
    owner.verdict = atOnce
    origin.start()
    origin.head(503)
    origin.data(Buffer.alloc(65_536))
    assert.deepEqual(origin.calls, [])
    origin.data('x')
    assert.equal(origin.calls.length, 1)
    assert.deepEqual(handler.events, rescued)
    assert.deepEqual(owner.failures, [])
  })

  test('may fail afterwards', () => {
    const { handler, owner, origin } = setUp()
    owner.verdict = atOnce
    owner.instead = () => assert.fail('has been made good')
    origin.start()
    origin.head(503)
    origin.abort(failure)
    assert.deepEqual(handler.events, rescued)
    assert.deepEqual(owner.events, ['done'])
  })

  test('is no affair of the network’s any more: an abort is told at once', () => {
    const { handler, owner, origin } = setUp(
      new RecordingHandler({ head: (controller) => controller.abort(reason) }),
    )
    owner.verdict = { ...atOnce, instead: (down) => down.head(200, [], {}, '') }
    origin.start()
    origin.head(503)
    assert.deepEqual(handler.errors, [reason])
    assert.deepEqual(origin.calls, [])
    origin.end()
  })

  test('for nobody, where the caller has left', () => {
    const { handler, down, owner, origin } = setUp()
    owner.outlives = true
    owner.verdict = { ...atOnce, instead: () => assert.fail('nobody is there') }
    origin.start()
    down.abort(reason)
    origin.head(503)
    origin.data('sorry')
    origin.end()
    assert.deepEqual(handler.events, ['start', 'error changed my mind'])
    assert.deepEqual(owner.events, ['done'])
  })
})
