import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FileStorage } from '../../../lib/backends/filesystem/file-storage.ts'
import { FileCache } from '../../../lib/backends/filesystem/file-cache.ts'
import { endOf, firstOutput, startChild } from '../child.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { wholeOf, writeOf } from '../writes.ts'

const folder = temporaryFolder()
let made = 0

function newStorage(): FileStorage {
  return new FileStorage(join(folder, String(made++)))
}

function filesIn(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .toSorted()
}

const corrupt = { name: 'CacheError', code: 'ERR_CACHE_ENTRY_CORRUPT' }

describe('the files of a cache', () => {
  test('are one for each record, spread over folders', () => {
    const storage = newStorage()
    for (let i = 0; i < 500; i++) storage.set(`key${i}`, writeOf(i))
    const files = filesIn(storage.directory)
    assert.equal(files.length, 500, 'something else was left')
    for (const file of files) assert.match(file, /^[0-9a-f]{2}[/\\]key\d+\.cached$/)
    const folders = new Set(files.map((file) => file.split(sep)[0]))
    assert.ok(folders.size > 50, `only ${folders.size} folders`)
  })

  test('paths: of a cache leaves out the parts of long bodies', async (t) => {
    const cache = new FileCache(join(folder, String(made++)))
    t.after(() => cache.close())
    await cache.responses.set('entry', writeOf(1))
    await cache.responses.set('entry.pabc-def.0', writeOf(2))
    const files = new FileStorage(join(cache.directory, 'responses'))
    assert.deepEqual(await Array.fromAsync(cache.paths()), [files.pathOf('entry')])
  })

  test('are made at the first write, not before', async () => {
    const storage = newStorage()
    assert.equal(storage.get('a'), undefined)
    assert.equal(storage.delete('a'), false)
    assert.equal(await storage.size(), 0)
    await storage.clear()
    await storage.close()
    assert.ok(!existsSync(storage.directory))
  })

  test('never lie outside of their folder', async () => {
    const storage = newStorage()
    const keys = [
      '..',
      '.',
      '../x',
      '../../x',
      '/x',
      'x/../../y',
      '..\\x',
      'C:\\x',
      'x\0',
      '.hidden',
    ]
    for (const key of ['', ...keys]) {
      for (const use of [
        () => storage.set(key, writeOf(1)),
        () => storage.get(key),
        () => storage.delete(key),
        () => storage.has(key),
      ]) {
        assert.throws(use, { name: 'CacheError', code: 'ERR_CACHE_KEY_INVALID' }, key)
      }
    }
    assert.ok(!existsSync(storage.directory))
    assert.equal(await storage.size(), 0)
  })

  test('that a write could not finish do not stay', () => {
    const storage = newStorage()
    storage.set('a', writeOf(1))
    // A folder in its place: the renaming fails.
    mkdirSync(join(dirname(storage.pathOf('b')), 'b.cached', 'x'), { recursive: true })
    assert.throws(() => storage.set('b', writeOf(2)))
    assert.deepEqual(
      filesIn(storage.directory).filter((file) => file.endsWith('.tmp')),
      [],
    )
  })
})

test('a folder of records that is a link to another disk is listed and cleared', async (t) => {
  if (process.platform === 'win32') return t.skip('links need a permission there')
  const storage = newStorage()
  for (let i = 0; i < 20; i++) storage.set(`key${i}`, { ...writeOf(i), expiresAt: 1 })
  for (const shard of readdirSync(storage.directory)) {
    const elsewhere = join(folder, `elsewhere-${shard}`)
    renameSync(join(storage.directory, shard), elsewhere)
    symlinkSync(elsewhere, join(storage.directory, shard))
  }
  symlinkSync('nowhere', join(storage.directory, 'ff'))
  assert.ok(storage.has('key7'))
  assert.equal(await storage.size(), 20)
  assert.equal(await storage.deleteExpired(2, 5), 5)
  await storage.clear()
  assert.equal(await storage.size(), 0)
  return assert.ok(!storage.has('key7'))
})

describe('files of others', () => {
  const names = [
    'README.txt',
    'note.cached',
    join('00', 'note.txt'),
    join('00', '%zz.cached'),
    join('00', 'a b.cached'),
    join('00', '.cached'),
    join('00', '%2E%2E%2Fx.cached'),
    join('00', '%61.cached'),
    join('00', 'mine.tmp'),
    join('00', 'mine.cached.tmp'),
    join('zz', 'a.cached'),
    join('000', 'a.cached'),
  ]

  function withForeignFiles(): FileStorage {
    const storage = newStorage()
    for (const name of names) {
      const path = join(storage.directory, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, `theirs: ${name}`)
    }
    return storage
  }

  test('are not listed', async () => {
    const storage = withForeignFiles()
    storage.set('ours', writeOf(1))
    assert.deepEqual(await Array.fromAsync(storage.keys()), ['ours'])
    assert.equal((await Array.fromAsync(storage.heads())).length, 1)
    assert.equal((await Array.fromAsync(storage.entries())).length, 1)
    assert.equal(await storage.size(), 1)
  })

  test('stay where they are when the cache is cleared', async () => {
    const storage = withForeignFiles()
    for (let i = 0; i < 50; i++) storage.set(`key${i}`, writeOf(i))
    await storage.clear()
    await storage.deleteExpired(Date.UTC(9999, 0), 100)
    assert.deepEqual(filesIn(storage.directory), names.toSorted())
    for (const name of names) {
      assert.equal(readFileSync(join(storage.directory, name), 'utf8'), `theirs: ${name}`)
    }
  })

  test('a file in a folder that is not its key’s is not a record', async () => {
    const storage = newStorage()
    storage.set('a', writeOf(1))
    const shard = dirname(storage.pathOf('a')).endsWith('00') ? '01' : '00'
    mkdirSync(join(storage.directory, shard))
    writeFileSync(join(storage.directory, shard, 'a.cached'), 'a copy')
    assert.deepEqual(await Array.fromAsync(storage.keys()), ['a'])
    assert.equal(await storage.size(), 1)
  })

  test('a folder under the name of a record is no record', async () => {
    const storage = newStorage()
    storage.set('a', writeOf(1))
    mkdirSync(storage.pathOf('folder'), { recursive: true })
    assert.deepEqual(await Array.fromAsync(storage.keys()), ['a'])
    assert.equal((await Array.fromAsync(storage.heads())).length, 1)
    assert.equal(await storage.deleteExpired(Date.now(), 100), 0)
    await storage.clear()
    assert.ok(existsSync(storage.pathOf('folder')))
  })

  test('one under the name of a record is corrupt, and the rest is listed', async () => {
    const storage = newStorage()
    for (const key of ['a', 'b', 'c', 'd', 'e']) storage.set(key, writeOf(1))
    writeFileSync(storage.pathOf('a'), 'garbage')
    writeFileSync(storage.pathOf('b'), '')
    truncateSync(storage.pathOf('c'), 500)
    writeFileSync(storage.pathOf('d'), Buffer.alloc(2_000, 255))
    for (const key of ['a', 'b', 'c', 'd']) assert.throws(() => storage.get(key), corrupt)
    const listed = (await Array.fromAsync(storage.heads())).toSorted((a, b) =>
      a.key < b.key ? -1 : 1,
    )
    assert.deepEqual(
      listed.map((each) => each.key),
      ['a', 'b', 'c', 'd', 'e'],
    )
    // What was cut has its head still.
    for (const at of [0, 1, 3]) assert.throws(() => listed[at]!.head, corrupt)
    for (const at of [2, 4]) assert.equal(listed[at]!.head, '1')
    assert.equal(await storage.deleteExpired(Date.now(), 10), 0)
    storage.set('a', writeOf(2))
    assert.equal(storage.get('a')?.head, '2')
    assert.equal(storage.delete('b'), true)
  })

  test('what a killed process has left is removed after an hour, not before', async () => {
    const storage = newStorage()
    storage.set('a', writeOf(1))
    const [young, old] = ['.1234-0123abcd.tmp', '.1235-0123abcd.tmp'].map(
      (ending) => storage.pathOf('a') + ending,
    ) as [string, string]
    for (const path of [young, old]) writeFileSync(path, 'unfinished')
    const twoHoursAgo = Date.now() / 1_000 - 7_200
    utimesSync(old, twoHoursAgo, twoHoursAgo)
    await storage.deleteExpired(Date.now(), 100)
    assert.deepEqual([existsSync(young), existsSync(old)], [true, false])
    await storage.clear()
    assert.equal(existsSync(young), false)
  })
})

describe('files and other processes', () => {
  test('8 of them write and read one folder', async () => {
    const path = join(folder, String(made++))
    const names = Array.from({ length: 8 }, (_, i) => `child${i}`)
    const ends = names.map((name) => endOf(startChild('share', 'filesystem', path, name)))
    assert.deepEqual(await Promise.all(ends), Array<number>(8).fill(0))
    const { responses } = new FileCache(path)
    assert.equal(await responses.size(), 8 * 100 + 5)
    for await (const record of responses.values()) wholeOf(record)
    assert.equal(filesIn(path).length, 8 * 100 + 5)
  })

  test('one that is killed in the middle of writing leaves whole records', async () => {
    for (const wait of [0, 7, 23]) {
      const path = join(folder, String(made++))
      const child = startChild('endless', 'filesystem', path)
      await firstOutput(child)
      await sleep(wait)
      child.kill('SIGKILL')
      assert.equal(await endOf(child), 'SIGKILL')
      const { responses, directory } = new FileCache(path)
      assert.equal(await responses.size(), 20)
      for await (const record of responses.values()) wholeOf(record)
      await responses.clear()
      assert.ok(!existsSync(join(directory, 'responses')), 'something was left')
    }
  })
})
