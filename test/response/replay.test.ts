import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Downstream } from '../../lib/response/downstream.ts'
import { headerFields } from '../../lib/http/header-lines.ts'
import { playable, replayParts, replayWhole, type Playable } from '../../lib/response/replay.ts'
import { makeHead } from '../cache/make-entry.ts'
import { RecordingHandler } from './recording-handler.ts'

const reason = new Error('changed my mind')
const failure = new Error('disk on fire')

function present(rawHeaders: string[], notes: string[] = [], lines?: string[]): Playable {
  const head = makeHead({ rawHeaders, rawTrailers: ['T', '1'] })
  return playable({ ...head, headers: headerFields(rawHeaders) }, lines ?? head.rawHeaders, notes)
}

describe('playable', () => {
  const cases: [name: string, lines: string[], notes: string[], raw: string[]][] = [
    [
      'header lines as they are',
      ['B', '1', 'a', '2', 'A', '3'],
      [],
      ['B', '1', 'a', '2', 'A', '3'],
    ],
    ['notes after them', ['A', '1'], ['age', '5'], ['A', '1', 'age', '5']],
    [
      'a note beside a field of its name',
      ['Cache-Status', 'x'],
      ['cache-status', 'mine'],
      ['Cache-Status', 'x', 'cache-status', 'mine'],
    ],
    [
      'our age in the place of the origin’s',
      ['Age', '1', 'A', '1', 'AGE', '2'],
      ['age', '5'],
      ['A', '1', 'age', '5'],
    ],
    ['the origin’s age, where we tell none', ['Age', '1'], [], ['Age', '1']],
  ]
  for (const [name, lines, notes, raw] of cases) {
    test(name, () => {
      const played = present(lines, notes)
      assert.deepEqual(played.rawHeaders, raw)
      assert.deepEqual(played.headers, headerFields(raw))
      assert.deepEqual([played.rawTrailers, played.trailers], [['T', '1'], { t: '1' }])
      assert.deepEqual([played.status, played.statusText], [200, 'OK'])
    })
  }

  test('lines with the caller’s own credentials win over those that are stored', () => {
    const played = present(['Location', '/?key='], ['age', '5'], ['Location', '/?key=mine'])
    assert.deepEqual(played.rawHeaders, ['Location', '/?key=mine', 'age', '5'])
    assert.deepEqual(played.headers, { location: '/?key=mine', age: '5' })
  })

  test('is the caller’s to change', () => {
    const rawHeaders = Object.freeze(['A', '1', 'B', '2', 'b', '3'])
    const headers = Object.freeze(headerFields(rawHeaders))
    const rawTrailers = Object.freeze(['T', '1'])
    const entry = { ...makeHead({ rawHeaders, rawTrailers }), headers }
    for (const notes of [[], ['age', '1']]) {
      const played = playable(entry, entry.rawHeaders, notes)
      ;(played.rawHeaders as string[]).push('C', '3')
      ;(played.headers as Record<string, string>)['c'] = '3'
      played.rawTrailers.push('U', '4')
    }
    assert.deepEqual(playable(entry, entry.rawHeaders, []).rawHeaders, rawHeaders)
    assert.deepEqual(playable(entry, entry.rawHeaders, []).rawTrailers, rawTrailers)
  })
})

describe('playable of an entry that nobody else holds', () => {
  test('says the same, and copies nothing', () => {
    for (const notes of [[], ['age', '5'], ['cache-status', 'mine']]) {
      const rawHeaders = ['A', '1', 'B', '2']
      const headers = headerFields(rawHeaders)
      const shared = playable({ ...makeHead({ rawHeaders }), headers }, rawHeaders, notes)
      const owned = playable(
        { ...makeHead({ rawHeaders }), headers, owned: true },
        rawHeaders,
        notes,
      )
      assert.deepEqual(owned, shared)
      assert.equal(owned.rawHeaders, rawHeaders)
      assert.equal(owned.headers, headers)
    }
  })

  test('still tells our age in the place of the origin’s', () => {
    const rawHeaders = ['Age', '1', 'A', '1']
    const entry = { ...makeHead({ rawHeaders }), headers: headerFields(rawHeaders), owned: true }
    const played = playable(entry, entry.rawHeaders, ['age', '5'])
    assert.deepEqual(played.rawHeaders, ['A', '1', 'age', '5'])
    assert.deepEqual(played.headers, { a: '1', age: '5' })
  })
})

describe('replayWhole', () => {
  test('plays everything, the body in one chunk', () => {
    const handler = new RecordingHandler()
    replayWhole(new Downstream(handler), present(['A', '1']), Buffer.from('body'))
    assert.deepEqual(handler.events, ['start', 'head 200 OK', 'body', 'end t'])
    assert.deepEqual(handler.controller?.rawHeaders, ['A', '1'])
    assert.deepEqual(handler.controller?.rawTrailers, ['T', '1'])
  })

  for (const body of [undefined, Buffer.alloc(0)]) {
    test(`plays no chunk for ${body === undefined ? 'no body' : 'an empty body'}`, () => {
      const handler = new RecordingHandler()
      replayWhole(new Downstream(handler), present([]), body)
      assert.deepEqual(handler.events, ['start', 'head 200 OK', 'end t'])
    })
  }

  test('waits with the body while the caller does', () => {
    const handler = new RecordingHandler({ head: (controller) => controller.pause() })
    const down = new Downstream(handler)
    replayWhole(down, present([]), Buffer.from('body'))
    assert.deepEqual(handler.events, ['start', 'head 200 OK'])
    down.resume()
    assert.deepEqual(handler.events.slice(2), ['body', 'end t'])
  })
})

describe('replayParts', () => {
  test('plays everything, part by part', async () => {
    const handler = new RecordingHandler()
    const parts = new Parts('a', 'b')
    await replayParts(new Downstream(handler), present([]), parts)
    assert.deepEqual(handler.events, ['start', 'head 200 OK', 'a', 'b', 'end t'])
    assert.ok(parts.returned)
  })

  test('reads no part while the caller does not', async () => {
    const handler = new RecordingHandler({ data: (controller) => controller.pause() })
    const down = new Downstream(handler)
    const parts = new Parts('a', 'b', 'c')
    const played = replayParts(down, present([]), parts)
    for (const [index, text] of ['a', 'b', 'c'].entries()) {
      await nextTurn()
      assert.equal(parts.read, index + 1)
      assert.equal(handler.events.at(-1), text)
      down.resume()
    }
    await played
    assert.equal(handler.events.at(-1), 'end t')
  })

  test('reads no part where the caller pauses at the head', async () => {
    const handler = new RecordingHandler({ head: (controller) => controller.pause() })
    const down = new Downstream(handler)
    const parts = new Parts('a')
    const played = replayParts(down, present([]), parts)
    await nextTurn()
    assert.equal(parts.read, 0)
    down.resume()
    await played
    assert.deepEqual(handler.events.slice(2), ['a', 'end t'])
  })

  test('a pause that ends at once holds nothing up', async () => {
    const handler = new RecordingHandler({
      data(controller) {
        controller.pause()
        controller.resume()
      },
    })
    await replayParts(new Downstream(handler), present([]), new Parts('a', 'b'))
    assert.deepEqual(handler.events.slice(2), ['a', 'b', 'end t'])
  })

  for (const callback of ['start', 'head', 'data'] as const) {
    test(`an abort in the ${callback}: one error, no more parts`, async () => {
      const handler = new RecordingHandler({
        [callback]: (controller: Downstream) => controller.abort(reason),
      })
      const parts = new Parts('a', 'b')
      await replayParts(new Downstream(handler), present([]), parts)
      assert.deepEqual(handler.errors, [reason])
      assert.equal(handler.events.at(-1), 'error changed my mind')
      assert.ok(parts.read <= 1)
      assert.ok(parts.returned)
    })

    test(`a handler that throws in the ${callback}: one error, no more parts`, async () => {
      const handler = new RecordingHandler({
        [callback]: () => {
          throw failure
        },
      })
      const parts = new Parts('a', 'b')
      await replayParts(new Downstream(handler), present([]), parts)
      assert.deepEqual(handler.errors, [failure])
      assert.ok(parts.returned)
    })
  }

  test('an abort while it waits: one error, and the reading ends', async () => {
    const handler = new RecordingHandler({ head: (controller) => controller.pause() })
    const down = new Downstream(handler)
    const parts = new Parts('a')
    const played = replayParts(down, present([]), parts)
    await nextTurn()
    down.abort(reason)
    await played
    assert.deepEqual(handler.events, ['start', 'head 200 OK', 'error changed my mind'])
    assert.ok(parts.returned)
  })

  test('an abort while a part is being read: one error, and the part is dropped', async () => {
    const handler = new RecordingHandler()
    const down = new Downstream(handler)
    const parts = new Parts('a', 'b')
    const played = replayParts(down, present([]), parts)
    down.abort(reason)
    await played
    assert.deepEqual(handler.events, ['start', 'head 200 OK', 'error changed my mind'])
  })

  test('a part that cannot be read: one error, after what came before', async () => {
    const handler = new RecordingHandler()
    const parts = new Parts('a', failure)
    await replayParts(new Downstream(handler), present([]), parts)
    assert.deepEqual(handler.events, ['start', 'head 200 OK', 'a', 'error disk on fire'])
    assert.ok(parts.returned)
  })
})

/** Parts of a body, one in each turn of the microtask queue; an error in the place of one fails. */
class Parts implements AsyncIterator<Buffer> {
  read = 0
  returned = false
  readonly #parts: (string | Error)[]

  constructor(...parts: (string | Error)[]) {
    this.#parts = parts
  }

  async next(): Promise<IteratorResult<Buffer>> {
    const part = this.#parts[this.read++]
    if (part instanceof Error) throw part
    return part === undefined
      ? { done: true, value: undefined }
      : { done: false, value: Buffer.from(part) }
  }

  async return(): Promise<IteratorResult<Buffer>> {
    this.returned = true
    return { done: true, value: undefined }
  }
}
