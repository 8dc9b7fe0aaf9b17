/**
 * Servers that are down, die and freeze: the caller is answered by the origin, soon, is told once,
 * and has the cache again when the server is back, without a restart of the program.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test, type TestContext } from 'node:test'
import { startClosingChild, type ClosingChild } from './closing-child.ts'
import { harmedKinds, reasonToSkip, type HarmedServer } from './harmed-server.ts'
import { budget, openClient, type OutageClient } from './outage-client.ts'

// For servers that are slow to come back, and machines that are busy.
const backWithin = 15_000
// The three seconds of `close()` and a busy machine; without care it is half a minute, or for ever.
const closedWithin = 8_000

for (const kind of harmedKinds) {
  describe(kind.service, { skip: reasonToSkip(kind.service) }, () => {
    let server: HarmedServer
    before(async () => {
      server = await kind.start()
    })
    after(() => server.stop())

    test('not there at first, then started', async (t) => {
      await server.kill()
      const clients = await openClients(t, server)
      await forAll(clients, async (client) => {
        for (let n = 0; n < 10; n++) await missed(client, `/down-${n}`)
        await Promise.all(Array.from({ length: 10 }, (_, n) => missed(client, `/together-${n}`)))
        assert.equal(client.reports.length, 1)
      })
      await endAll(await startClosingChildren(t, server))
      await server.restart()
      await forAll(clients, (client) => backAgain(client, '/up'))
    })

    test('killed with requests under way, and started again', async (t) => {
      const clients = await openClients(t, server)
      await forAll(clients, (client) => client.untilHit('/warm', backWithin))
      const underWay = clients.flatMap((client) =>
        Array.from({ length: 20 }, (_, n) => client.ask(n % 2 ? '/warm' : `/under-way-${n}`)),
      )
      await server.kill()
      for (const { ms } of await Promise.all(underWay)) assert.ok(ms < 3 * budget)
      await forAll(clients, async (client) => {
        for (let n = 0; n < 5; n++) await missed(client, `/dead-${n}`)
        // A second one where it was a write that failed first: reads might have gone on.
        assert.ok(client.reports.length === 1 || client.reports.length === 2)
      })
      await server.restart()
      await forAll(clients, (client) => backAgain(client, '/again'))
    })

    test('frozen for longer than the budget, then thawed', async (t) => {
      const clients = await openClients(t, server)
      await forAll(clients, (client) => client.untilHit('/warm', backWithin))
      const children = await startClosingChildren(t, server)
      server.freeze()
      try {
        await forAll(clients, async (client) => {
          assert.ok((await missed(client, '/warm')) < 2 * budget)
          const begin = performance.now()
          for (let n = 0; n < 5; n++) await missed(client, `/frozen-${n}`)
          const rest = performance.now() - begin
          // After two more that wait for an answer the storage rests.
          assert.ok(rest < 3 * budget, `${client.name}: five after the first took ${rest} ms`)
        })
        await endAll(children)
        await forAll(clients, async (client) => {
          await missed(client, '/still-frozen')
          assert.equal(client.reports.length, 1)
        })
      } finally {
        server.thaw()
      }
      await forAll(clients, (client) => backAgain(client, '/warm'))
    })
  })
}

/** One for each of the caches on the server: all are tried at the same time. */
function openClients(t: TestContext, { places }: HarmedServer): Promise<OutageClient[]> {
  return Promise.all(Object.entries(places).map(([name, place]) => openClient(t, name, place)))
}

async function missed(client: OutageClient, path: string): Promise<number> {
  const { hit, ms } = await client.ask(path)
  assert.equal(hit, false)
  assert.ok(ms < 3 * budget, `${client.name}: ${path} took ${ms} ms`)
  return ms
}

async function backAgain(client: OutageClient, path: string): Promise<void> {
  const reported = client.reports.length
  await client.untilHit(path, backWithin)
  assert.equal(client.reports.length, reported)
}

/** Programs with a cache each, which they close while the server is away. */
function startClosingChildren(t: TestContext, { places }: HarmedServer): Promise<ClosingChild[]> {
  return Promise.all(Object.values(places).map((place) => startClosingChild(t, place)))
}

async function endAll(children: readonly ClosingChild[]): Promise<void> {
  for (const { closing, ending } of await Promise.all(children.map((child) => child.answer()))) {
    assert.ok(closing < closedWithin, `closing took ${closing} ms`)
    assert.ok(ending < closedWithin, `it ended ${ending} ms after it had closed`)
  }
}

async function forAll(
  clients: readonly OutageClient[],
  work: (client: OutageClient) => Promise<unknown>,
): Promise<void> {
  await Promise.all(clients.map(work))
}
