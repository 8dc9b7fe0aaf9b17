/** Many records: each listed once, without its body, and nobody else waits meanwhile. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { Cluster, Redis } from 'ioredis'
import { request } from 'undici'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { cachedAgent } from '../integration/caches.ts'
import { startOrigin } from '../integration/origin.ts'
import { backendNames, type BackendName } from './backend-names.ts'
import { describeBackends, slow, type Backend } from './open-caches.ts'

// Of the server's own time, in microseconds; it was tenths of a millisecond, on a machine at rest.
const longestCommand = 100_000

const fewer: Partial<Record<BackendName, number>> = {
  mongodb: 2_000,
  gridfs: 600,
  // Three pages of a megabyte.
  dynamodb: 10_000,
}

await describeBackends(backendNames, (backend) => {
  const { name, prefix, server, openFor } = backend
  // SecantusDB takes milliseconds for each document, of which a record in GridFS has three.
  const count = slow ? 20_000 : (fewer[name] ?? 20_000)

  test(`${count} records`, async (t) => {
    const cacheName = `${prefix}many`
    const cache = openFor(t, cacheName)
    const { responses } = cache
    await responses.setMany(manyRecords(count))
    const nobodyWaited = name.startsWith('redis') ? await watchRedis(t, backend) : undefined

    assert.equal(await responses.size(), count)
    assert.equal(await cache.size(), count)
    const seen = new Set<string>()
    for await (const key of responses.keys()) {
      assert.ok(!seen.has(key), `${key} twice`)
      seen.add(key)
    }
    assert.equal(seen.size, count)
    for await (const { key, head } of responses.heads()) {
      assert.ok(seen.delete(key), `${key} twice`)
      assert.equal(head, headOf(key))
    }
    assert.equal(seen.size, 0)
    await responses.clear()
    await nobodyWaited?.()
    assert.equal(await responses.size(), 0)
    assert.deepEqual(await server.records(cacheName), [])
  })

  test('keys, heads and counts come without bodies', async (t) => {
    const received = countReceived(t)
    const cache = openFor(t, `${prefix}bodies`)
    const { responses } = cache
    const origin = await startOrigin(t, (_request, response) => response.end(Buffer.alloc(65_536)))
    const { agent } = cachedAgent(t, { backend: cache, storageTimeout: 20_000 })
    const urls = Array.from({ length: 100 }, (_, i) => `${origin.url}/${i}`)
    for (const url of urls) await (await request(url, { dispatcher: agent })).body.dump()
    await cache.flush()

    const before = received()
    assert.equal((await Array.fromAsync(responses.keys())).length, urls.length)
    assert.equal((await Array.fromAsync(responses.heads())).length, urls.length)
    assert.deepEqual((await Array.fromAsync(cache.urls())).toSorted(), urls.toSorted())
    assert.equal(await responses.size(), urls.length)
    assert.equal(await cache.size(), urls.length)
    const listed = received() - before
    let bodies = 0
    for await (const [, { body }] of responses) bodies += body.byteLength
    assert.equal(bodies, urls.length * 65_536)
    // What shows that it is counted at all.
    assert.ok(received() - before > bodies)
    assert.ok(listed < bodies / 4, `${listed} bytes for lists`)
  })
})

function* manyRecords(count: number): Iterable<[string, StoredRecord]> {
  for (let i = 0; i < count; i++) {
    const key = `${i}`.padStart(43, 'k')
    yield [key, { head: headOf(key), body: Buffer.from([i]) }]
  }
}

/** As a response has it: its own line, and the request's. */
function headOf(key: string): string {
  return `{"version":1,"text":"${key}"}\n{"method":"GET","url":"http://${key}/","headers":[]}`
}

/** Counts what this process receives over all its connections that begin from now on. */
function countReceived(t: TestContext): () => number {
  const sockets = new Set<Socket>()
  const opened = (message: unknown): unknown => sockets.add((message as { socket: Socket }).socket)
  subscribe('net.client.socket', opened)
  t.after(() => unsubscribe('net.client.socket', opened))
  return () => [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0)
}

/** Fails where a command would keep other users of the server waiting: KEYS, or one that takes long. */
async function watchRedis(
  t: TestContext,
  { name, url, prefix }: Backend,
): Promise<() => Promise<void>> {
  const client = name === 'redis' ? new Redis(url) : new Cluster([url])
  t.after(() => client.quit())
  await client.ping()
  const nodes = client instanceof Cluster ? client.nodes('master') : [client]
  const keysCalls = async (): Promise<string[]> => {
    const stats = await Promise.all(nodes.map((node) => node.info('commandstats')))
    return stats.map((text) => /cmdstat_keys:calls=(\d+)/.exec(text)?.[1] ?? '0')
  }
  const before = await keysCalls()
  return async () => {
    assert.deepEqual(await keysCalls(), before, 'KEYS was used')
    const logs = await Promise.all(nodes.map((node) => node.slowlog('GET', 128)))
    for (const [, , microseconds, command] of logs.flat() as [number, number, number, string[]][]) {
      const isOurs = command.some((part) => part.includes(prefix))
      assert.ok(!isOurs || microseconds < longestCommand, `${command[0]} took ${microseconds} us`)
    }
  }
}
