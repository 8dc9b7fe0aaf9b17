import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import { Capture, type Verdict } from '../../lib/response/capture.ts'
import { Downstream } from '../../lib/response/downstream.ts'
import { OriginSide, RecordingOwner } from './origin-side.ts'
import { RecordingHandler } from './recording-handler.ts'

const reason = new Error('changed my mind')
const failure = new Error('other side closed')

interface Setting {
  readonly handler: RecordingHandler
  readonly down: Downstream
  readonly owner: RecordingOwner
  readonly capture: Capture
  readonly origin: OriginSide
}

function setUp(handler = new RecordingHandler()): Setting {
  const down = new Downstream(handler)
  const owner = new RecordingOwner()
  const capture = new Capture(down, owner)
  return { handler, down, owner, capture, origin: new OriginSide(capture) }
}

/** One whose responses are stored. */
function setUpStoring(handler?: RecordingHandler): Setting {
  const setting = setUp(handler)
  setting.owner.verdict = { sink: setting.owner.sink, notes: [] }
  return setting
}

describe('a response', () => {
  test('goes to the caller and to the sink', () => {
    const { handler, owner, origin } = setUpStoring()
    origin.start()
    origin.head(200, { A: '1' })
    origin.data('a')
    origin.data('b')
    origin.end({ t: '1' })
    assert.deepEqual(handler.events, ['start', 'head 200 Text', 'a', 'b', 'end t'])
    assert.deepEqual(owner.events, ['sink a', 'sink b', 'sink endst 1', 'done'])
    assert.deepEqual(owner.heads, [[200, { A: '1' }, ['A', '1'], 'Text']])
  })

  test('is whole in the sink before the caller is told of its end', () => {
    const seen: string[] = []
    const { owner, origin } = setUpStoring(
      new RecordingHandler({ end: () => seen.push(...owner.events) }),
    )
    origin.start()
    origin.head(200)
    origin.end()
    assert.deepEqual(seen, ['sink ends', 'done'])
  })

  test('without a sink goes to the caller alone', () => {
    const { handler, owner, origin } = setUp()
    origin.start()
    origin.head(404)
    origin.data('a')
    origin.end()
    assert.deepEqual(handler.events, ['start', 'head 404 Text', 'a', 'end'])
    assert.deepEqual(owner.events, ['done'])
  })

  test('that is informational is passed on, and judged by nobody', () => {
    const { handler, owner, origin } = setUpStoring()
    origin.start()
    origin.head(103, { link: 'x' })
    origin.head(100)
    assert.deepEqual(owner.heads, [])
    origin.head(200)
    origin.data('a')
    origin.end()
    assert.deepEqual(handler.events, [
      'start',
      'head 103 Text',
      'head 100 Text',
      'head 200 Text',
      'a',
      'end',
    ])
    assert.equal(owner.heads.length, 1)
  })

  test('gets notes in both forms of its header fields, and its own objects stay as they are', () => {
    const handler = new RecordingHandler()
    const { down, owner, origin } = setUp(handler)
    owner.verdict = { notes: ['cache-status', 'mine', 'a', '2'] }
    const headers = { a: '1' }
    origin.start()
    origin.head(200, headers)
    assert.deepEqual(handler.headers, { a: ['1', '2'], 'cache-status': 'mine' })
    const raw = down.rawHeaders as Buffer[]
    assert.ok(raw.every((part) => Buffer.isBuffer(part)))
    assert.deepEqual(raw.map(String), ['a', '1', 'cache-status', 'mine', 'a', '2'])
    assert.deepEqual(headers, { a: '1' })
    assert.equal((origin.rawHeaders as Buffer[]).length, 2)
  })

  test('of HTTP/2 gets notes in the object that is both', () => {
    const handler = new RecordingHandler()
    const { down, owner, capture, origin } = setUp(handler)
    owner.verdict = { notes: ['cache-status', 'mine'] }
    origin.start()
    const headers = Object.freeze({ a: '1' })
    origin.rawHeaders = headers
    capture.onResponseStart(origin, 200, headers, '')
    assert.deepEqual(down.rawHeaders, { a: '1', 'cache-status': 'mine' })
    assert.deepEqual(handler.headers, { a: '1', 'cache-status': 'mine' })
  })

  test('may be replaced by another when it has ended', () => {
    const { handler, owner, origin } = setUp()
    const instead = (down: Downstream): void => {
      down.head(200, [], {}, 'Replayed')
      down.end({}, [])
    }
    owner.verdict = { notes: [], instead } satisfies Verdict
    origin.start()
    origin.head(304)
    origin.data('of no use')
    assert.deepEqual(handler.events, ['start'])
    origin.end()
    assert.deepEqual(handler.events, ['start', 'head 200 Replayed', 'end'])
    assert.deepEqual(owner.events, ['done'])
  })
})

describe('a response that fails', () => {
  test('is told to the caller and to the sink, once', () => {
    const { handler, owner, origin } = setUpStoring()
    origin.start()
    origin.head(200)
    origin.data('a')
    origin.abort(failure)
    assert.deepEqual(handler.events, ['start', 'head 200 Text', 'a', 'error other side closed'])
    assert.deepEqual(owner.events, ['sink a', 'sink aborts', 'done'])
  })

  test('before there is a controller', () => {
    const { handler, owner, capture } = setUpStoring()
    capture.onResponseError(null, failure)
    assert.deepEqual(handler.events, ['start', 'error other side closed'])
    assert.deepEqual(owner.events, ['done'])
  })

  test('while it should have been replaced', () => {
    const { handler, owner, origin } = setUp()
    owner.verdict = { notes: [], instead: () => assert.fail('is not complete') }
    origin.start()
    origin.head(304)
    origin.abort(failure)
    assert.deepEqual(handler.events, ['start', 'error other side closed'])
  })

  test('and is tried again below begins anew', () => {
    const { handler, owner, origin } = setUpStoring()
    origin.start()
    origin.head(500)
    origin.data('half')
    origin.start()
    origin.head(200)
    origin.end()
    assert.deepEqual(owner.events, ['sink half', 'sink aborts', 'sink ends', 'done'])
    assert.equal(handler.events.filter((event) => event === 'start').length, 1)
  })

  test('by an upgrade that nobody asked for', () => {
    const { handler, capture, origin } = setUp()
    const socket = new PassThrough()
    origin.start()
    capture.onRequestUpgrade(origin, 101, {}, socket)
    assert.ok(socket.destroyed)
    assert.deepEqual(handler.events, ['start', 'error unexpected upgrade (101)'])
  })
})

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

describe('facts of the request', () => {
  test('the context of what is below is handed up', () => {
    const { handler, owner, origin } = setUp()
    const history = [new URL('http://a/')]
    origin.start({ history, other: 1 })
    assert.deepEqual(handler.context, { history, other: 1 })
    assert.equal(owner.history, history)
  })

  test('no context is none', () => {
    for (const context of [null, undefined]) {
      const { handler, owner, origin } = setUp()
      origin.start(context)
      assert.deepEqual(handler.context, {})
      assert.equal(owner.history, undefined)
    }
  })

  test('what a handler may be told of sending is passed on', () => {
    const told: unknown[] = []
    const handler = Object.assign(new RecordingHandler(), {
      onBodySent: (...args: unknown[]) => told.push(args),
      onRequestSent: () => told.push('sent'),
      onResponseStarted: () => told.push('started'),
    })
    const { capture, origin } = setUp(handler)
    origin.start()
    capture.onBodySent(Buffer.from('x'), 1)
    capture.onRequestSent()
    capture.onResponseStarted()
    assert.deepEqual(told, [[Buffer.from('x'), 1], 'sent', 'started'])
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
