/** Files that somebody else has written: by hand, or with another serializer. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { FileStorage } from '../../lib/backends/filesystem/file-storage.ts'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import { serializedFiles, type SerializerName } from '../../lib/serializers/serializer.ts'
import {
  formatNames,
  newPath,
  page,
  picture,
  setUpFiles,
  type RecordDocument,
} from './file-bench.ts'

describe('a file that somebody has changed', () => {
  const nonsense: Readonly<Record<string, (file: Buffer) => string | Uint8Array>> = {
    'nothing at all': () => '',
    'another text': () => 'nonsense',
    'a list': () => '[]',
    null: () => 'null',
    'an empty object': () => '{}',
    'half of it': (file) => file.subarray(0, file.byteLength / 2),
    'all but its end': (file) => file.subarray(0, -3),
    'another version': (file) => file.toString().replace('"undici-cache": 1', '"undici-cache": 2'),
    'no body': (file) => file.toString().replace('"body"', '"nobody"'),
    'an empty body': (file) => file.toString().replace(/"body": \{.*\}/s, '"body": {}}'),
    'a body that is a number': (file) => file.toString().replace(/"body": \{.*\}/s, '"body": 1}'),
    'another text as its body': (file) => file.toString().replace('Grüße', 'Greetings'),
    'no request': (file) => file.toString().replace('"request"', '"requests"'),
    'another status': (file) => file.toString().replace('"status": 200', '"status": "fine"'),
    'no time': (file) => file.toString().replace(/"storedAt": "[^"]*"/, '"storedAt": "yesterday"'),
    'its expiry': (file) => file.toString().replace('1,', '1, "expiresAt": {},'),
  }

  for (const [what, change] of Object.entries(nonsense)) {
    test(`into ${what}: is a miss that is reported, and is replaced`, async (t) => {
      const bench = await setUpFiles(t, { serializer: 'json' })
      await bench.ask('/page')
      const path = await bench.file()
      const file = readFileSync(path)
      const changed = change(file)
      assert.notDeepEqual(Buffer.from(changed), file, 'nothing was changed')
      writeFileSync(path, changed)
      assert.equal((await bench.ask('/page')).toString(), page)
      assert.equal(bench.origin.requests.length, 2)
      assert.deepEqual(
        bench.errors.map(({ code }) => code),
        ['ERR_CACHE_ENTRY_CORRUPT'],
      )
      assert.doesNotMatch(bench.errors[0]!.message, /doctype|Grüße|Greetings/)
      assert.equal((await bench.ask('/page')).toString(), page)
      assert.equal(bench.origin.requests.length, 2)
      assert.equal(readFileSync(path).toString().includes('doctype'), true)
    })
  }

  test('yaml: a few aliases that stand for gigabytes are refused', async (t) => {
    const bench = await setUpFiles(t, { serializer: 'yaml' })
    await bench.ask('/page')
    const path = await bench.file()
    const levels = Array.from(
      { length: 12 },
      (_, i) => `x${i + 1}: &x${i + 1} [${Array(10).fill(`*x${i}`).join()}]`,
    )
    const bomb = ['x0: &x0 [lol]', ...levels, readFileSync(path, 'utf8')].join('\n')
    writeFileSync(path, bomb.replace('response:', 'response:\n  bomb: *x12'))
    assert.equal((await bench.ask('/page')).toString(), page)
    assert.deepEqual([bench.origin.requests.length, bench.errors.length], [2, 1])
  })

  for (const name of formatNames) {
    test(`${name}: at any one byte: is read exactly or not at all`, async () => {
      const { format } = serializedFiles(name)
      const files = new FileStorage(newPath(), format)
      const record = { head: '{"version":1,"a":"b"}\n{"method":"GET"}', body: picture }
      files.set('key', record)
      const path = files.pathOf('key')
      const file = readFileSync(path)
      for (let at = 0; at < file.byteLength; at++) {
        const changed = Buffer.from(file)
        changed[at]! ^= 0x11
        writeFileSync(path, changed)
        try {
          assert.equal(typeof files.get('key')?.head, 'string')
        } catch (error) {
          assert.equal((error as CacheError).code, 'ERR_CACHE_ENTRY_CORRUPT', `byte ${at}`)
        }
        await Array.fromAsync(files.heads())
      }
    })
  }

  test('one that was formatted anew is read as before', async (t) => {
    const bench = await setUpFiles(t, { serializer: 'json' })
    await bench.ask('/page')
    const path = await bench.file()
    const { body, ...rest } = JSON.parse(readFileSync(path, 'utf8')) as RecordDocument
    const { response, ...before } = rest
    for (const text of [
      JSON.stringify({ ...before, body, response }, null, 2),
      JSON.stringify({ ...rest, body }),
      JSON.stringify({ body, ...rest }, null, 4),
      JSON.stringify({ body, ...rest }, null, 2),
    ]) {
      writeFileSync(path, text)
      assert.equal((await bench.ask('/page')).toString(), page)
      assert.deepEqual(await Array.fromAsync(bench.cache.urls()), [`${bench.origin.url}/page`])
    }
    assert.equal(bench.origin.requests.length, 1)
  })
})

describe('a folder of another serializer', () => {
  const serializers: readonly SerializerName[] = ['native', ...formatNames]
  for (const written of serializers) {
    for (const read of serializers) {
      if (written === read) continue
      test(`${written}, read as ${read}: misses that are reported, and replaced`, async (t) => {
        const path = newPath()
        const first = await setUpFiles(t, { serializer: written }, path)
        await first.ask('/page')
        const old = await first.file()
        const cache = new FileCache(path, { serializer: read })
        t.after(() => cache.close())
        assert.equal(await cache.size(), 1)
        assert.deepEqual(await Array.fromAsync(cache.paths()), [])
        const [listed] = await Array.fromAsync(cache.responses.heads())
        assert.throws(() => listed?.head, { code: 'ERR_CACHE_ENTRY_CORRUPT' })
        const key = (await Array.fromAsync(cache.responses.keys()))[0]!
        await assert.rejects(
          async () => cache.responses.get(key),
          ({ code, message }: CacheError) =>
            code === 'ERR_CACHE_ENTRY_CORRUPT' &&
            message.includes(`by serializer '${written}', not by '${read}'`),
        )
        await cache.responses.set(key, { head: 'new', body: Buffer.alloc(0) })
        assert.equal((await cache.responses.get(key))?.head, 'new')
        assert.equal(await cache.size(), 1)
        assert.throws(() => readFileSync(old), { code: 'ENOENT' })
      })
    }
  }

  test('is cleared with the rest', async (t) => {
    const path = newPath()
    const json = await setUpFiles(t, { serializer: 'json' }, path)
    await json.ask('/page')
    const yaml = new FileCache(path, { serializer: 'yaml' })
    t.after(() => yaml.close())
    await yaml.clear()
    assert.deepEqual([await yaml.size(), await json.cache.size()], [0, 0])
    assert.deepEqual(await Array.fromAsync(json.cache.paths()), [])
  })

  test('one entry of it can be deleted', async (t) => {
    const path = newPath()
    const json = await setUpFiles(t, { serializer: 'json' }, path)
    await json.ask('/page')
    const { responses } = new FileCache(path)
    const [key] = await Array.fromAsync(responses.keys())
    assert.equal(await responses.has(key!), true)
    assert.equal(await responses.delete(key!), true)
    assert.equal(await responses.delete(key!), false)
    assert.equal(await json.cache.size(), 0)
  })
})
