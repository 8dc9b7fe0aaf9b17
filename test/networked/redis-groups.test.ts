/** Several Redis at once: slots that move, one of them gone, one that takes the place of another. */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as later } from 'node:timers/promises'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { runProgram } from '../services/commands.ts'
import { redisCli, startRedisCluster, startRedisSentinel } from '../services/redis-groups.ts'
import type { RedisCluster } from '../services/redis-groups.ts'
import { reasonToSkip } from './harmed-server.ts'
import { budget, openClient, type OutageClient } from './outage-client.ts'

const backWithin = 15_000
const paths = Array.from({ length: 60 }, (_, n) => `/${n}`)

describe('redis-cluster', { skip: reasonToSkip('redis-cluster') }, () => {
  let cluster: RedisCluster
  let backendOptions: { cluster: string[] }
  before(async () => {
    cluster = await startRedisCluster()
    backendOptions = { cluster: [cluster.url] }
  })
  after(() => cluster.stop())

  const open = (t: TestContext, patience = budget): Promise<OutageClient> =>
    openClient(t, 'redis-cluster', { backend: 'redis', backendOptions }, patience)

  test('slots move to another node, and what is in them is found there', async (t) => {
    // No answer comes too late, however busy the machine is: each has to be a hit.
    const client = await open(t, 10_000)
    for (const path of paths) await client.untilHit(path, backWithin)
    const settled = new AbortController()
    const moved = moveSlots(cluster, 1500).finally(() => settled.abort())
    t.after(() => moved)
    while (!settled.signal.aborted) {
      // Many at once: they go together, also where some of them have moved and others have not.
      const answers = await Promise.all(paths.map((path) => client.ask(path)))
      assert.ok(answers.every(({ hit }) => hit))
      await later(20)
    }
    await moved
    assert.deepEqual(client.reports, [])
  })

  test('one node is gone, which costs what it had, and comes back empty', async (t) => {
    const client = await open(t)
    for (const path of paths) await client.untilHit(path, backWithin)
    const cache = new RedisCache(backendOptions)
    t.after(() => cache.close())
    // Counted before anything else was asked, when the driver knows of no node yet.
    assert.ok((await cache.responses.size()) >= paths.length)
    await cluster.nodes[2]!.kill()
    let hits = 0
    for (const path of paths) {
      const { hit, ms } = await client.ask(path)
      assert.ok(ms < budget, `${path} took ${ms} ms`)
      if (hit) hits++
    }
    assert.ok(hits > 0 && hits < paths.length, `${hits} hits`)
    // Reads and writes once each, although what fails and what is answered come by turns.
    assert.ok(client.reports.length <= 2, `${client.reports.length} reports`)
    // Not what is left, as if that were all.
    await assert.rejects(async () => cache.responses.size())
    await cluster.nodes[2]!.restart()
    for (const path of paths) await client.untilHit(path, backWithin)
    assert.ok((await cache.responses.size()) >= paths.length)
  })
})

test(
  'redis-sentinel: the master is gone, and its replica takes over',
  {
    skip: reasonToSkip('redis-sentinel'),
  },
  async (t) => {
    const group = await startRedisSentinel()
    t.after(() => group.stop())
    const { sentinel, master, replica } = group
    const sentinels = [{ host: '127.0.0.1', port: sentinel.port }]
    const client = await openClient(t, 'redis-sentinel', {
      backend: 'redis',
      backendOptions: { sentinels, name: 'mymaster' },
    })
    for (const path of paths) await client.untilHit(path, backWithin)
    await client.caching.cache.flush()
    const [all, copied] = [master, replica].map(
      ({ port }) =>
        () =>
          redisCli(port, 'dbsize'),
    )
    while ((await copied!()) !== (await all!())) await later(20)
    await master.kill()
    await client.untilHit('/0', backWithin)
    for (const path of paths) assert.equal((await client.ask(path)).hit, true)
    assert.equal(client.reports.length, 1)
    await client.untilHit('/new', backWithin)
  },
)

async function moveSlots({ url, nodes }: RedisCluster, slots: number): Promise<void> {
  const [from, to] = await Promise.all(nodes.map(({ port }) => redisCli(port, 'cluster', 'myid')))
  await runProgram('redis-cli', [
    ...['--cluster', 'reshard', new URL(url).host, '--cluster-slots', String(slots)],
    ...['--cluster-from', from!.trim(), '--cluster-to', to!.trim(), '--cluster-yes'],
  ])
}
