import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { BaseCache } from '../../lib/cache/base-cache.ts'
import { decodeHead, encodeChain } from '../../lib/entries/record.ts'
import type { VerifyProblem } from '../../lib/upkeep/verify.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { copiedEntries, startSite } from '../integration/copied-site.ts'
import { temporaryFolder } from '../integration/caches.ts'
import { partKeys } from '../../lib/entries/record-keys.ts'

/** A cache with everything in it; in SQLite, which has digests. */
async function filled(t: TestContext): Promise<SQLiteCache> {
  const cache = new SQLiteCache(`${temporaryFolder(t)}/cache`)
  t.after(() => cache.close())
  await fillFromSite(t, cache)
  return cache
}

async function fillFromSite(t: TestContext, cache: BaseCache): Promise<void> {
  await (await startSite(t)).fill(cache)
}

async function problemsOf(cache: BaseCache): Promise<VerifyProblem[]> {
  const problems: VerifyProblem[] = []
  await cache.verify({ onProblem: (problem) => problems.push(problem) })
  return problems
}

/** Key and parts of the longest body. */
async function longBody(cache: BaseCache): Promise<{ key: string; id: string; parts: string[] }> {
  for await (const { key, head } of cache.responses.heads()) {
    const { parts } = key.includes('.p') ? {} : decodeHead(head)
    if (parts !== undefined) return { key, id: parts.id, parts: partKeys(key, parts) }
  }
  return assert.fail('there is none')
}

const anHourAgo = Date.now() - 3_700_000
const orphanKey = (key: string, writtenAt: number): string =>
  `${key}.p${writtenAt.toString(36)}-abcdefgh.0`
const part = { head: '{"part":0}', body: Buffer.from('x') }

describe('verify()', () => {
  test('finds nothing in a cache that is whole, and reads all of it', async (t) => {
    const cache = await filled(t)
    const { bodyBytes } = await cache.stats()
    const seen: number[] = []
    const { bodyBytes: read, ...counts } = await cache.verify({
      repair: true,
      onProgress: ({ done }) => seen.push(done),
    })
    // Redirects may have a body, which stats do not count.
    assert.ok(read >= bodyBytes && read < bodyBytes + 100)
    assert.deepEqual(counts, {
      responses: copiedEntries - 5,
      redirects: 5,
      unreadable: 0,
      orphans: 0,
      endless: 0,
      removed: 0,
    })
    assert.deepEqual(
      seen,
      Array.from(seen, (_, index) => index + 1),
    )
    assert.equal(seen.length, (await cache.responses.size()) + (await cache.redirects.size()))
  })

  test('finds a body that is not what was written, though it is as long', async (t) => {
    const cache = await filled(t)
    const { key, parts } = await longBody(cache)
    const record = (await cache.responses.get(parts[1]!))!
    const body = Buffer.from(record.body)
    body[100]! ^= 1
    await cache.responses.set(parts[1]!, { ...record, body })
    assert.deepEqual(await problemsOf(cache), [
      {
        kind: 'unreadable',
        storage: 'responses',
        key,
        message: 'stored entry is corrupt: the digest of its body',
      },
    ])
  })

  test('repairs: an entry goes with the parts that are left of it', async (t) => {
    const cache = await filled(t)
    const { key, parts } = await longBody(cache)
    const before = await cache.responses.size()
    await cache.responses.delete(parts[0]!)
    const { unreadable, removed } = await cache.verify({ repair: true })
    assert.deepEqual([unreadable, removed], [1, 1])
    assert.equal(await cache.responses.size(), before - 1 - parts.length)
    assert.equal(await cache.responses.has(key), false)
    assert.deepEqual(await problemsOf(cache), [])
  })

  test('a body without an entry is one, unless it may still be arriving', async (t) => {
    const cache = await filled(t)
    const { key } = await longBody(cache)
    await cache.responses.set(orphanKey('A'.repeat(43), anHourAgo), part)
    // Of an earlier write of an entry that is there.
    await cache.responses.set(orphanKey(key, anHourAgo), part)
    await cache.responses.set(orphanKey('B'.repeat(43), Date.now()), part)
    const { orphans, removed } = await cache.verify({ repair: true })
    assert.deepEqual([orphans, removed], [2, 2])
    assert.equal(await cache.responses.has(orphanKey('B'.repeat(43), Date.now())), false)
    assert.deepEqual(await problemsOf(cache), [])
  })

  test('a chain has no end where that is gone, or cannot be read', async (t) => {
    const cache = await filled(t)
    let target = ''
    for await (const { key, head } of cache.redirects.heads()) {
      if (key.endsWith('.chain'))
        target = (JSON.parse(head.split('\n')[0]!) as { target: string }).target
    }
    const end = (await cache.responses.get(target))!
    await cache.responses.set(target, { ...end, head: 'garbage' })
    const kinds = async (): Promise<string[]> => (await problemsOf(cache)).map(({ kind }) => kind)
    assert.deepEqual(await kinds(), ['unreadable', 'endless'])
    await cache.responses.delete(target)
    assert.deepEqual(await kinds(), ['endless'])
    assert.equal((await cache.verify({ repair: true })).removed, 1)
    assert.deepEqual(await kinds(), [])
  })

  test('what is stored anew while it works is not deleted', async (t) => {
    const cache = await filled(t)
    const { key } = await longBody(cache)
    const whole = (await cache.responses.get(key))!
    await cache.responses.set(key, { ...whole, head: 'garbage' })
    let found = 0
    const { removed } = await cache.verify({
      repair: true,
      onProblem() {
        found++
        void cache.responses.set(key, whole)
      },
    })
    assert.deepEqual([found, removed], [1, 0])
    assert.deepEqual(await problemsOf(cache), [])
  })

  test('in memory, where there are no digests, lengths count', async (t) => {
    const cache = new BaseCache()
    await fillFromSite(t, cache)
    assert.deepEqual(await problemsOf(cache), [])
    const { parts } = await longBody(cache)
    await cache.responses.set(parts[0]!, part)
    assert.deepEqual(
      (await problemsOf(cache)).map(({ message }) => message),
      ['stored entry is corrupt: a part of its body'],
    )
  })

  test('ends when it is told to, and refuses what it does not know', async (t) => {
    const cache = await filled(t)
    const signal = AbortSignal.abort(new Error('enough'))
    await assert.rejects(cache.verify({ signal }), /enough/)
    const wrong = { repiar: true } as object
    await assert.rejects(cache.verify(wrong), {
      name: 'TypeError',
      message: /unknown option 'repiar' of verify\(\); did you mean 'repair'\?/,
    })
  })

  test('a chain whose record is of somebody else is unreadable', async () => {
    const cache = new BaseCache()
    const request = { method: 'GET', url: 'http://a/', headers: [] }
    const chain = { text: 'x', history: ['http://a/'], target: 'y' }
    const record = encodeChain(chain, request, undefined)
    await cache.redirects.set(`${'A'.repeat(43)}.chain`, record)
    await cache.redirects.set(`${'B'.repeat(43)}.chain`, { ...record, head: '{}\n{}' })
    const kinds = (await problemsOf(cache)).map(({ kind }) => kind)
    assert.deepEqual(kinds.toSorted(), ['endless', 'unreadable'])
  })
})
