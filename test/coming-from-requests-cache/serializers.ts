/** How records are written; what is around a cache. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { load } from 'js-yaml'
import { deserialize } from 'bson'
import { MockAgent, request } from 'undici'
import {
  BaseCache,
  CacheError,
  cacheErrorCodes,
  cacheInterceptor,
  compress,
  encrypt,
  FileCache,
  getCacheInfo,
  MemoryStorage,
  serialized,
  sign,
  type Serializer,
  type Stage,
} from '../../lib/index.ts'
import { runCli } from '../cli/run-cli.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { storedBytes } from '../integration/stored-bytes.ts'
import { setUp, type Checks } from './desk.ts'

const text = '{ "path": 1.50, "ä": "ü" }'.repeat(100)

/** Stores a body by it, and gets it back. @returns the file that holds it */
async function written(t: TestContext, serializer: Serializer, type?: string): Promise<Buffer> {
  const origin = await startOrigin(t, (_, response) =>
    response.writeHead(200, { 'content-type': type ?? 'application/json' }).end(text),
  )
  const cache = new FileCache(temporaryFolder(t), { serializer })
  const { hits, ask } = await setUp(t, { backend: cache }, origin)
  assert.deepEqual(await hits('/', '/'), [false, true])
  assert.equal((await ask('/')).text, text)
  const [path] = await Array.fromAsync(cache.paths())
  return readFileSync(path!)
}

interface Document {
  readonly response: { readonly status: number }
  readonly body: object
}

export const serializerChecks: Checks = {
  "`'pickle'`, `pickle_serializer`, `dict_serializer`, `bson_document_serializer`, `dynamodb_document_serializer`":
    async (t) => assert.ok((await written(t, 'native')).includes(text)),

  "`'json'`, `'ujson'`, `'orjson'`, `json_serializer`": async (t) => {
    const document = JSON.parse(String(await written(t, 'json'))) as Document
    assert.equal(document.response.status, 200)
  },

  "`'yaml'`, `yaml_serializer`": async (t) => {
    const document = load(String(await written(t, 'yaml'))) as Document
    assert.equal(document.response.status, 200)
  },

  "`'bson'`, `bson_serializer`": async (t) => {
    const document = deserialize(await written(t, 'bson')) as unknown as Document
    assert.equal(document.response.status, 200)
  },

  '`safe_pickle_serializer()`, `signer_stage`': async (t) => {
    const [secret, other, newest] = ['a secret', 'another one', 'the newest']
    const folder = temporaryFolder(t)
    const errors: CacheError[] = []
    const open = async (
      stage: Stage,
      origin?: Parameters<typeof setUp>[2],
    ): ReturnType<typeof setUp> => {
      const backend = new FileCache(folder, { serializer: stage })
      return setUp(t, { backend, onError: (error) => errors.push(error) }, origin)
    }
    const { hits, origin } = await open(sign(secret))
    assert.deepEqual(await hits('/', '/'), [false, true])
    const rotated = await open(sign(newest, { previousSecrets: [secret] }), origin)
    assert.deepEqual(await rotated.hits('/'), [true])
    // Theirs raises BadSignature to whoever asks.
    const wrong = await open(sign(other), origin)
    assert.deepEqual(await wrong.hits('/', '/'), [false, true])
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['ERR_CACHE_SIGNATURE_INVALID'],
    )
  },

  '`Stage(dumps=gzip.compress, loads=gzip.decompress)`': async (t) => {
    for (const coding of ['gzip', 'zstd', 'brotli'] as const) {
      const file = await written(t, compress(coding))
      assert.ok(file.byteLength < text.length / 2, `${coding}: ${file.byteLength}`)
    }
    assert.ok((await written(t, compress('gzip'))).byteLength > 0)
  },

  "`Stage(Fernet(key), 'encrypt', 'decrypt')`": async (t) => {
    const [key, old] = [randomBytes(32), randomBytes(32)]
    const file = await written(t, encrypt(key, { previousKeys: [old] }))
    assert.ok(!file.includes('path') && !file.includes('application/json'))
  },

  '`SerializerPipeline([…])`': async (t) => {
    const list: Serializer = ['json', compress('gzip')]
    const document = JSON.parse(String(await written(t, list))) as Document
    assert.ok(JSON.stringify(document.body).length < text.length)
    const { hits } = await setUp(t, { backend: 'memory', serializer: list })
    assert.deepEqual(await hits('/', '/'), [false, true])
  },

  '`Stage(dumps=, loads=)`, objects with `dumps()` and `loads()`': async (t) => {
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 255)
    const stage: Stage = {
      name: 'flipped',
      encode: (_key, { head, body }) => ({ head, body: flip(body) }),
      decode: (_key, { head, body }) => ({ head, body: flip(body) }),
    }
    assert.ok(!(await written(t, stage)).includes('path'))
    const storage = serialized(new MemoryStorage(), stage)
    await storage.set('key', { head: 'head', body: Buffer.from('body') })
    assert.equal(String(Buffer.from((await storage.get('key'))!.body)), 'body')
  },

  '`utf8_encoder`, `CattrStage`, `json_preconf_stage` and the like': async (t) => {
    const digests: Stage = {
      name: 'digest',
      encode: (_key, { head, body }) => ({ head, body: Buffer.concat([sha(body), body]) }),
      decode: (_key, { head, body }) => ({ head, body: body.subarray(32) }),
      maxBodyBytes: (limit) => limit - 32,
    }
    assert.ok((await written(t, digests)).includes(sha(Buffer.from(text))))
  },

  '`decode_content`': async (t) => {
    const shown = JSON.parse(String(await written(t, 'json', 'text/plain'))) as Document
    assert.deepEqual(shown.body, { text })
  },

  '`logging`, the logger `requests_cache`': async (t) => {
    const seen: string[] = []
    for (const name of ['hit', 'miss', 'store', 'bypass', 'refuse', 'error']) {
      const listener = (message: unknown): void => {
        seen.push(`${name} ${(message as { reason?: string }).reason}`)
      }
      const events = channel(`undici-cache:${name}`) // of node:diagnostics_channel
      events.subscribe(listener)
      t.after(() => events.unsubscribe(listener))
    }
    const errors: unknown[] = []
    const onError = (error: unknown): number => errors.push(error)
    const { agent: dispatcher, ask, url, cache } = await setUp(t, { onError })
    const response = await request(url('/'), { dispatcher })
    await response.body.text()
    assert.equal(getCacheInfo(response)?.reason, 'uri-miss')
    await ask('/')
    await ask('/none', { onlyIfCached: true })
    await ask('/post', {}, { method: 'POST', body: 'x' })
    const [key] = await Array.fromAsync(cache.responses.keys())
    await cache.responses.set(key!, { head: 'damaged', body: Buffer.alloc(0) })
    await ask('/')
    assert.equal(errors.length, 1)
    const kinds = seen.map((each) => each.split(' ')[0])
    assert.deepEqual(
      ['miss uri-miss', 'hit fresh', 'refuse only-if-cached', 'bypass method'].filter(
        (each) => !seen.includes(each),
      ),
      [],
    )
    assert.ok(kinds.includes('store') && kinds.includes('error'), seen.join())
  },

  'examples `convert_cache.py`, `vcr.py`, `benchmark.py`': async (t) => {
    const folder = temporaryFolder(t)
    const { hits, cache } = await setUp(t, { backend: 'sqlite', cacheName: join(folder, 'from') })
    await hits('/')
    await cache.close()
    for (const args of [
      ['copy', 'sqlite:from', 'file:to?serializer=json'],
      ['export', 'file:to?serializer=json', 'site.har'],
      ['bench', 'sqlite:from', '--seconds', '1', '--bytes', '100'],
    ]) {
      // As npx undici-cache copy, export and bench.
      const { code, err } = await runCli(args, { folder })
      assert.equal(code, 0, `${args.join(' ')}: ${err}`)
    }
    assert.match(storedBytes(folder), /"entries"/)
  },

  '`requests_mock`, `responses`': async () => {
    const mock = new MockAgent()
    mock.disableNetConnect()
    mock.get('http://mocked.test').intercept({ path: '/' }).reply(200, 'mocked')
    const dispatcher = mock.compose(cacheInterceptor({ backend: 'memory' }))
    for (let round = 0; round < 2; round++) {
      const { body } = await request('http://mocked.test/', { dispatcher })
      assert.equal(await body.text(), 'mocked')
    }
  },

  '`BadSignature`, `ImportError`, `KeyError`, `redis.ConnectionError`': async (t) => {
    const errors: CacheError[] = []
    const backend = new BaseCache({ hotTierBytes: 0 })
    backend.responses.get = () => {
      throw new Error('the storage is down')
    }
    const { hits } = await setUp(t, { backend, onError: (error) => errors.push(error) })
    assert.deepEqual(await hits('/', '/'), [false, false])
    assert.ok(errors.length > 0 && errors.every((error) => error instanceof CacheError))
    assert.ok(errors.every(({ code }) => cacheErrorCodes.includes(code)))
  },
}

function sha(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
