import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { getCacheInfo } from '../../lib/response/cache-info.ts'
import { Downstream } from '../../lib/response/downstream.ts'
import { passThrough } from '../../lib/response/pass-through.ts'
import { OriginSide } from './origin-side.ts'
import { RecordingHandler } from './recording-handler.ts'

describe('passThrough', () => {
  for (const reason of ['range', 'conditional', 'method', 'body']) {
    test(`says why nothing was cached: ${reason}`, () => {
      const handler = new RecordingHandler()
      const origin = new OriginSide(passThrough(new Downstream(handler), reason, true))
      origin.start()
      origin.head(206, { a: '1' })
      origin.data('part')
      origin.end()
      assert.deepEqual(handler.events, ['start', 'head 206 Text', 'part', 'end'])
      const info = getCacheInfo({ headers: handler.headers })
      assert.deepEqual(info, getCacheInfo({ context: handler.context }))
      assert.deepEqual(
        [info?.hit, info?.stored, info?.key, info?.reason],
        [false, false, undefined, reason],
      )
    })
  }

  test('adds no header field where it must not', () => {
    const handler = new RecordingHandler()
    const origin = new OriginSide(passThrough(new Downstream(handler), 'range', false))
    origin.start()
    origin.head(200, { a: '1' })
    assert.deepEqual(handler.headers, { a: '1' })
    assert.equal(getCacheInfo({ context: handler.context })?.reason, 'range')
  })

  test('a caller that leaves ends the response', () => {
    const handler = new RecordingHandler()
    const down = new Downstream(handler)
    const origin = new OriginSide(passThrough(down, 'range', true))
    origin.start()
    down.abort(new Error('enough'))
    assert.deepEqual(origin.calls, ['abort enough'])
    assert.deepEqual(handler.events, ['start', 'error enough'])
  })
})
