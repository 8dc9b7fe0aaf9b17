import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { decodeChain, decodeEntry, decodeRequest, encodeChain } from '../../lib/entries/record.ts'
import { sealHead } from '../../lib/entries/checksum.ts'
import { recordVersion } from '../../lib/entries/readable-head.ts'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { CacheError } from '../../lib/errors.ts'
import { makeRecord, storedRequest } from '../cache/make-entry.ts'

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
    ['a bell in the status text', { statusText: '\u0007' }],
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
    ['a checksum of another kind', { bodyCheck: '1' }],
    ['a checksum that is too long', { bodyCheck: 2 ** 32 }],
    ['parts that are null', { parts: null }],
    ['parts that are a text', { parts: 'x' }],
    ['parts without an id', { parts: { bytes: 4, checks: [1] } }],
    ['parts without checksums', { parts: { id: 'w', bytes: 4, count: 1 } }],
    ['parts without a length', { parts: { id: 'w', checks: [1] } }],
    ['no part', { bodyBytes: 0, parts: { id: 'w', bytes: 4, checks: [] } }],
    ['half a byte in a part', { parts: { id: 'w', bytes: 4.5, checks: [1] } }],
    ['a checksum of a part that is none', { parts: { id: 'w', bytes: 4, checks: [-1] } }],
    ['checksums that are as many as a text', { parts: { id: 'w', bytes: 4, checks: 'x' } }],
    [
      'checksums that are said to be many',
      { parts: { id: 'w', bytes: 4, checks: { length: 1e15 } } },
    ],
    [
      'fewer parts than the body has',
      { bodyBytes: 9, parts: { id: 'w', bytes: 4, checks: [1, 2] } },
    ],
    [
      'more parts than the body has',
      { bodyBytes: 4, parts: { id: 'w', bytes: 4, checks: [1, 2] } },
    ],
    ['a body without end', { bodyBytes: 1e300, parts: { id: 'w', bytes: 1e300, checks: [1] } }],
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
          const poisoned = resealed(record.head.replace('X-HERE', `a${text}b`))
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
      const entry = decodeEntry({ ...record, head: resealed(record.head.replace('X-HERE', text)) })
      assert.deepEqual(entry.rawHeaders, ['x', JSON.parse(`"${text}"`)])
    })
  }
})

describe('what has decayed', () => {
  const entry = (): StoredRecord =>
    makeRecord({ rawHeaders: ['content-encoding', 'gzip', 'ä', 'ö'] })
  const chain = (): StoredRecord =>
    encodeChain({ text: 'GET http://a/', history: ['http://a/'], target: 'k' }, storedRequest, 5)

  for (const [name, make, decode] of [
    ['an entry', entry, decodeEntry],
    ['a chain', chain, decodeChain],
  ] as const) {
    test(`${name}: no bit of its head can change unnoticed, but in the name of its checksum`, () => {
      const record = make()
      const bytes = Buffer.from(record.head)
      for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
        const changedBytes = Buffer.from(bytes)
        changedBytes[bit >> 3]! ^= 1 << (bit & 7)
        const head = changedBytes.toString()
        try {
          const decoded = decode({ ...record, head }) as unknown as Record<string, unknown>
          const { check: _, ...before } = decode(record) as unknown as Record<string, unknown>
          const { [Object.keys(decoded)[0]!]: __, ...after } = decoded
          assert.deepEqual(after, before, head)
          assert.ok(bit >> 3 < 9, `bit ${bit}`)
        } catch (error) {
          assert.equal((error as CacheError).code, 'ERR_CACHE_ENTRY_CORRUPT', String(error))
        }
      }
    })
  }

  test('no bit of a body', () => {
    const record = makeRecord()
    for (let bit = 0; bit < record.body.byteLength * 8; bit++) {
      const body = Buffer.from(record.body)
      body[bit >> 3]! ^= 1 << (bit & 7)
      assert.throws(() => decodeEntry({ ...record, body }), corrupt)
      assert.doesNotThrow(() => decodeEntry({ ...record, body }, 'shared', 'heads'))
    }
  })

  test('nothing is compared where nothing is to be', () => {
    const record = makeRecord()
    const head = record.head.replace('text/plain', 'text/plaim')
    assert.throws(() => decodeEntry({ ...record, head }), corrupt)
    assert.throws(() => decodeEntry({ ...record, head }, 'shared', 'heads'), corrupt)
    const entryAsItIs = decodeEntry({ ...record, head }, 'shared', 'none')
    assert.deepEqual([entryAsItIs.rawHeaders[1], entryAsItIs.unchecked], ['text/plaim', true])
  })

  test('a head without a checksum is believed: a person has taken it out', () => {
    const record = makeRecord()
    const head = record.head.replace(/"check":"\w+",/, '').replace('text/plain', 'text/html')
    assert.equal(decodeEntry({ ...record, head }).rawHeaders[1], 'text/html')
    // One that stands elsewhere says nothing about what it is of.
    const [, check] = /("check":"\w+",)/.exec(record.head)!
    const moved = head.replace('"version":1,', `"version":1,${check!}`)
    assert.throws(() => decodeEntry({ ...record, head: moved }), corrupt)
  })
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
    const parted = {
      ...record,
      head: changed(record.head, {
        bodyCheck: undefined,
        parts: { id: 'w', bytes: 4, checks: [1] },
      }),
    }
    assert.throws(() => decodeEntry(parted), corrupt)
    const { parts, bodyBytes } = decodeEntry({ ...parted, body: Buffer.alloc(0) })
    assert.deepEqual([parts?.checks.length, bodyBytes], [1, 4])
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

function resealed(text: string): string {
  return sealHead(text.replace(/^\{"check":"\w{8}",/, '{'))
}

// With the checksum of what it says now: it is the change that is refused.
function changed(text: string, change: Record<string, unknown>): string {
  const [first = '', second = ''] = text.split('\n')
  const { check: _, ...line } = JSON.parse(first) as { check: string }
  return sealHead(`${JSON.stringify({ ...line, ...change })}\n${second}`)
}
