/** One entry that cannot be read is counted and reported, and ends nothing. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { fillCache, responses, type Filled } from './filled-cache.ts'
import { runCli, type Ran } from './run-cli.ts'

interface Database {
  prepare(sql: string): { run(...parameters: unknown[]): unknown }
  close(): void
}

const Driver = createRequire(import.meta.url)('better-sqlite3') as new (path: string) => Database

/** Breaks a head, a request, a digest and a part, and leaves a body and a chain over. */
async function damagedCache(t: TestContext): Promise<Filled> {
  const filled = await fillCache(t)
  const database = new Driver(join(filled.folder, 'http_cache.sqlite'))
  const change = (sql: string, like: string): unknown =>
    database.prepare(`UPDATE responses SET ${sql} WHERE head LIKE ?`).run(`%${like}"%`)
  change(`head = 'garbage'`, '/page')
  change(`head = substr(head, 1, instr(head, char(10))) || '{}'`, '/picture.png')
  change(`body = CAST('<p>Grüße aus /tagged</p>' AS BLOB)`, '/tagged')
  database.prepare(`DELETE FROM responses WHERE key LIKE '%.p%.1'`).run()
  const yesterday = (Date.now() - 86_400_000).toString(36)
  const insert = (table: string, key: string, head: string): unknown =>
    database.prepare(`INSERT INTO ${table} (key, head, body) VALUES (?, ?, x'00')`).run(key, head)
  insert('responses', `${'A'.repeat(43)}.p${yesterday}-x.0`, '{"part":0}')
  const chain = { version: 1, text: 'x', history: ['http://a/'], target: 'B'.repeat(43) }
  insert('redirects', `${'C'.repeat(43)}.chain`, `${JSON.stringify(chain)}\n{}`)
  database.close()
  return filled
}

const run = (folder: string, ...args: string[]): Promise<Ran> => runCli(args, { folder })

describe('a damaged cache', () => {
  test('is listed, counted, exported and copied all the same', async (t) => {
    const { folder } = await damagedCache(t)
    const ls = await run(folder, 'ls')
    assert.equal(ls.code, 0)
    assert.equal(ls.out.trimEnd().split('\n').length, responses - 2)
    assert.match(ls.err, /^undici-cache: 2 entries of sqlite:http_cache cannot be read, and were/)
    const json = await run(folder, 'ls', '--json')
    assert.deepEqual(JSON.parse(json.out.trimEnd().split('\n').at(-1)!), { unreadable: 2 })
    const stats = await run(folder, 'stats', '--json')
    const counts = JSON.parse(stats.out) as { responses: number; unreadable: number }
    assert.deepEqual([counts.responses, counts.unreadable], [responses - 2, 2])
    const exported = await run(folder, 'export', 'x.har', '--json')
    assert.deepEqual(
      [exported.code, JSON.parse(exported.out)],
      [
        0,
        {
          file: 'x.har',
          responses: responses - 4,
          redirects: 1,
          chains: 0,
          tooLong: 0,
          unreadable: 4,
        },
      ],
    )
    assert.match(exported.err, /4 entries of .* cannot be read/)
    const copied = await run(folder, 'copy', 'sqlite:http_cache', 'file:copied', '--json')
    assert.equal(copied.code, 0)
    assert.equal((JSON.parse(copied.out) as { unreadable: number }).unreadable, 4)
  })

  test('is removed from all the same', async (t) => {
    const { folder, url } = await damagedCache(t)
    const { code, out, err } = await run(folder, 'rm', `${url}/varies`, '--json')
    assert.deepEqual([code, JSON.parse(out)], [0, { removed: 2, unreadable: 2 }])
    assert.match(err, /2 entries of .* cannot be read/)
    const broken = await run(folder, 'rm', `${url}/page`, '--json')
    assert.deepEqual([broken.code, JSON.parse(broken.out)], [0, { removed: 1, unreadable: 2 }])
    assert.equal((await run(folder, 'prune')).code, 0)
    assert.equal((await run(folder, 'history', `${url}/old`)).code, 0)
    assert.equal((await run(folder, 'show', `${url}/long-body`, '--head')).code, 0)
  })

  test('verify names what is broken, and --repair removes it', async (t) => {
    const { folder, url } = await damagedCache(t)
    const found = await run(folder, 'verify')
    assert.equal(found.code, 1)
    const rows = found.out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    const kinds = rows.map(([kind, storage, , message]) => `${kind} ${storage} ${message}`)
    assert.deepEqual(kinds.toSorted(), [
      'endless redirects the last response of its redirects is not stored',
      'orphan responses a body in parts (1) that no entry refers to',
      'unreadable responses stored entry is corrupt: a part of its body',
      'unreadable responses stored entry is corrupt: its head',
      'unreadable responses stored entry is corrupt: the digest of its body',
      'unreadable responses stored entry is corrupt: the digest of its head',
    ])
    assert.match(found.err, /'verify --repair' removes what is broken/)

    const repaired = await run(folder, 'verify', '--repair', '--json')
    const { problems, ...counts } = JSON.parse(repaired.out) as { problems: unknown[] }
    assert.equal(repaired.code, 0)
    assert.equal(problems.length, 6)
    const whole = { responses: responses - 4, redirects: 1 }
    const { bodyBytes: _, ...rest } = counts as Record<string, number>
    assert.deepEqual(rest, { ...whole, unreadable: 4, orphans: 1, endless: 1, removed: 6 })

    const after = await run(folder, 'verify', '--json')
    assert.equal(after.code, 0)
    assert.deepEqual((JSON.parse(after.out) as { problems: unknown[] }).problems, [])
    const ls = await run(folder, 'ls')
    assert.deepEqual([ls.err, ls.out.trimEnd().split('\n').length], ['', responses - 4])
    // What was removed is asked for anew.
    const got = await run(folder, 'get', `${url}/page`)
    assert.match(got.err, /from the origin \(uri-miss\)/)
  })

  test('verify --repair removes nothing where the serializer in the address is wrong', async (t) => {
    const { folder } = await fillCache(t)
    await run(folder, 'copy', 'sqlite:http_cache', 'file:dump?serializer=json')
    const { code, out, err } = await run(folder, 'verify', 'file:dump', '--repair')
    assert.equal(code, 1)
    assert.match(out, /it was written by serializer 'json', not by 'native'/)
    assert.match(err, /nothing was removed: .* the serializer or the secret in the address/)
    const right = await run(folder, 'verify', 'file:dump?serializer=json', '--json')
    assert.equal(right.code, 0)
    assert.equal((JSON.parse(right.out) as { responses: number }).responses, responses)
  })
})
