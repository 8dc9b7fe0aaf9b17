/** A copy between any two backends, one of them at least behind a network. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { BaseCache } from '../../lib/cache/base-cache.ts'
import * as local from '../integration/caches.ts'
import { copiedEntries, startSite } from '../integration/copied-site.ts'
import { backendNames, type BackendName } from './backend-names.ts'
import { openBackend } from './open-caches.ts'
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
  if (skip !== false) return { name, networked: true, skip, open: () => assert.fail(skip) }
  // What has its prefix is removed at the end: databases, tables and keys.
  const { prefix, openFor } = openBackend(name, url)
  return { name, networked: true, skip, open: (t) => openFor(t, `${prefix}copy${opened++}`) }
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
  test(`update() from ${from.name}`, { skip: from.skip }, async (t) => {
    const site = await startSite(t)
    const source = from.open(t)
    const seen = await site.fill(source)
    for (const to of places) {
      if (!from.networked && !to.networked) continue
      await t.test(`to ${to.name} keeps everything`, { skip: to.skip }, async (each) => {
        const target = to.open(each)
        const all = copiedEntries
        assert.deepEqual(await target.update(source), { copied: all, skipped: 0, unreadable: 0 })
        await site.check(target, seen)
        assert.deepEqual(await target.update(source), { copied: 0, skipped: all, unreadable: 0 })
      })
    }
  })
}
