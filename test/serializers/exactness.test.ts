/** Whatever is stored comes out as it was, to the byte, whatever a document shows of it. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import type { FileFormat } from '../../lib/storage/file-format.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { serialized, serializedFiles } from '../../lib/serializers/serializer.ts'
import { everySerializer } from './every-serializer.ts'

const formats: readonly FileFormat[] = (['json', 'yaml', 'bson'] as const).map(
  (name) => serializedFiles(name).format!,
)

// What formats are known to trip over.
const awkwardBodies: readonly string[] = [
  '',
  ' ',
  '\n',
  '\r\n',
  'a\r\nb\rc\n',
  '\ufeff{"a":1}',
  '\u0000',
  'a\u0085b\u2028c\u2029d',
  '- a\n- b: c\n',
  '---\n...\n%YAML\n',
  'yes',
  'null',
  '1e3',
  '0x1f',
  '2026-01-01',
  '!!binary x',
  '*alias',
  '&anchor',
  '<<: x',
  'tab\tand trailing space \n  indented\n\n\n',
  '\n\n  begins with blank lines',
  '{}',
  '[]',
  '{"a":-0}',
  '{"a":1.0}',
  '{"a":1e400}',
  '{"a":12345678901234567890}',
  '{"a":1,"a":2}',
  '{"a": 1, "b": [1, 2]}',
  '{\n  "a": 1\n}\n',
  '{\n\t"a": [\n\t\t1\n\t]\n}',
  '{"2":1,"1":2}',
  '{"__proto__":{"a":1}}',
  '{"$ref":"a","$id":1,"$db":"b"}',
  '{"_bsontype":"ObjectId","id":"x"}',
  '{"a\\u0000b":1}',
  '{"":{"":""}}',
  '{"a":"\\ud83d"}',
  '{"<<":{"a":1},"b":"*x"}',
  '{"a":',
  '[1,2,]',
  `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
  `[${'"long text with spaces ",'.repeat(500)}null]`,
]

const awkwardHeads: readonly string[] = [
  '',
  '{}',
  '[]',
  '{"part":3}',
  '{"a":1}\n{"b":2}',
  '{"a":1}\n\n{"b":2}',
  'stage one\nstage two\n{"a":1}\n{"b":2}',
  '{"rawHeaders":["a","b","c"]}\n{"headers":["x: y","z","",""]}',
  '{"rawHeaders":["a: b","c"]}\n{"headers":"none"}',
  '{"storedAt":1.5,"expiresAt":-0}\n{}',
  '{"storedAt":1795000000000,"expiresAt":"2026-01-01T00:00:00.000Z"}\n{}',
  '{"storedAt":1e300,"expiresAt":null}\n{}',
  '{"a":1.0}\n{"a":1,"a":2}',
  ' {"a":1}\n{"b":2}',
  '{"a":"\\u00e9"}\n{}',
  '\u0000\u2028\ufeff\u0085\r\n',
]

function assertExact(format: FileFormat, head: string, body: Uint8Array, expiresAt?: number): void {
  const file = Buffer.concat(format.encode({ head, body, expiresAt }))
  const record = format.decode(file)
  assert.equal(record.head, head)
  assert.equal(record.expiresAt, expiresAt)
  assert.ok(Buffer.compare(record.body, body) === 0, `${format.serializer}: the body differs`)
  const listed = format.decodeHead(file, file.byteLength)
  assert.deepEqual(listed, { head, expiresAt })
}

const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, 2, 4, '\t'), fc.boolean())
  .map(([value, indent, end]) => JSON.stringify(value, null, indent) + (end ? '\n' : ''))
const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  jsonText.map((text) => Buffer.from(text)),
  fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
  fc.constantFrom(...awkwardBodies).map((text) => Buffer.from(text)),
)
const anyHead = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc.constantFrom(...awkwardHeads),
  fc.array(jsonText, { minLength: 1, maxLength: 3 }).map((lines) => lines.join('\n')),
)
const anyExpiry = fc.option(fc.integer({ min: 0, max: 253_402_300_799_000 }), { nil: undefined })

describe('a document gives back', () => {
  for (const format of formats) {
    test(`${format.serializer}: bodies that formats trip over`, () => {
      const head = '{"version":1}\n{"method":"GET"}'
      for (const body of awkwardBodies) assertExact(format, head, Buffer.from(body))
    })

    test(`${format.serializer}: heads that are none of ours, and ours`, () => {
      for (const head of awkwardHeads) assertExact(format, head, Buffer.from('{"a":1}'))
    })

    test(`${format.serializer}: any head, any body, any expiry`, () => {
      fc.assert(
        fc.property(anyHead, anyBody, anyExpiry, (head, body, expiresAt) =>
          assertExact(format, head, body, expiresAt),
        ),
        { numRuns: 300 },
      )
    })

    test(`${format.serializer}: an expiry that is no whole millisecond`, () => {
      for (const expiresAt of [0.5, 1.5, 1e17, -1]) {
        assertExact(format, '{}', Buffer.alloc(0), expiresAt)
      }
    })

    test(`${format.serializer}: a body that says it is gzip, and is not`, () => {
      const head = '{"rawHeaders":["Content-Encoding","gzip"]}\n{}'
      const whole = gzipSync('{"a":1}')
      const bomb = gzipSync(Buffer.alloc(2 ** 24))
      for (const body of [whole, whole.subarray(0, 9), Buffer.from('{"a":1}'), bomb]) {
        assertExact(format, head, body)
      }
    })
  }
})

describe('a storage gives back', () => {
  for (const [name, serializer] of Object.entries(everySerializer)) {
    test(`${name}: any head and any body`, async () => {
      const storage = serialized(new MemoryStorage(), serializer)
      await fc.assert(
        fc.asyncProperty(anyHead, anyBody, anyExpiry, async (head, body, expiresAt) => {
          await storage.set('key', { head, body, expiresAt })
          const record = await storage.get('key')
          assert.ok(record)
          assert.deepEqual([record.head, record.expiresAt], [head, expiresAt])
          assert.ok(Buffer.compare(record.body, body) === 0)
          const [listed] = await Array.fromAsync(storage.heads())
          assert.equal(listed?.head, head)
        }),
        { numRuns: 150 },
      )
    })
  }
})
