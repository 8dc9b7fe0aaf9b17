/** What only reads makes nothing where there is nothing. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findServer } from '../networked/servers.ts'
import { fillCache } from './filled-cache.ts'
import { runCli, temporaryFolder } from './run-cli.ts'

const reading: readonly (readonly string[])[] = [
  ['ls'],
  ['show', 'https://example.com/'],
  ['history', 'https://example.com/'],
  ['rm', '--expired'],
  ['prune'],
  ['stats'],
  ['verify', '--repair'],
  ['export', 'x.har'],
  ['bench'],
]

for (const [name, ...rest] of reading) {
  test(`${name} makes no cache where there is none`, async (t) => {
    const folder = temporaryFolder(t)
    for (const address of ['sqlite:typo', 'file:typo']) {
      const { code, out, err } = await runCli([name!, address, ...rest], { folder })
      assert.deepEqual([code, out], [1, ''])
      assert.equal(err, `undici-cache: there is no cache at ${address}\n`)
    }
    assert.deepEqual(readdirSync(folder), [])
  })
}

test('copy makes no TO where there is no FROM', async (t) => {
  const folder = temporaryFolder(t)
  const { code, err } = await runCli(['copy', 'sqlite:typo', 'sqlite:copied'], { folder })
  assert.deepEqual([code, err], [1, 'undici-cache: there is no cache at sqlite:typo\n'])
  assert.deepEqual(readdirSync(folder), [])
})

test('an empty file is no cache, and stays empty', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'empty.sqlite'), '')
  const { code } = await runCli(['ls', 'sqlite:empty'], { folder })
  assert.equal(code, 1)
  assert.equal(readFileSync(join(folder, 'empty.sqlite')).byteLength, 0)
})

test('a file of somebody else is refused, and stays as it is', async (t) => {
  const folder = temporaryFolder(t)
  const text = 'somebody else wrote this, and it is long enough to be a header. '.repeat(4)
  writeFileSync(join(folder, 'notes.txt'), text)
  const { code, err } = await runCli(['rm', 'sqlite:notes.txt', '--all'], { folder })
  assert.equal(code, 1)
  assert.match(err, /notes\.txt' is no usable database/)
  assert.equal(readFileSync(join(folder, 'notes.txt'), 'utf8'), text)
})

test('reading leaves no file behind', async (t) => {
  const { folder } = await fillCache(t)
  assert.equal((await runCli(['ls'], { folder })).code, 0)
  assert.deepEqual(readdirSync(folder), ['http_cache.sqlite'])
})

test('a pattern that names a cache is told from one', async (t) => {
  const { folder } = await fillCache(t)
  const { code, err } = await runCli(['ls', 'http_cache'], { folder })
  assert.equal(code, 1)
  assert.match(err, /nothing of the kind; the cache of that name is 'sqlite:http_cache'/)
})

const name = `cli_${randomUUID().slice(0, 8)}`

function inDatabase(url: string): string {
  const { host, search } = new URL(url)
  return `mongodb://${host}/${name}${search}`
}

const onServers = {
  mongodb: (url: string) => inDatabase(url),
  gridfs: (url: string) => `gridfs+${inDatabase(url)}`,
  dynamodb: (url: string) => `dynamodb:${name}?region=local&endpoint=${url}`,
}

for (const [backend, address] of Object.entries(onServers)) {
  const { url, skip } = await findServer(backend === 'gridfs' ? 'mongodb' : backend)
  test(`reading makes nothing in ${backend}`, { skip }, async (t) => {
    const folder = temporaryFolder(t)
    const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' }
    // What the first one had made, the second one would find.
    for (const command of ['stats', 'ls', 'ls']) {
      const { code, out, err } = await runCli([command, address(url)], { folder, env })
      assert.deepEqual([code, out], [1, ''])
      assert.match(err, /there is no (?:cache at|table) /)
    }
  })
}
