/** Ten processes on one server, which read, write and change at the same time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startOrigin } from '../integration/origin.ts'
import { messageOf, startChild } from './children.ts'
import { describeBackends } from './open-caches.ts'
import { totalOf, type FleetReport } from './fleet-report.ts'

const processes = 10

await describeBackends(['redis', 'mongodb'], (backend) => {
  const { prefix } = backend

  test('ten processes: no wrong byte, none that is old, nothing fails and nothing is told', async (t) => {
    const versions = new Map<string, number>()
    const origin = await startOrigin(t, ({ method, path }, response) => {
      if (method === 'POST') {
        versions.set(path, (versions.get(path) ?? 0) + 1)
        return response.end()
      }
      const long = path.startsWith('/long')
      return response.end(`${versions.get(path) ?? 0} ${path} `.repeat(long ? 100_000 : 100))
    })
    const cacheName = `${prefix}ten`
    const children = Array.from({ length: processes }, (_, index) =>
      startChild(t, 'fleet', backend, cacheName, origin.url, String(index)),
    )
    const reports = (await Promise.all(children.map(messageOf))) as FleetReport[]
    const total = totalOf(reports)
    assert.deepEqual([total.wrong, total.old, total.failed, total.reports], [0, 0, 0, 0])
    assert.ok(total.hits > total.asked * 0.7, JSON.stringify(total))
    // What nobody changes is asked for once by each process at the most.
    for (let n = 0; n < 20; n++) assert.ok(origin.count(`/same/${n}`) <= processes)
  })
})
