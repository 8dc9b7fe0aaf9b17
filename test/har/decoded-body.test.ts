import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { decodeBody, textOf } from '../../lib/har/decoded-body.ts'

const body = Buffer.from('some text. '.repeat(20))

describe('a body is decoded', () => {
  for (const [coding, encoded] of Object.entries({
    gzip: gzipSync(body),
    'X-GZip': gzipSync(body),
    br: brotliCompressSync(body),
    zstd: zstdCompressSync(body),
    deflate: deflateSync(body),
    'identity, deflate': deflateRawSync(body),
    'gzip, br': brotliCompressSync(gzipSync(body)),
    '': body,
  })) {
    test(`from ${coding || 'nothing'}`, async () => {
      assert.deepEqual(await decodeBody(encoded, coding), body)
    })
  }

  test('unless nobody knows how, or it is something else', async () => {
    assert.equal(await decodeBody(body, 'gzip'), undefined)
    assert.equal(await decodeBody(body, 'rot13'), undefined)
    assert.equal(await decodeBody(body, 'constructor'), undefined)
    assert.equal(await decodeBody(Buffer.alloc(0), 'deflate'), undefined)
    assert.deepEqual(await decodeBody(body, undefined), body)
  })
})

describe('bytes are text', () => {
  test('in UTF-8, whatever else was said', () => {
    assert.equal(textOf(Buffer.from('Grüße'), undefined), 'Grüße')
    assert.equal(textOf(Buffer.from('Grüße'), 'text/plain; charset=latin1'), 'Grüße')
  })

  test('in another charset, where one is named', () => {
    const bytes = Buffer.from('Grüße', 'latin1')
    assert.equal(textOf(bytes, 'text/html; charset="ISO-8859-1"'), 'Grüße')
    assert.equal(textOf(bytes, 'text/html'), undefined)
    assert.equal(textOf(bytes, 'text/html; charset=nonsense'), undefined)
  })

  test('and pictures are none', () => {
    assert.equal(textOf(Buffer.from([0x89, 0x50, 0]), 'image/png'), undefined)
    assert.equal(textOf(Buffer.from('a\0b'), 'text/plain'), undefined)
  })
})
