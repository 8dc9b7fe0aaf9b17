import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { crc32 } from 'node:zlib'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { decodeEntry } from '../../lib/entries/record.ts'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import { openCache, temporaryFolder } from './caches.ts'
import { startOrigin, type Origin } from './origin.ts'
import { kindOfRecord, partKeys } from '../../lib/entries/record-keys.ts'

/** Bodies from nothing to several parts, each different, each known by its path. */
function bodyOf(path: string): Buffer {
  const n = Number(path.slice(1))
  const size = [0, 100, 5_000, 70_000, 2_500_000][n % 5]!
  return Buffer.alloc(size, createHash('sha256').update(path).digest('hex'))
}

function bodiesOrigin(t: TestContext): Promise<Origin> {
  return startOrigin(t, ({ path }, response) => response.end(bodyOf(path)))
}

function startClient(t: TestContext, ...parameters: string[]): ChildProcess {
  const client = new URL('crash-client.ts', import.meta.url)
  const child = fork(client, parameters, { execArgv: ['--import', 'tsx'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** Every entry whole, every body the origin's, every chain's end there. @returns how many */
async function verify(cache: BaseCache): Promise<number> {
  let entries = 0
  for await (const [key, record] of cache.responses) {
    if (kindOfRecord(key) === 'part') continue
    entries++
    const entry = decodeEntry(record)
    const stored =
      entry.parts === undefined
        ? [record]
        : await cache.responses.getMany(partKeys(key, entry.parts))
    const parts = stored.map((each) => each!.body)
    const body = Buffer.concat(parts)
    const path = new URL(entry.text.split(' ')[1]!).pathname
    assert.ok(body.equals(bodyOf(path)), path)
    assert.deepEqual(
      entry.parts?.checks ?? [entry.bodyCheck],
      parts.map((each) => crc32(each)),
    )
  }
  return entries
}

for (const backend of ['sqlite', 'filesystem'] as const) {
  describe(backend, () => {
    test('kill -9 in the middle of writes leaves whole entries only', async (t) => {
      const origin = await bodiesOrigin(t)
      const folder = temporaryFolder(t)
      let entries = 0
      for (let round = 0; round < 3; round++) {
        const child = startClient(
          t,
          backend,
          folder,
          origin.url,
          '1000000',
          String(round * 100_000),
        )
        await once(child, 'message')
        await later(150 + 100 * round)
        child.kill('SIGKILL')
        await once(child, 'exit')
        const cache = openCache(backend, folder)
        const found = await verify(cache)
        assert.ok(found >= entries)
        entries = found
        await cache.close()
      }
      assert.ok(entries > 10, `only ${entries} entries were stored`)
    })

    test('eight processes on one cache', { timeout: 120_000 }, async (t) => {
      const origin = await bodiesOrigin(t)
      const folder = temporaryFolder(t)
      const clients = Array.from({ length: 8 }, () =>
        startClient(t, backend, folder, origin.url, '40', '0'),
      )
      const results = clients.map(async (child) => {
        const [code] = (await once(child, 'exit')) as [number]
        return code
      })
      assert.deepEqual(await Promise.all(results), Array(8).fill(0))
      const cache = openCache(backend, folder)
      t.after(() => cache.close())
      assert.equal(await verify(cache), 40)
    })
  })
}

test('a program that leaves by process.exit() has stored its last response', async (t) => {
  const origin = await bodiesOrigin(t)
  const folder = temporaryFolder(t)
  const child = startClient(t, 'sqlite', folder, origin.url, '1', '2', 'exit')
  await once(child, 'exit')
  const cache = openCache('sqlite', folder)
  t.after(() => cache.close())
  assert.equal(await verify(cache), 1)
})
