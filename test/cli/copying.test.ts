import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { RedisCache } from '../../lib/backends/redis/redis-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { copiedEntries, startSite, type Seen, type Site } from '../integration/copied-site.ts'
import { findServer } from '../networked/servers.ts'
import { runCli, temporaryFolder } from './run-cli.ts'

interface Filled {
  readonly folder: string
  readonly site: Site
  readonly seen: readonly Seen[]
}

/** `http_cache.sqlite` with redirects, variants, long bodies and a credential. */
async function fill(t: TestContext): Promise<Filled> {
  const folder = temporaryFolder(t)
  const site = await startSite(t)
  await using cache = new SQLiteCache(join(folder, 'http_cache'))
  return { folder, site, seen: await site.fill(cache) }
}

async function copy(folder: string, ...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await runCli(['copy', ...args, '--json'], { folder })
  assert.equal(code, 0, err)
  return JSON.parse(out) as Record<string, unknown>
}

test('from SQLite into files of JSON and back: everything is a hit', async (t) => {
  const { folder, site, seen } = await fill(t)
  const files = 'file:dump?serializer=json'
  assert.deepEqual(await copy(folder, 'sqlite:http_cache', files), {
    from: 'sqlite:http_cache',
    to: files,
    copied: copiedEntries,
    skipped: 0,
    unreadable: 0,
  })
  const dump = new FileCache(join(folder, 'dump'), { serializer: 'json' })
  await site.check(dump, seen)
  await dump.close()
  await copy(folder, files, 'sqlite:back')
  await using back = new SQLiteCache(join(folder, 'back'))
  await site.check(back, seen)
})

test('through compression and encryption, with the secret in a variable', async (t) => {
  const { folder, site, seen } = await fill(t)
  const env = { CACHE_KEY: 'a'.repeat(64) }
  const locked = 'sqlite:locked?compress=zstd&encrypt=CACHE_KEY'
  const there = await runCli(['copy', 'sqlite:http_cache', locked], { folder, env })
  assert.deepEqual([there.code, there.out], [0, `${copiedEntries} entries copied\n`])
  const wrong = await runCli(['verify', locked], { folder, env: { CACHE_KEY: 'b'.repeat(64) } })
  assert.equal(wrong.code, 1)
  assert.match(wrong.out, /cannot be decrypted/)
  assert.doesNotMatch(wrong.out + wrong.err, /bbbb|aaaa/)
  const back = await runCli(['copy', locked, 'sqlite:back'], { folder, env })
  assert.equal(back.code, 0, back.err)
  await using cache = new SQLiteCache(join(folder, 'back'))
  await site.check(cache, seen)
})

test('a second time everything is left alone, and --no-overwrite leaves what differs', async (t) => {
  const { folder } = await fill(t)
  await copy(folder, 'sqlite:http_cache', 'file:dump')
  const again = await copy(folder, 'sqlite:http_cache', 'file:dump')
  assert.deepEqual([again['copied'], again['skipped']], [0, copiedEntries])
  const dump = new FileCache(join(folder, 'dump'))
  assert.ok((await dump.resetExpiration('1h')) > 0)
  const kept = await copy(folder, 'sqlite:http_cache', 'file:dump', '--no-overwrite')
  assert.equal(kept['copied'], 0)
  const replaced = await copy(folder, 'sqlite:http_cache', 'file:dump', '--overwrite')
  assert.ok(Number(replaced['copied']) > 0)
})

const { url, skip } = await findServer('redis')

test('through Redis', { skip }, async (t) => {
  const { folder, site, seen } = await fill(t)
  const namespace = `cli-${randomUUID()}`
  const address = `${url}/0?namespace=${namespace}`
  const run = (...args: string[]): ReturnType<typeof runCli> => runCli(args, { folder })
  // Its own folder may be gone by then.
  t.after(() => runCli(['rm', address, '--all'], { folder: tmpdir() }))
  const empty = await run('ls', address)
  assert.deepEqual([empty.code, empty.out], [1, ''])
  await copy(folder, 'sqlite:http_cache', address)
  assert.equal((await run('verify', address)).code, 0)
  const redis = new RedisCache(namespace, { url })
  await site.check(redis, seen)
  await redis.close()
  await copy(folder, address, 'file:dump')
  await site.check(new FileCache(join(folder, 'dump')), seen)
  const { code, out } = await run('rm', address, '--all')
  assert.deepEqual([code, out], [0, `${copiedEntries - 1} entries removed\n`])
})
