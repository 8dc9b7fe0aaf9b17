import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import {
  decodeChain,
  decodeEntry,
  decodeRequest,
  encodeChain,
  recordVersion,
} from '../../lib/cache/record.ts'
import { CacheError } from '../../lib/errors.ts'
import { makeRecord, storedRequest } from './make-entry.ts'

const corrupt = { name: 'CacheError', code: 'ERR_CACHE_ENTRY_CORRUPT' }

describe('a head that somebody has changed', () => {
  const changes: [name: string, change: Record<string, unknown>][] = [
    ['no version', { version: undefined }],
    ['a newer version', { version: recordVersion + 1 }],
    ['a version that is a text', { version: String(recordVersion) }],
    ['no text', { text: undefined }],
    ['a text that is none', { text: 5 }],
    ['no status', { status: undefined }],
    ['an informational status', { status: 199 }],
    ['a status beyond all', { status: 1000 }],
    ['a status that is no integer', { status: 200.5 }],
    ['a status that is a text', { status: '200' }],
    ['a line break in the status text', { statusText: 'OK\r\nX: 1' }],
    ['other letters in the status text', { statusText: '\u010a' }],
    ['no status text', { statusText: null }],
    ['no header lines', { rawHeaders: undefined }],
    ['header lines that are an object', { rawHeaders: { a: '1' } }],
    ['a name without a value', { rawHeaders: ['a'] }],
    ['a value that is a number', { rawHeaders: ['a', 1] }],
    ['a value that is a list', { rawHeaders: ['a', ['1']] }],
    ['no trailers', { rawTrailers: null }],
    ['a trailer without a value', { rawTrailers: ['a'] }],
    ['no instant', { storedAt: undefined }],
    ['an instant that is none', { storedAt: 'now' }],
    ['an expiry that is none', { expiresAt: null }],
    ['a length that is none', { bodyBytes: '4' }],
    ['another length', { bodyBytes: 5 }],
    ['a negative length', { bodyBytes: -4 }],
    ['a digest of another kind', { bodyDigest: 1 }],
    ['parts that are null', { parts: null }],
    ['parts that are a text', { parts: 'x' }],
    ['parts without an id', { parts: { count: 1 } }],
    ['half a part', { parts: { id: 'w', count: 0.5 } }],
    ['parts without end', { parts: { id: 'w', count: 2 ** 40 } }],
    ['a negative number of parts', { parts: { id: 'w', count: -1 } }],
    ['a selection that is null', { selectedBy: null }],
    ['a selection without names', { selectedBy: { digest: 'x' } }],
    ['a selection without values', { selectedBy: { names: ['a'] } }],
    ['echoes that are null', { echoes: null }],
    ['echoes that are none', { echoes: [1] }],
    ['an echo that is too short', { echoes: [[0, 0]] }],
    ['an echo at no place', { echoes: [[0, 'x', 0]] }],
    ['an echo in a line that is not there', { echoes: [[2, 0, 0]] }],
    ['an echo before the first line', { echoes: [[-1, 0, 0]] }],
    ['an echo far away', { echoes: [[1e9, 0, 0]] }],
  ]
  for (const [name, change] of changes) {
    test(name, () => {
      const record = makeRecord()
      assert.throws(() => decodeEntry({ ...record, head: changed(record.head, change) }), corrupt)
    })
  }

  test('it is the change that is refused', () => {
    const record = makeRecord()
    const valid = { status: 404, expiresAt: 5, echoes: [[1, 0, 0]] }
    assert.equal(decodeEntry({ ...record, head: changed(record.head, valid) }).status, 404)
  })
})

describe('a character that would begin another header', () => {
  // As JSON writes it, and raw where JSON lets it stand.
  const written = [
    ...[
      'n',
      'r',
      'b',
      'f',
      'u0000',
      'u000a',
      'u000D',
      'u001b',
      'u007f',
      'u010a',
      'u560d',
      'ud83d',
    ].map((escape) => `\\${escape}`),
    '\u007f',
    '\u010a',
    '\u560d',
    '\u{1f600}',
  ]
  for (const text of written) {
    for (const place of ['rawHeaders', 'rawTrailers']) {
      for (const line of [
        ['X-HERE', '1'],
        ['x', 'X-HERE'],
      ]) {
        test(`${JSON.stringify(text)} as ${line[0] === 'x' ? 'value' : 'name'} of ${place}`, () => {
          const record = makeRecord({ [place]: line })
          const poisoned = record.head.replace('X-HERE', `a${text}b`)
          assert.throws(() => decodeEntry({ ...record, head: poisoned }), corrupt)
        })
      }
    }
  }

  for (const text of [
    String.raw`\t`,
    String.raw`\\n`,
    String.raw`\"`,
    String.raw`\u00e9`,
    'é',
    '\u0080',
  ]) {
    test(`${JSON.stringify(text)} is none`, () => {
      const record = makeRecord({ rawHeaders: ['x', 'X-HERE'] })
      const entry = decodeEntry({ ...record, head: record.head.replace('X-HERE', text) })
      assert.deepEqual(entry.rawHeaders, ['x', JSON.parse(`"${text}"`)])
    })
  }
})

describe('a request that somebody has changed', () => {
  const changes: [name: string, change: Record<string, unknown>][] = [
    ['no method', { method: undefined }],
    ['no URL', { url: 5 }],
    ['headers that are no list', { headers: 5 }],
    ['headers that are no texts', { headers: ['a', 1] }],
  ]
  for (const [name, change] of changes) {
    test(name, () => {
      const request = JSON.stringify({ ...storedRequest, ...change })
      assert.throws(() => decodeRequest(`{}\n${request}`), corrupt)
    })
  }
})

describe('a body that is not the whole one', () => {
  for (const length of [0, 3, 5]) {
    test(`${length} bytes of 4`, () => {
      assert.throws(() => decodeEntry({ ...makeRecord(), body: Buffer.alloc(length) }), corrupt)
    })
  }

  test('bytes where the body is in parts', () => {
    const record = makeRecord()
    const parted = { ...record, head: changed(record.head, { parts: { id: 'w', count: 1 } }) }
    assert.throws(() => decodeEntry(parted), corrupt)
    assert.equal(decodeEntry({ ...parted, body: Buffer.alloc(0) }).bodyBytes, 4)
  })
})

describe('a chain of redirects that somebody has changed', () => {
  const link = { text: 'GET http://a/', history: ['http://a/', 'http://b/'], target: 'k' }

  const changes: [name: string, change: Record<string, unknown>][] = [
    ['another version', { version: 0 }],
    ['no text', { text: undefined }],
    ['no target', { target: null }],
    ['no history', { history: undefined }],
    ['a history that is a text', { history: 'http://a/' }],
    ['a URL that is none', { history: ['nowhere'] }],
    ['an echo in a line that is not there', { echoes: [[2, 0, 0]] }],
    ['echoes that are none', { echoes: [[0]] }],
  ]
  for (const [name, change] of changes) {
    test(`with ${name} is refused`, () => {
      const record = encodeChain(link, storedRequest, undefined)
      assert.throws(() => decodeChain({ ...record, head: changed(record.head, change) }), corrupt)
    })
  }
})

describe('garbage', () => {
  const decoders = [
    (text: string): unknown => decodeEntry({ head: text, body: new Uint8Array(0) }),
    (text: string): unknown => decodeChain({ head: text, body: new Uint8Array(0) }),
    decodeRequest,
  ]

  const check = (text: string): void => {
    for (const decode of decoders) {
      try {
        decode(text)
      } catch (error) {
        assert.ok(error instanceof CacheError, `${text}: ${String(error)}`)
        assert.equal(error.code, 'ERR_CACHE_ENTRY_CORRUPT')
      }
    }
  }

  test('of any kind is refused, and breaks nothing', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), check))
    fc.assert(fc.property(fc.json(), check))
    for (const text of [
      '',
      '\n',
      'null',
      '[]',
      '{}',
      '{}\n',
      'null\nnull',
      '1\n1',
      '{"version":1}',
    ])
      check(text)
  })

  test('in any one place of a good head', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(null, -1, 2 ** 53, '', [], {}))
    const [first = '', second = ''] = makeRecord({
      echoes: [[1, 0, 0]],
      selectedBy: { names: ['a'], digest: 'd' },
    }).head.split('\n')
    const name = fc.constantFrom(
      'parts',
      ...Object.keys(JSON.parse(first) as object),
      'method',
      'url',
      'headers',
    )
    fc.assert(
      fc.property(name, value, (field, replaced) => {
        const lineOf = (text: string): string =>
          JSON.stringify({ ...JSON.parse(text), [field]: replaced })
        check(`${lineOf(first)}\n${lineOf(second)}`)
      }),
      { numRuns: 1000 },
    )
  })

  test('a head that was cut short', () => {
    const whole = makeRecord().head
    const first = whole.indexOf('\n')
    for (let length = 0; length < first; length++) {
      const cut = whole.slice(0, length)
      assert.throws(() => decodeEntry({ head: cut, body: Buffer.from('body') }), corrupt)
    }
  })
})

function changed(text: string, change: Record<string, unknown>): string {
  const [first = '', second = ''] = text.split('\n')
  return `${JSON.stringify({ ...JSON.parse(first), ...change })}\n${second}`
}
