import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import type { Downstream } from '../../lib/response/downstream.ts'
import { begin, respond } from './begin.ts'
import { RecordingHandler } from './recording-handler.ts'

const failure = new Error('failed')

describe('a pause', () => {
  test('holds chunks and end back, in order', () => {
    const handler = new RecordingHandler()
    const started = begin(handler)
    started.down.pause()
    respond(started, 'a', 'b', 'c')
    assert.deepEqual(handler.events, ['start', 'head 200 OK'])
    started.down.resume()
    assert.deepEqual(handler.events.slice(2), ['a', 'b', 'c', 'end'])
  })

  test('without run-ahead pauses the network at the next chunk', () => {
    const { down, upstream } = begin(new RecordingHandler())
    down.head(200, [], {}, '')
    down.pause()
    down.data(Buffer.from('a'))
    down.data(Buffer.from('b'))
    assert.deepEqual(upstream.calls, ['pause'])
    down.resume()
    assert.deepEqual(upstream.calls, ['pause', 'resume'])
  })

  for (const callback of ['head', 'data'] as const) {
    test(`in the ${callback} pauses the network at once`, () => {
      const handler = new RecordingHandler({
        [callback]: (controller: Downstream) => controller.pause(),
      })
      const { down, upstream } = begin(handler)
      down.head(200, [], {}, '')
      if (callback === 'data') down.data(Buffer.from('a'))
      assert.deepEqual(upstream.calls, ['pause'])
    })
  }

  test('with run-ahead lets the network go on up to 1 MiB', () => {
    const handler = new RecordingHandler()
    const { down, upstream } = begin(handler, true)
    down.head(200, [], {}, '')
    down.pause()
    const chunk = Buffer.alloc(2 ** 18)
    for (let i = 0; i < 3; i++) down.data(chunk)
    assert.deepEqual(upstream.calls, [])
    down.data(chunk)
    assert.deepEqual(upstream.calls, ['pause'])
    down.resume()
    assert.deepEqual(upstream.calls, ['pause', 'resume'])
    assert.equal(handler.chunks.length, 4)
    // The room is free again.
    down.pause()
    for (let i = 0; i < 3; i++) down.data(chunk)
    assert.deepEqual(upstream.calls, ['pause', 'resume'])
  })

  test('again, while queued chunks are delivered, stops them', () => {
    const handler = new RecordingHandler({ data: (controller) => controller.pause() })
    const started = begin(handler, true)
    started.down.pause()
    respond(started, 'a', 'b')
    started.down.resume()
    assert.deepEqual(handler.events.slice(2), ['a'])
    started.down.resume()
    assert.deepEqual(handler.events.slice(2), ['a', 'b'])
    started.down.resume()
    assert.deepEqual(handler.events.slice(2), ['a', 'b', 'end'])
  })

  test('ended at once inside onResponseData changes no order', () => {
    const handler = new RecordingHandler({
      data(controller) {
        controller.pause()
        controller.resume()
      },
    })
    const started = begin(handler, true)
    respond(started, 'a', 'b')
    assert.deepEqual(handler.events.slice(2), ['a', 'b', 'end'])
    const queued = new RecordingHandler({
      data(controller) {
        controller.pause()
        controller.resume()
      },
    })
    const later = begin(queued, true)
    later.down.pause()
    respond(later, 'a', 'b', 'c')
    later.down.resume()
    assert.deepEqual(queued.events.slice(2), ['a', 'b', 'c', 'end'])
  })

  test('that comes with the last chunk holds no end back for ever', () => {
    const handler = new RecordingHandler({ data: (controller) => controller.pause() })
    const started = begin(handler)
    respond(started, 'a')
    started.down.resume()
    assert.equal(handler.events.at(-1), 'end')
  })

  test('does not hold an error back', () => {
    const handler = new RecordingHandler()
    const { down } = begin(handler)
    down.head(200, [], {}, '')
    down.pause()
    down.data(Buffer.from('a'))
    down.error(failure)
    assert.deepEqual(handler.events.slice(2), ['error failed'])
    down.resume()
    assert.deepEqual(handler.events.slice(2), ['error failed'])
  })

  test('any sequence of pauses, resumes and chunks: each chunk once, in order, then the end', () => {
    const step = fc.constantFrom('pause', 'resume', 'data')
    fc.assert(
      fc.property(fc.array(step), fc.array(step), fc.boolean(), (steps, reactions, runAhead) => {
        let next = 0
        const handler = new RecordingHandler({
          data(controller) {
            const reaction = reactions[next++]
            if (reaction === 'pause') controller.pause()
            else if (reaction === 'resume') controller.resume()
          },
        })
        const { down } = begin(handler, runAhead)
        down.head(200, [], {}, '')
        let sent = 0
        for (const each of steps) {
          if (each === 'data') down.data(Buffer.from(String(sent++)))
          else if (each === 'pause') down.pause()
          else down.resume()
        }
        down.end({}, [])
        while (!down.ended) down.resume()
        assert.deepEqual(handler.events.slice(2), [
          ...Array.from({ length: sent }, (_, i) => String(i)),
          'end',
        ])
      }),
    )
  })
})
