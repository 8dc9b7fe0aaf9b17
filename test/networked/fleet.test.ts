/** Several processes on one server: what they do at the same time, and what they have of each other. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { endOf } from '../backends/child.ts'
import { wholeOf, writeOf } from '../backends/writes.ts'
import { startOrigin } from '../integration/origin.ts'
import { messageOf, startChild, startClient } from './children.ts'
import { backendNames } from './backend-names.ts'
import { describeBackends } from './open-caches.ts'

await describeBackends(backendNames, (backend) => {
  const { name, prefix, server, openFor } = backend
  const isFast = name.startsWith('redis')

  test('two processes write and read the same keys: each read is one write, whole', async (t) => {
    const cacheName = `${prefix}shared`
    const { responses } = openFor(t, cacheName)
    // From now on none of them is missing at any time.
    await responses.setMany(Array.from({ length: 20 }, (_, i) => [`k${i}`, writeOf(i)]))
    const rounds = isFast ? '20' : '2'
    const ends = ['0', '1'].map((writer) =>
      endOf(startChild(t, 'share', backend, cacheName, writer, rounds)),
    )
    assert.deepEqual(await Promise.all(ends), [0, 0])
    assert.equal(await responses.size(), 20)
    let records = 0
    for await (const [, record] of responses) {
      wholeOf(record)
      records++
    }
    assert.equal(records, 20)
    // A file of GridFS has a head, an entry of its own and two chunks.
    const each = name === 'gridfs' ? 4 : 1
    assert.equal((await server.records(cacheName)).length, 20 * each, 'something was left behind')
  })

  test('a process clears a name into which another one writes', async (t) => {
    const [clearedName, otherName] = [`${prefix}cleared`, `${prefix}other`]
    const times = isFast ? 8 : 3
    const writer = startChild(t, 'write', backend, clearedName, otherName, String(times))
    const ended = endOf(writer)
    let written = 0
    writer.on('message', (count: number) => (written = count))
    const { responses } = openFor(t, clearedName)
    for (let cleared = 0; cleared < times; cleared++) {
      // Not before it has gone on since the last time.
      await messageOf(writer)
      await responses.clear()
      writer.send('cleared')
    }
    assert.equal(await ended, 0)
    for (let i = 0; i < 10; i++) {
      const record = await responses.get(`after${i}`)
      assert.equal(record?.head, String(i), 'what was written after the clear is gone')
      wholeOf(record)
    }
    for await (const key of responses.keys()) {
      const record = await responses.get(key)
      assert.ok(record !== undefined, `${key} is listed, and cannot be read`)
      wholeOf(record)
    }
    assert.equal(await openFor(t, otherName).responses.size(), written)
    // Nothing of it is left, where nobody writes any more.
    await responses.clear()
    assert.deepEqual(await server.records(clearedName), [])
  })

  test('what one process has stored another one hits, while both go on', async (t) => {
    const bodyOf = (path: string): Buffer =>
      Buffer.alloc(path.startsWith('/long') ? 2_500_000 : 2_000, path)
    const origin = await startOrigin(t, ({ path }, response) => response.end(bodyOf(path)))
    const [one, two] = [1, 2].map(() => startClient(t, backend, `${prefix}clients`))
    for (const [first, second, path] of [
      [one!, two!, '/short'],
      [two!, one!, '/long'],
      [one!, two!, '/next'],
    ] as const) {
      const digest = createHash('sha256').update(bodyOf(path)).digest('hex')
      const asked = await first(origin.url + path)
      assert.deepEqual([asked.hit, asked.digest], [false, digest], path)
      const again = await second(origin.url + path)
      assert.deepEqual([again.hit, again.digest], [true, digest], path)
      assert.equal(origin.count(path), 1)
    }
  })
})
