import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as later } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { fetch, request, type Dispatcher } from 'undici'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { cachedAgent } from './caches.ts'
import { startAssetOrigin } from './ranged-origin.ts'
import { kindOfRecord } from '../../lib/entries/record-keys.ts'

/** Counts what is read of long bodies. */
class CountingStorage extends MemoryStorage {
  bytesRead = 0

  override get(key: string): StoredRecord | undefined {
    const record = super.get(key)
    if (kindOfRecord(key) === 'part') this.bytesRead += record?.body.byteLength ?? 0
    return record
  }
}

class CountingCache extends BaseCache {
  override readonly responses: CountingStorage = new CountingStorage()
}

const mebibyte = 2 ** 20
const body = randomBytes(5 * mebibyte)
const many = 100

async function stored(
  t: TestContext,
  content: Buffer = body,
): Promise<{ url: string; agent: Dispatcher; cache: CountingCache }> {
  const origin = await startAssetOrigin(t, { body: content, headers: { etag: '"one"' } })
  const cache = new CountingCache()
  const { agent } = cachedAgent(t, { backend: cache })
  await (await request(origin.url, { dispatcher: agent })).body.arrayBuffer()
  await cache.flush()
  cache.responses.bytesRead = 0
  return { url: origin.url, agent, cache }
}

describe('many long replays at once', () => {
  test('of callers that do not read: nothing is read for them beyond the beginning', async (t) => {
    const { url, agent, cache } = await stored(t)
    const asked = Array.from({ length: many }, () => request(url, { dispatcher: agent }))
    const responses = await Promise.all(asked)
    await later(300)
    const held = responses.map(({ body: unread }) => unread.readableLength)
    // 32 that came first have a part each, the others a small piece.
    assert.ok(held.reduce((sum, bytes) => sum + bytes, 0) < 50 * mebibyte)
    assert.ok(cache.responses.bytesRead <= (many + 40) * mebibyte)
    // All of them can still be read, whatever the order.
    for (const { body: unread } of responses.toReversed()) {
      assert.ok(Buffer.from(await unread.arrayBuffer()).equals(body))
    }
  })

  for (const client of ['request', 'fetch'] as const) {
    test(`by ${client}: all of it, and nothing is read again but the beginning`, async (t) => {
      const { url, agent, cache } = await stored(t)
      const ask = async (): Promise<Uint8Array> =>
        client === 'fetch'
          ? (await fetch(url, { dispatcher: agent })).bytes()
          : (await request(url, { dispatcher: agent })).body.bytes()
      const answers = await Promise.all(Array.from({ length: many }, ask))
      assert.ok(answers.every((answer) => body.equals(answer)))
      assert.ok(cache.responses.bytesRead <= many * 6 * mebibyte)
    })
  }
})

test('the event loop turns while a long body is replayed, as long as its caller takes', async (t) => {
  // Much more than what is read in one turn, and than what is on its way when it ends.
  const long = randomBytes(16 * mebibyte)
  const { url, agent } = await stored(t, long)
  let longest = 0
  let bytesInTurn = 0
  const turned = (): void => {
    longest = Math.max(longest, bytesInTurn)
    bytesInTurn = 0
    counting = setImmediate(turned)
  }
  let counting = setImmediate(turned)
  for (let round = 0; round < 3; round++) {
    const response = await request(url, { dispatcher: agent })
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytesInTurn += chunk.byteLength
      const until = performance.now() + 4
      while (performance.now() < until);
    }
  }
  clearImmediate(counting)
  // After some milliseconds nothing more is read but what was on its way: never a whole body in a turn.
  assert.ok(longest > 0 && longest < long.byteLength, String(longest))
})
