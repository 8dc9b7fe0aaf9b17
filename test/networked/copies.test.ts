/** A copy between any two backends, one of them at least behind a network. */
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import * as local from '../integration/caches.ts'
import { copiedEntries, startSite } from '../integration/copied-site.ts'
import { backendNames, type BackendName } from './backend-names.ts'
import { openCache } from './open-caches.ts'
import { findServer } from './servers.ts'

interface Place {
  readonly name: string
  readonly networked: boolean
  readonly skip: string | false
  readonly open: (t: TestContext) => BaseCache
}

let opened = 0

async function networked(name: BackendName): Promise<Place> {
  const { url, skip } = await findServer(name === 'gridfs' ? 'mongodb' : name)
  const open = (t: TestContext): BaseCache => {
    const cache = openCache(name, url, `copies-${process.pid}-${Date.now() % 1e6}-${opened++}`)
    t.after(async () => {
      await cache.clear()
      await cache.close()
    })
    return cache
  }
  return { name, networked: true, skip, open }
}

const places: Place[] = await Promise.all(backendNames.map(networked))
for (const name of local.embedded) {
  const open = (t: TestContext): BaseCache => {
    const cache = local.openCache(name, local.temporaryFolder(t))
    t.after(() => cache.close())
    return cache
  }
  places.push({ name, networked: false, skip: false, open })
}

for (const from of places) {
  describe(`update() from ${from.name}`, { skip: from.skip }, async () => {
    for (const to of places) {
      if (!from.networked && !to.networked) continue
      test(`to ${to.name} keeps everything`, { skip: to.skip }, async (t) => {
        const site = await startSite(t)
        const source = from.open(t)
        const seen = await site.fill(source)
        const target = to.open(t)
        const all = copiedEntries
        assert.deepEqual(await target.update(source), { copied: all, skipped: 0, unreadable: 0 })
        await site.check(target, seen)
        assert.deepEqual(await target.update(source), { copied: 0, skipped: all, unreadable: 0 })
      })
    }
  })
}
