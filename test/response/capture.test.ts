import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { describe, test } from 'node:test'
import type { Verdict } from '../../lib/response/capture.ts'
import type { Downstream } from '../../lib/response/downstream.ts'
import { RecordingHandler } from './recording-handler.ts'
import { setUp, setUpStoring } from './set-up-capture.ts'

const failure = new Error('other side closed')

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

describe('a response in the place of another', () => {
  test('is no affair of the network’s any more: an abort is told at once', () => {
    const reason = new Error('changed my mind')
    const { handler, owner, origin } = setUp(
      new RecordingHandler({ head: (controller) => controller.abort(reason) }),
    )
    owner.verdict = { notes: [], instead: (down) => down.head(200, [], {}, '') }
    origin.start()
    origin.head(304)
    origin.end()
    assert.deepEqual(handler.errors, [reason])
    assert.deepEqual(origin.calls, [])
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
