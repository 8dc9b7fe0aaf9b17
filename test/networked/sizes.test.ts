/** A long body: in parts that each engine can hold, whole, and in little memory. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { startOrigin } from '../integration/origin.ts'
import { startClient } from './children.ts'
import { backendNames } from './backend-names.ts'
import { describeBackends } from './open-caches.ts'

const mebibyte = 2 ** 20
// Nothing that a server or a driver could make smaller.
const body = randomBytes(40 * mebibyte)
const digest = createHash('sha256').update(body).digest('hex')
// The parts under way, in our hands, in those of the driver and of its socket, and what the heap
// has not given back yet.
const mostGrowth = 4 * body.byteLength

await describeBackends(backendNames, (backend) => {
  test('a body of 40 MB is stored in parts, and hit by another process', async (t) => {
    const origin = await startOrigin(t, ({ path }, response) =>
      response.end(path === '/long' ? body : 'short'),
    )
    const cacheName = `${backend.prefix}long`
    const [one, two] = [1, 2].map(() => startClient(t, backend, cacheName))
    // What a first request loads and allocates is not counted.
    for (const ask of [one!, two!]) await ask(`${origin.url}/short`)
    const stored = await one!(`${origin.url}/long`)
    assert.deepEqual([stored.hit, stored.digest], [false, digest])
    const hit = await two!(`${origin.url}/long`)
    assert.deepEqual([hit.hit, hit.digest], [true, digest])
    assert.equal(origin.count('/long'), 1)
    for (const { grownBytes } of [stored, hit]) {
      assert.ok(grownBytes < mostGrowth, `${Math.round(grownBytes / mebibyte)} MB more`)
    }
    const records = await backend.openFor(t, cacheName).responses.size()
    assert.ok(records > 40, `${records} records`)
  })
})
