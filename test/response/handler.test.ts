import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Downstream } from '../../lib/response/downstream.ts'
import { asHandler, rawBuffers } from '../../lib/response/handler.ts'
import type { HeaderFields } from '../../lib/http/header-lines.ts'
import type { RawHeaders } from '../../lib/http/header-lines.ts'
import { RecordingHandler } from './recording-handler.ts'
import { RecordingUpstream } from './recording-upstream.ts'

describe('a handler of the new generation', () => {
  test('is left as it is', () => {
    const handler = new RecordingHandler()
    assert.equal(asHandler(handler), handler)
  })
})

describe('a handler of the old generation', () => {
  test('is told everything', () => {
    const events: unknown[] = []
    const handler = asHandler({
      onConnect: () => events.push('connect'),
      onResponseStarted: () => events.push('started'),
      onBodySent: (...args: unknown[]) => events.push(['sent', ...args]),
      onRequestSent: () => events.push('all sent'),
      onHeaders: (status: number, raw: Buffer[], _resume: unknown, text: string) =>
        events.push([status, raw.map(String), text]) > 0,
      onData: (chunk: Buffer) => events.push(chunk.toString()) > 0,
      onComplete: (trailers: Buffer[]) => events.push(trailers.map(String)),
    })
    const down = new Downstream(handler)
    down.start()
    down.bodySent([5, 10])
    down.requestSent()
    down.responseStarted()
    down.head(200, ['A', '1'], { a: '1' }, 'OK')
    down.data(Buffer.from('body'))
    down.end({ t: '2' }, ['T', '2'])
    assert.deepEqual(events, [
      'connect',
      ['sent', 5, 10],
      'all sent',
      'started',
      [200, ['A', '1'], 'OK'],
      'body',
      ['T', '2'],
    ])
  })

  test('is told of an error', () => {
    const errors: unknown[] = []
    const failure = new Error('failed')
    new Downstream(asHandler({ onError: (error: Error) => errors.push(error) })).error(failure)
    assert.deepEqual(errors, [failure])
  })

  test('aborts, with a reason and without', () => {
    for (const reason of [new Error('mine'), undefined]) {
      const errors: Error[] = []
      let abort = (_reason?: Error): void => {}
      const handler = asHandler({
        onConnect: (given: typeof abort) => (abort = given),
        onError: (error: Error) => errors.push(error),
      })
      const down = new Downstream(handler)
      down.start()
      down.attach(new RecordingUpstream(down))
      abort(reason)
      assert.equal(errors.length, 1)
      if (reason === undefined) assert.equal(errors[0]!.name, 'AbortError')
      else assert.equal(errors[0], reason)
    }
  })

  test('pauses where onData says false, and nothing else', () => {
    for (const answer of [false, undefined, true]) {
      const down = new Downstream(asHandler({ onData: () => answer }))
      down.head(200, [], {}, '')
      down.data(Buffer.from('a'))
      assert.equal(down.paused, answer === false)
    }
  })

  test('is complete for a dispatcher of either generation', () => {
    const events: unknown[] = []
    const legacy = {
      onConnect: () => events.push('connect'),
      onHeaders: (status: number, raw: Buffer[], _resume: unknown, text: string) =>
        events.push([status, raw.map(String), text]) > 1e9,
      onData: (chunk: Buffer) => events.push(chunk.toString()) > 0,
      onComplete: (trailers: Buffer[]) => events.push(trailers.map(String)),
      onError: (error: Error) => events.push(error.message),
    }
    const handler = asHandler(legacy)
    const paused: number[] = []
    const controller = {
      aborted: false,
      paused: false,
      reason: null,
      rawHeaders: ['A', '1'],
      rawTrailers: ['T', '2'],
      abort() {},
      pause: () => void paused.push(events.length),
      resume() {},
    }
    handler.onRequestStart(controller, null)
    handler.onResponseStart!(controller, 103, { a: '1' }, 'Early Hints')
    handler.onResponseStart!(controller, 200, { a: '1' }, 'OK')
    handler.onResponseData!(controller, Buffer.from('body'))
    handler.onResponseEnd!(controller, { t: '2' })
    handler.onResponseError!(controller, new Error('failed'))
    const told = ['connect', [103, ['A', '1'], 'Early Hints'], [200, ['A', '1'], 'OK'], 'body']
    const whole = [...told, ['T', '2'], 'failed']
    assert.deepEqual(events, whole)
    // A 103 is no response that could be paused.
    assert.deepEqual(paused, [3])

    events.length = 0
    const old = handler as unknown as Required<typeof legacy>
    old.onConnect()
    old.onHeaders(103, [Buffer.from('A'), Buffer.from('1')], () => {}, 'Early Hints')
    old.onHeaders(200, [Buffer.from('A'), Buffer.from('1')], () => {}, 'OK')
    old.onData(Buffer.from('body'))
    old.onComplete([Buffer.from('T'), Buffer.from('2')])
    old.onError(new Error('failed'))
    assert.deepEqual(events, whole)
  })

  test('may have none of the methods', () => {
    const down = new Downstream(asHandler({}))
    down.start()
    down.bodySent([])
    down.requestSent()
    down.responseStarted()
    down.head(200, [], {}, '')
    down.data(Buffer.from('a'))
    down.end({}, [])
    assert.ok(down.ended)
  })
})

describe('rawBuffers', () => {
  const cases: [name: string, raw: RawHeaders, parsed: HeaderFields, lines: string[]][] = [
    ['Buffers as they are', [Buffer.from('A'), Buffer.from('1')], {}, ['A', '1']],
    ['texts as latin1', ['A', 'é'], {}, ['A', 'é']],
    [
      'an object, a line for each value',
      { a: '1', b: ['2', '3'] },
      {},
      ['a', '1', 'b', '2', 'b', '3'],
    ],
    ['what was parsed, where there is nothing raw', null, { a: '1' }, ['a', '1']],
    ['what was parsed, where it is missing', undefined, { a: ['1', '2'] }, ['a', '1', 'a', '2']],
    ['nothing', [], {}, []],
  ]
  for (const [name, raw, parsed, lines] of cases) {
    test(name, () => {
      const buffers = rawBuffers(raw, parsed)
      assert.deepEqual(
        buffers.map((part) => part.toString('latin1')),
        lines,
      )
    })
  }
})
