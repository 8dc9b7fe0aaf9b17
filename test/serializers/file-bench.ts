/** A cache in files, with an origin that has something of each kind. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { deserialize } from 'bson'
import { load } from 'js-yaml'
import { request } from 'undici'
import { FileCache, type FileCacheOptions } from '../../lib/backends/filesystem/file-cache.ts'
import type { CacheError } from '../../lib/errors.ts'
import { temporaryFolder } from '../backends/temporary-folder.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin, type Origin } from '../integration/origin.ts'

const folder = temporaryFolder()
let made = 0

/** How each kind of file is read by others. */
export const formats = {
  json: (file: Buffer): unknown => JSON.parse(file.toString()),
  yaml: (file: Buffer): unknown => load(file.toString()),
  bson: (file: Buffer): unknown => deserialize(file, { promoteBuffers: true }),
} as const
export type FormatName = keyof typeof formats
export const formatNames: readonly FormatName[] = Object.keys(formats) as FormatName[]

export const picture: Buffer = Buffer.concat([
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
  randomBytes(99),
])
export const page = '<!doctype html>\n<p title="a: b">Grüße, 👋\n  <b># no comment</b>\n</p>\n'

export interface FileBench {
  readonly cache: FileCache
  readonly origin: Origin
  readonly errors: CacheError[]
  ask(path: string): Promise<Buffer>
  /** The one file that there is. */
  file(): Promise<string>
}

/** Opens a cache, in a new folder by default. */
export async function setUpFiles(
  t: TestContext,
  options: FileCacheOptions,
  at: string = newPath(),
): Promise<FileBench> {
  const cache = new FileCache(at, options)
  const errors: CacheError[] = []
  const origin = await startOrigin(t, ({ path }, response) => {
    if (path === '/json') {
      response.setHeader('content-type', 'application/json')
      return response.end('{"items":[1,{"a":null}],"name":"ä"}')
    }
    if (path === '/gzip') {
      response.setHeader('Content-Encoding', 'gzip')
      return response.end(gzipSync('{"zipped":true}'))
    }
    if (path === '/bomb') {
      response.setHeader('Content-Encoding', 'gzip')
      return response.end(gzipSync(Buffer.alloc(2 ** 24, 'text')))
    }
    if (path === '/page') return response.end(page)
    if (path === '/long') return response.end(Buffer.alloc(3_000_003, 'long '))
    return response.end(picture)
  })
  const { agent } = cachedAgent(t, { backend: cache, onError: (error) => errors.push(error) })
  t.after(() => cache.close())
  return {
    cache,
    origin,
    errors,
    async ask(path) {
      const { body } = await request(origin.url + path, { dispatcher: agent })
      const bytes = Buffer.from(await body.arrayBuffer())
      await cache.flush()
      return bytes
    },
    async file() {
      const [path, ...others] = await Array.fromAsync(cache.paths())
      assert.ok(path !== undefined && others.length === 0, 'there is not one file')
      return path
    },
  }
}

/** A folder that is not there yet. */
export function newPath(): string {
  return join(folder, String(made++))
}

/** What tests look at in a document. */
export interface RecordDocument {
  request: { method: string; url: string }
  response: { status: number; rawHeaders: string[]; storedAt: string }
  body: Record<string, unknown>
}
