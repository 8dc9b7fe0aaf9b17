import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { startMongo } from '../services/servers.ts'
import type { Server } from '../services/server.ts'
import { reasonToSkip } from './harmed-server.ts'
import { budget, openClient } from './outage-client.ts'

const secret = 'a-wrong-secret'
const user = { name: 'somebody', password: 'the-right-one' }

describe('mongodb', { skip: reasonToSkip('mongodb') }, () => {
  let server: Server
  before(async () => {
    server = await startMongo({ user })
  })
  after(() => server.stop())

  for (const backend of ['mongodb', 'gridfs'] as const) {
    test(`${backend}: a wrong password costs the cache, and is not told to anybody`, async (t) => {
      const url = server.url.replace(user.password, secret)
      const client = await openClient(t, backend, { backend, backendOptions: { url } })
      for (let n = 0; n < 5; n++) {
        const { hit, ms } = await client.ask(`/${n}`)
        assert.equal(hit, false)
        assert.ok(ms < 2 * budget, `it took ${ms} ms`)
      }
      assert.equal(client.reports.length, 1)
      assert.match((client.reports[0]!.cause as Error).message, /authentication failed/i)
      const told = inspect(client.reports, { depth: Infinity, showHidden: true })
      assert.doesNotMatch(told, new RegExp(`${secret}|${user.password}`))
    })
  }

  test('with the right one it is used', async (t) => {
    const { url } = server
    const client = await openClient(t, 'mongodb', { backend: 'mongodb', backendOptions: { url } })
    await client.untilHit('/', 15_000)
    assert.deepEqual(client.reports, [])
  })
})
