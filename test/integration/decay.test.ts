/** Bits of what is stored change, one at a time: nobody gets a wrong byte, and it is told. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { Agent, request } from 'undici'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { CacheError } from '../../lib/errors.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { partBytes } from '../../lib/entries/body-parts.ts'
import { openCache, temporaryFolder } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'

type Backend = 'sqlite' | 'filesystem'

/** Of lengths from nothing to some kilobytes, the two longest in parts; each is another one. */
function bodyOf(path: string): Buffer {
  const n = Number(path.slice(1))
  const long = path.startsWith('/9')
  const size = long ? partBytes + 1000 * (n % 5) + 1 : [0, 1, 300, 5_000, 20_000][n % 5]!
  return Buffer.alloc(size, createHash('sha256').update(path).digest())
}

const shortPaths = Array.from({ length: 24 }, (_, n) => `/${n}`)
const longPaths = ['/90', '/91']

async function bodiesOrigin(t: TestContext): Promise<Origin> {
  return startOrigin(t, ({ path }, response) => {
    response.setHeader('content-type', 'text/plain; charset=utf-8')
    response.end(bodyOf(path))
  })
}

async function fill(cache: BaseCache, origin: Origin, paths: readonly string[]): Promise<void> {
  const dispatcher = new Agent().compose(cacheInterceptor({ backend: cache }))
  for (const path of paths) {
    const { body } = await request(origin.url + path, { dispatcher })
    await body.arrayBuffer()
  }
  await cache.close()
  await dispatcher.close()
}

/** Changes one bit of one of the files, wherever. */
function flip(folder: string, random: (below: number) => number): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size > 0)
    .toSorted()
  const sizes = files.map((path) => statSync(path).size)
  let at = random(sizes.reduce((sum, size) => sum + size, 0))
  let file = 0
  while (at >= sizes[file]!) at -= sizes[file++]!
  const bytes = readFileSync(files[file]!)
  bytes[at]! ^= 1 << random(8)
  writeFileSync(files[file]!, bytes)
  return `bit in byte ${at} of ${files[file]!}`
}

interface Outcome {
  readonly rounds: number
  /** Rounds in which something was told, and in which the origin was asked without a word. */
  readonly told: number
  readonly silent: number
  /** Responses that ended in the middle. */
  readonly broken: number
}

/** Asks for all of it after each change. */
async function decay(
  t: TestContext,
  backend: Backend,
  paths: readonly string[],
  rounds: number,
): Promise<Outcome> {
  const origin = await bodiesOrigin(t)
  const pristine = temporaryFolder(t)
  await fill(openCache(backend, pristine), origin, paths)
  const asked = origin.requests.length
  // The file may begin anywhere; where it does is part of the message of a failure.
  const random = randomFrom(Date.now())
  const outcome = { rounds: 0, told: 0, silent: 0, broken: 0 }
  for (; outcome.rounds < rounds; outcome.rounds++) {
    const folder = temporaryFolder(t)
    cpSync(pristine, folder, { recursive: true })
    const where = flip(folder, random)
    const before = origin.requests.length
    const errors: CacheError[] = []
    let cache: BaseCache
    try {
      cache = openCache(backend, folder)
    } catch (error) {
      // A file that is no database any more is told of when it is opened.
      assert.ok(error instanceof CacheError, where)
      outcome.told++
      continue
    }
    const caching = cacheInterceptor({ backend: cache, onError: (error) => errors.push(error) })
    const agent = new Agent()
    const dispatcher = agent.compose(caching)
    for (let again = 0; again < 2; again++) {
      for (const path of paths) {
        try {
          const { body, headers, statusCode } = await request(origin.url + path, { dispatcher })
          const bytes = Buffer.from(await body.arrayBuffer())
          assert.ok(bytes.equals(bodyOf(path)), `${where}: ${path}`)
          assert.deepEqual(
            [statusCode, headers['content-type']],
            [200, 'text/plain; charset=utf-8'],
            `${where}: ${path}`,
          )
        } catch (error) {
          if (!(error instanceof CacheError)) throw error
          t.diagnostic(`${where}: ${path}: ${error.message}`)
          outcome.broken++
        }
      }
    }
    await caching.close()
    await cache.close().catch((error: unknown) => assert.ok(error instanceof Error))
    await agent.close()
    rmSync(folder, { recursive: true, force: true })
    if (errors.length > 0) outcome.told++
    else if (origin.requests.length > before) outcome.silent++
  }
  assert.equal(asked, paths.length)
  return outcome
}

// A linear congruential generator: enough to spread over a file, and repeatable.
function randomFrom(seed: number): (below: number) => number {
  let state = seed % 2 ** 31
  return (below) => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

for (const backend of ['sqlite', 'filesystem'] as const) {
  describe(`${backend}: one bit changes anywhere`, () => {
    test('24 URLs: no wrong byte, no request that fails', { timeout: 120_000 }, async (t) => {
      const outcome = await decay(t, backend, shortPaths, 15)
      t.diagnostic(JSON.stringify(outcome))
      assert.equal(outcome.broken, 0)
    })

    test('long bodies: no wrong byte, no request that fails', { timeout: 120_000 }, async (t) => {
      const outcome = await decay(t, backend, longPaths, 8)
      t.diagnostic(JSON.stringify(outcome))
      assert.equal(outcome.broken, 0)
    })
  })
}
