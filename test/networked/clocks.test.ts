/** The clocks of a program and of its server are minutes apart: nothing is lost, and nothing stays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StoredRecord } from '../../lib/storage/base-storage.ts'
import { backendNames } from './backend-names.ts'
import { describeBackends } from './open-caches.ts'

const minute = 60_000
const lifetime = 3 * minute
/** What a server may be told too much, so that nothing goes early: seconds, and their rounding. */
const slack = 5_000

await describeBackends(backendNames, ({ prefix, server, openFor, name }) => {
  for (const apart of [-10 * minute, 10 * minute]) {
    const what = apart < 0 ? 'behind' : 'ahead'
    test(`a program whose clock is ${what}`, async (t) => {
      const realNow = Date.now
      // Only this test runs here meanwhile, and the server has a process of its own.
      Date.now = () => realNow() + apart
      t.after(() => {
        Date.now = realNow
      })
      const cacheName = `${prefix}${what}`
      const { responses } = openFor(t, cacheName)
      const expiresAt = Date.now() + lifetime
      const record: StoredRecord = { head: '<short>', body: Buffer.from('body'), expiresAt }
      await responses.set('a', record)
      await responses.set('group.0', record)
      await responses.setMany([['b', record]])
      await responses.set('c', { ...record, expiresAt: undefined })
      assert.ok(await responses.replaceHead('c', '<short>', { head: '<short>', expiresAt }))
      const ends = (await server.records(cacheName))
        .filter(({ text }) => text.includes('<short>'))
        .map((found) => found.expiresAt! - realNow())
      assert.equal(ends.length, 4)
      for (const left of ends) {
        assert.ok(left > lifetime - slack && left < lifetime + slack, `it goes in ${left} ms`)
      }
      for (const key of ['a', 'b', 'c', 'group.0']) {
        assert.equal((await responses.get(key))?.expiresAt, expiresAt, key)
      }
      for await (const found of responses.heads()) assert.equal(found.expiresAt, expiresAt)
      // By its own clock it is over then, and not before.
      if (name === 'mongodb' || name === 'gridfs') {
        assert.equal(await responses.deleteExpired(expiresAt - slack, 10), 0)
        assert.equal(await responses.deleteExpired(expiresAt + slack, 10), 4)
      }
    })
  }
})
