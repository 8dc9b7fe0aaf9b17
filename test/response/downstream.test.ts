import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Downstream } from '../../lib/response/downstream.ts'
import { asHandler, type Handler } from '../../lib/response/handler.ts'
import { begin, respond } from './begin.ts'
import { RecordingHandler } from './recording-handler.ts'
import { RecordingUpstream } from './recording-upstream.ts'

const failure = new Error('failed')
const reason = new Error('changed my mind')

describe('a handler', () => {
  test('is told everything in order', () => {
    const handler = new RecordingHandler()
    const { down, upstream } = begin(handler)
    down.informational(103, [], {}, '')
    down.head(200, [], {}, 'OK')
    down.data(Buffer.from('a'))
    down.data(Buffer.from('b'))
    upstream.complete = true
    down.end({ t: '1' }, ['T', '1'])
    assert.deepEqual(handler.events, ['start', 'head 103', 'head 200 OK', 'a', 'b', 'end t'])
    assert.equal(handler.controller, down)
    assert.deepEqual(down.rawTrailers, ['T', '1'])
    assert.ok(down.ended)
    assert.ok(!down.aborted)
  })

  test('starts once, whatever is started below', () => {
    const handler = new RecordingHandler()
    const down = new Downstream(handler)
    down.start()
    down.start()
    down.head(200, [], {}, '')
    assert.deepEqual(handler.events, ['start', 'head 200'])
  })

  test('starts before its head and before its error', () => {
    const handler = new RecordingHandler()
    new Downstream(handler).head(200, [], {}, '')
    assert.deepEqual(handler.events, ['start', 'head 200'])
    const failed = new RecordingHandler()
    new Downstream(failed).error(failure)
    assert.deepEqual(failed.events, ['start', 'error failed'])
  })

  test('ends once', () => {
    const handler = new RecordingHandler()
    const { down } = begin(handler)
    respond({ down, upstream: new RecordingUpstream(down) })
    const { length } = handler.events
    down.end({}, [])
    down.error(failure)
    down.abort(reason)
    down.head(200, [], {}, '')
    down.informational(103, [], {}, '')
    down.data(Buffer.from('late'))
    assert.equal(handler.events.length, length)
  })

  test('fails once', () => {
    const handler = new RecordingHandler()
    const { down } = begin(handler)
    down.error(failure)
    down.error(failure)
    down.end({}, [])
    assert.deepEqual(handler.events, ['start', 'error failed'])
  })

  test('finds what is known in its context when it starts', () => {
    const handler = new RecordingHandler()
    const down = new Downstream(handler)
    down.context['cache'] = 'info'
    down.start()
    assert.deepEqual(handler.context, { cache: 'info' })
  })

  test('gets raw header fields with its head', () => {
    const handler = new RecordingHandler({
      head: (controller) => assert.deepEqual(controller.rawHeaders, ['A', '1']),
    })
    begin(handler).down.head(200, ['A', '1'], { a: '1' }, '')
    assert.deepEqual(handler.errors, [])
    assert.deepEqual(handler.headers, { a: '1' })
  })
})

describe('an abort', () => {
  test('before anything: one error', () => {
    const handler = new RecordingHandler()
    const down = new Downstream(handler)
    down.abort(reason)
    assert.deepEqual(handler.events, ['start', 'error changed my mind'])
    assert.equal(down.reason, reason)
  })

  test('in onRequestStart, with nothing below yet: one error, and no head', () => {
    const handler = new RecordingHandler({ start: (controller) => controller.abort(reason) })
    const down = new Downstream(handler)
    down.start()
    const upstream = new RecordingUpstream(down)
    down.attach(upstream)
    respond({ down, upstream })
    assert.deepEqual(handler.events, ['start', 'error changed my mind'])
    // What is attached later learns of it.
    assert.deepEqual(upstream.calls, ['abort changed my mind'])
  })

  for (const callback of ['head', 'data'] as const) {
    test(`in the ${callback}: passed on, one error`, () => {
      const handler = new RecordingHandler({
        [callback]: (controller: Downstream) => controller.abort(reason),
      })
      const started = begin(handler)
      respond(started, 'a', 'b')
      assert.deepEqual(handler.errors, [reason])
      assert.equal(handler.events.at(-1), 'error changed my mind')
      assert.deepEqual(started.upstream.calls, ['abort changed my mind'])
    })
  }

  test('twice: one error', () => {
    const handler = new RecordingHandler()
    const { down, upstream } = begin(handler)
    down.abort(reason)
    down.abort(failure)
    assert.deepEqual(handler.errors, [reason])
    assert.deepEqual(upstream.calls, ['abort changed my mind'])
  })

  test('after the end: nothing', () => {
    const handler = new RecordingHandler()
    const started = begin(handler)
    respond(started)
    started.down.abort(reason)
    assert.deepEqual(handler.errors, [])
    assert.ok(!started.down.aborted)
  })

  test('after the network has ended, with chunks still queued: one error, and no chunk', () => {
    const handler = new RecordingHandler()
    const started = begin(handler, true)
    started.down.pause()
    respond(started, 'a')
    started.down.abort(reason)
    started.down.resume()
    assert.deepEqual(handler.events, ['start', 'head 200 OK', 'error changed my mind'])
  })

  test('where what was below has been detached: one error', () => {
    const handler = new RecordingHandler()
    const { down, upstream } = begin(handler)
    down.detach()
    down.abort(reason)
    assert.deepEqual(handler.errors, [reason])
    assert.deepEqual(upstream.calls, [])
  })
})

describe('a handler that throws', () => {
  for (const callback of ['start', 'head', 'data', 'end'] as const) {
    const broken = (): RecordingHandler =>
      new RecordingHandler({
        [callback]: () => {
          throw failure
        },
      })

    test(`in the ${callback}, over a network: one error`, () => {
      const handler = broken()
      respond(begin(handler), 'a', 'b')
      assert.deepEqual(handler.errors, [failure])
      assert.equal(handler.events.at(-1), 'error failed')
    })

    test(`in the ${callback}, over an entry: one error`, () => {
      const handler = broken()
      const down = new Downstream(handler)
      down.head(200, [], {}, '')
      down.data(Buffer.from('a'))
      down.data(Buffer.from('b'))
      down.end({}, [])
      assert.deepEqual(handler.errors, [failure])
      assert.equal(handler.events.at(-1), 'error failed')
    })
  }

  test('at a chunk that was queued, when the network has ended: one error', () => {
    const handler = new RecordingHandler({
      data() {
        throw failure
      },
    })
    const started = begin(handler, true)
    started.down.pause()
    respond(started, 'a', 'b')
    started.down.resume()
    assert.deepEqual(handler.events, ['start', 'head 200 OK', 'a', 'error failed'])
  })

  test('after it has aborted: one error', () => {
    const handler = new RecordingHandler({
      data(controller) {
        controller.abort(reason)
        throw failure
      },
    })
    respond(begin(handler), 'a', 'b')
    assert.deepEqual(handler.errors, [reason])
  })
})

describe('a handler that knows onHeaders', () => {
  test('gets Buffers of all header lines instead of a head', () => {
    const heads: unknown[] = []
    const handler: Handler = {
      onRequestStart() {},
      onHeaders: (status, raw, _resume, text) => {
        heads.push([status, raw.map((part) => part.toString('latin1')), text])
        return true
      },
      onResponseStart: () => assert.fail('both generations'),
    }
    begin(handler).down.head(200, ['A', 'é', 'a', '2'], {}, 'OK')
    assert.deepEqual(heads, [[200, ['A', 'é', 'a', '2'], 'OK']])
  })

  test('pauses by false, and goes on by the function it is given', () => {
    let resume = (): void => {}
    const data: string[] = []
    const legacy = asHandler({
      onHeaders: (_status: number, _raw: Buffer[], given: () => void) => {
        resume = given
        return false
      },
      onData: (chunk: Buffer) => data.push(chunk.toString()),
      onComplete: () => data.push('complete'),
    })
    const started = begin(legacy)
    respond(started, 'a', 'b')
    assert.deepEqual(data, [])
    assert.deepEqual(started.upstream.calls, ['pause'])
    resume()
    assert.deepEqual(data, ['a', 'b', 'complete'])
  })

  test('does not pause by false at what is informational', () => {
    const { down, upstream } = begin(asHandler({ onHeaders: () => false }))
    down.informational(103, [], {}, '')
    assert.ok(!down.paused)
    assert.deepEqual(upstream.calls, [])
  })
})
