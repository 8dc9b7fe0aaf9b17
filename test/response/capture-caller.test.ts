import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RecordingHandler } from './recording-handler.ts'
import { setUp, setUpStoring } from './set-up-capture.ts'

const reason = new Error('changed my mind')
const failure = new Error('other side closed')

describe('a caller that leaves', () => {
  test('ends the response, where nobody else waits for it', () => {
    const { handler, down, owner, origin } = setUpStoring()
    origin.start()
    origin.head(200)
    down.abort(reason)
    assert.deepEqual(origin.calls, ['abort changed my mind'])
    assert.deepEqual(handler.events, ['start', 'head 200 Text', 'error changed my mind'])
    assert.deepEqual(owner.events, ['sink aborts', 'done'])
  })

  test('does not end it, where somebody does', () => {
    const { handler, down, owner, origin } = setUpStoring()
    owner.outlives = true
    origin.start()
    origin.head(200)
    origin.data('a')
    down.abort(reason)
    assert.deepEqual(handler.events, ['start', 'head 200 Text', 'a', 'error changed my mind'])
    // A network that was paused for this caller goes on.
    assert.deepEqual(origin.calls, ['resume'])
    origin.data('b')
    origin.end()
    assert.deepEqual(owner.events, ['sink a', 'sink b', 'sink ends', 'done'])
    assert.equal(handler.events.length, 4)
  })

  test('before the head arrives does not keep it from being judged', () => {
    const { handler, down, owner, origin } = setUpStoring()
    owner.outlives = true
    origin.start()
    down.abort(reason)
    origin.head(103)
    origin.head(200)
    origin.data('a')
    origin.end()
    assert.deepEqual(handler.events, ['start', 'error changed my mind'])
    assert.deepEqual(owner.events, ['sink a', 'sink ends', 'done'])
  })

  test('is told nothing of what fails afterwards', () => {
    const { handler, down, owner, origin } = setUpStoring()
    owner.outlives = true
    origin.start()
    origin.head(200)
    down.abort(reason)
    origin.abort(failure)
    assert.deepEqual(handler.errors, [reason])
    assert.deepEqual(owner.events, ['sink aborts', 'done'])
  })

  for (const outlives of [false, true]) {
    test(`in onRequestStart, while ${outlives ? 'others wait' : 'nobody waits'}`, () => {
      const { handler, owner, origin } = setUpStoring(
        new RecordingHandler({ start: (controller) => controller.abort(reason) }),
      )
      owner.outlives = outlives
      origin.start()
      assert.deepEqual(handler.events, ['start', 'error changed my mind'])
      assert.deepEqual(origin.calls, outlives ? [] : ['abort changed my mind'])
    })

    test(`before the request is sent, while ${outlives ? 'others wait' : 'nobody waits'}`, () => {
      const { handler, down, owner, origin } = setUpStoring()
      owner.outlives = outlives
      down.start()
      down.abort(reason)
      origin.start()
      assert.deepEqual(handler.events, ['start', 'error changed my mind'])
      assert.deepEqual(origin.calls, outlives ? [] : ['abort changed my mind'])
    })
  }
})

describe('a caller that stops reading', () => {
  const chunk = Buffer.alloc(2 ** 18)

  test('holds a response up at once that is not stored', () => {
    const { down, owner, origin } = setUp()
    origin.start()
    origin.head(200)
    down.pause()
    origin.data('a')
    assert.deepEqual(origin.calls, ['pause'])
    assert.deepEqual(owner.events, ['stalled'])
    down.resume()
    assert.deepEqual(origin.calls, ['pause', 'resume'])
  })

  test('lets a response run 1 MiB ahead that is stored', () => {
    const { handler, down, owner, origin } = setUpStoring()
    origin.start()
    origin.head(200)
    down.pause()
    for (let i = 0; i < 3; i++) origin.data(chunk)
    assert.deepEqual(origin.calls, [])
    origin.data(chunk)
    assert.deepEqual(origin.calls, ['pause'])
    assert.equal(owner.events.filter((event) => event.startsWith('sink')).length, 4)
    assert.ok(owner.events.includes('stalled'))
    assert.equal(handler.chunks.length, 0)
    down.resume()
    assert.equal(handler.chunks.length, 4)
    assert.deepEqual(origin.calls, ['pause', 'resume'])
  })

  test('gets the rest of a response that has ended meanwhile', () => {
    const { handler, down, owner, origin } = setUpStoring()
    origin.start()
    origin.head(200)
    down.pause()
    origin.data('a')
    origin.end()
    assert.deepEqual(owner.events, ['sink a', 'sink ends', 'done'])
    assert.deepEqual(handler.events, ['start', 'head 200 Text'])
    down.resume()
    assert.deepEqual(handler.events.slice(2), ['a', 'end'])
  })
})

describe('a handler that throws', () => {
  for (const callback of ['start', 'head', 'data', 'end'] as const) {
    test(`in the ${callback}: one error, and nothing is stored that the caller did not get`, () => {
      const handler = new RecordingHandler({
        [callback]: () => {
          throw failure
        },
      })
      const { owner, origin } = setUpStoring(handler)
      origin.start()
      // undici delivers nothing after an abort.
      if (!origin.aborted) origin.head(200)
      if (!origin.aborted) origin.data('a')
      if (!origin.aborted) origin.end()
      assert.deepEqual(handler.errors, [failure])
      assert.equal(owner.events.includes('sink ends'), callback === 'end')
    })
  }
})
