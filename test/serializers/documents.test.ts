/** The files of a cache as a person finds them. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, truncateSync } from 'node:fs'
import { describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { FileStorage } from '../../lib/backends/filesystem/file-storage.ts'
import { encrypt } from '../../lib/serializers/encrypt.ts'
import { serializedFiles } from '../../lib/serializers/serializer.ts'
import { sign } from '../../lib/serializers/sign.ts'
import {
  formatNames,
  formats,
  newPath,
  page,
  picture,
  setUpFiles,
  type FileBench,
  type RecordDocument,
} from './file-bench.ts'

describe('a file shows', () => {
  for (const name of formatNames) {
    const read = async (bench: FileBench): Promise<RecordDocument> => {
      const path = await bench.file()
      assert.ok(path.endsWith(`.${name}`), path)
      return formats[name](readFileSync(path)) as RecordDocument
    }

    test(`${name}: the request and the response`, async (t) => {
      const bench = await setUpFiles(t, { serializer: name })
      await bench.ask('/json')
      const { request: asked, response } = await read(bench)
      assert.deepEqual([asked.method, asked.url], ['GET', `${bench.origin.url}/json`])
      assert.equal(response.status, 200)
      assert.ok(response.rawHeaders.includes('content-type: application/json'))
      assert.match(response.storedAt, /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/)
    })

    test(`${name}: JSON as JSON, and nothing else where that is enough`, async (t) => {
      const bench = await setUpFiles(t, { serializer: name })
      await bench.ask('/json')
      const { body } = await read(bench)
      assert.deepEqual(body, { json: { items: [1, { a: null }], name: 'ä' } })
    })

    test(`${name}: what is in a compressed body, beside its bytes`, async (t) => {
      const bench = await setUpFiles(t, { serializer: name })
      await bench.ask('/gzip')
      const { body } = await read(bench)
      assert.deepEqual(body['json'], { zipped: true })
      const bytes = body['bytes'] ?? Buffer.from(String(body['base64']), 'base64')
      assert.deepEqual(bytes, gzipSync('{"zipped":true}'))
    })

    test(`${name}: no more of a compressed body than anybody reads`, async (t) => {
      const bench = await setUpFiles(t, { serializer: name })
      await bench.ask('/bomb')
      assert.ok(readFileSync(await bench.file()).byteLength < 100_000)
      assert.equal(gunzipSync(await bench.ask('/bomb')).byteLength, 2 ** 24)
    })

    test(`${name}: a page as its text`, async (t) => {
      const bench = await setUpFiles(t, { serializer: name })
      await bench.ask('/page')
      assert.deepEqual((await read(bench)).body, { text: page })
    })

    test(`${name}: a picture as bytes`, async (t) => {
      const bench = await setUpFiles(t, { serializer: name })
      await bench.ask('/picture')
      const { body } = await read(bench)
      assert.deepEqual(
        body,
        name === 'bson' ? { bytes: picture } : { base64: picture.toString('base64') },
      )
    })

    test(`${name}: all of it, still, when it is signed`, async (t) => {
      const bench = await setUpFiles(t, { serializer: [name, sign('secret')] })
      await bench.ask('/json')
      const { request: asked, body } = await read(bench)
      assert.equal(asked.method, 'GET')
      assert.deepEqual(body, { json: { items: [1, { a: null }], name: 'ä' } })
    })

    test(`${name}: nothing when it is encrypted`, async (t) => {
      const bench = await setUpFiles(t, { serializer: [name, encrypt(randomBytes(32))] })
      await bench.ask('/json')
      assert.doesNotMatch(readFileSync(await bench.file(), 'latin1'), /items|GET|status|http/)
      assert.equal((await bench.ask('/json')).toString(), '{"items":[1,{"a":null}],"name":"ä"}')
      assert.equal(bench.origin.requests.length, 1)
    })

    test(`${name}: the first of a long response, without its parts`, async (t) => {
      const bench = await setUpFiles(t, { serializer: name })
      const body = await bench.ask('/long')
      const { response } = await read(bench)
      assert.equal(response.status, 200)
      assert.ok((await bench.ask('/long')).equals(body))
      assert.equal(bench.origin.requests.length, 1)
    })
  }

  test('yaml: a page line by line', async (t) => {
    const bench = await setUpFiles(t, { serializer: 'yaml' })
    await bench.ask('/page')
    const text = readFileSync(await bench.file(), 'utf8')
    assert.match(text, /\n {2}text: \|\n {4}<!doctype html>\n {4}<p title="a: b">Grüße, 👋\n/)
  })
})

const counters = '/proc/self/io'
const noCount = existsSync(counters) ? false : 'the system does not count what is read'

/** What this process has read, of files and of everything else. */
function bytesRead(): number {
  const [, count] = /rchar: (\d+)/.exec(readFileSync(counters, 'utf8'))!
  return Number(count)
}

describe('a listing of files', () => {
  for (const name of formatNames) {
    test(`${name}: reads no body`, async () => {
      const { format } = serializedFiles(name)
      const files = new FileStorage(newPath(), format)
      const head = '{"version":1}\n{"method":"GET"}'
      for (const body of [Buffer.alloc(100_000, 'text '), randomBytes(100_000)]) {
        files.set('key', { head, body, expiresAt: 1_795_000_000_000 })
        // What is left has no body to be read, and can no longer be read as a whole.
        truncateSync(files.pathOf('key'), 6_000)
        const [listed] = await Array.fromAsync(files.heads())
        assert.deepEqual(listed, { key: 'key', head, expiresAt: 1_795_000_000_000 })
        assert.throws(() => files.get('key'), { code: 'ERR_CACHE_ENTRY_CORRUPT' })
      }
    })

    test(`${name}: reads a few kilobytes of each file`, { skip: noCount }, async () => {
      const { format } = serializedFiles(name)
      const files = new FileStorage(newPath(), format)
      const texts = [
        '{"version":1}\n{"method":"GET"}',
        JSON.stringify({ long: 'x'.repeat(10_000) }),
      ]
      for (const head of texts) {
        for (let i = 0; i < 20; i++)
          files.set(`key${i}`, { head, body: Buffer.alloc(500_000, 'x') })
        const before = bytesRead()
        assert.equal((await Array.fromAsync(files.heads())).length, 20)
        const perFile = (bytesRead() - before) / 20
        assert.ok(perFile < head.length + 50_000, `${perFile} bytes of each file`)
      }
    })

    test(`${name}: reads as much of a long head as it has`, async () => {
      const { format } = serializedFiles(name)
      const files = new FileStorage(newPath(), format)
      for (const bytes of [4_000, 4_096, 40_000, 400_000]) {
        const head = JSON.stringify({ version: 1, text: 'ä'.repeat(bytes) })
        files.set('key', { head, body: Buffer.alloc(10) })
        assert.equal((await Array.fromAsync(files.heads()))[0]?.head, head)
      }
    })
  }
})
