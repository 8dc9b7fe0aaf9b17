import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { fillCache, responses } from './filled-cache.ts'
import { runCli, temporaryFolder, type Ran } from './run-cli.ts'

async function removed(run: Promise<Ran>): Promise<number> {
  const { code, out, err } = await run
  const { removed: count } = JSON.parse(out) as { removed: number }
  assert.equal(code, count === 0 ? 1 : 0, err)
  return count
}

describe('undici-cache rm', () => {
  test('removes URLs, with their variants and redirects', async (t) => {
    const { folder, url } = await fillCache(t)
    const rm = (...args: string[]): Promise<number> =>
      removed(runCli(['rm', ...args, '--json'], { folder }))
    assert.equal(await rm(`${url}/varies`), 2)
    assert.equal(await rm(`${url}/old`), 2)
    assert.equal(await rm(`${url}/page`, `${url}/tagged`), 2)
    assert.equal(await rm(`${url}/page`), 0)
    const { out } = await runCli(['ls'], { folder })
    assert.doesNotMatch(out, /varies|\/new|tagged|page$/m)
    assert.match(out, /page\?api_key/, 'another request')
  })

  test('removes what meets conditions, or a key', async (t) => {
    const { folder, url } = await fillCache(t)
    const rm = (...args: string[]): Promise<number> =>
      removed(runCli(['rm', ...args, '--json'], { folder }))
    const { host } = new URL(url)
    assert.equal(await rm('--expired'), 1)
    assert.equal(await rm('--tag', 'news'), 1)
    assert.equal(await rm('--match', `${host}/varies`, '--older-than', '7d'), 0)
    assert.equal(await rm('--match', `${host}/varies`), 2)
    const { out } = await runCli(['ls', `${host}/picture`], { folder })
    assert.equal(await rm(out.split('\t')[0]!), 1)
  })

  test('--all removes everything, and says how much', async (t) => {
    const { folder } = await fillCache(t)
    const { code, out } = await runCli(['rm', '--all'], { folder })
    assert.deepEqual([code, out], [0, `${responses + 1} entries removed\n`])
    const { out: stats } = await runCli(['stats', '--json'], { folder })
    assert.match(stats, /"responses": 0,\n {2}"redirects": 0/)
    assert.equal((await runCli(['ls'], { folder })).code, 1)
  })
})

describe('undici-cache prune', () => {
  test('removes what is of no use any more, and nothing else', async (t) => {
    const folder = temporaryFolder(t)
    const server = createServer((_, response) => response.end('short'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const get = (path: string, age: string): Promise<Ran> =>
      runCli(['get', url + path, '--expire-after', age], { folder })
    assert.equal((await get('/long', '1h')).code, 0)
    // The last one: a cache that is used removes by itself what has expired before.
    assert.equal((await get('/short', '1ms')).code, 0)
    assert.deepEqual(JSON.parse((await runCli(['prune', '--json'], { folder })).out), {
      removed: 1,
      unreadable: 0,
    })
    const { out } = await runCli(['ls', '--json'], { folder })
    assert.match(out, /\/long"/)
    assert.doesNotMatch(out, /\/short"/)
    assert.equal((await runCli(['prune'], { folder })).out, '0 records removed\n')
  })
})

describe('undici-cache get', () => {
  test('makes the cache, asks the origin once, and says from where', async (t) => {
    const { folder, origin, url } = await fillCache(t)
    const first = await runCli(['get', 'file:fresh', `${url}/fetched`], { folder })
    assert.deepEqual([first.code, first.out], [0, '<p>Grüße von /fetched</p>'])
    assert.match(first.err, /^undici-cache: 200 OK, from the origin \(uri-miss\)\n$/)
    const again = await runCli(['get', 'file:fresh', `${url}/fetched`], { folder })
    assert.deepEqual([again.code, again.out], [0, first.out])
    assert.match(again.err, /^undici-cache: 200 OK, from the cache \(fresh, stored \d+ s ago\)\n$/)
    assert.equal(origin.count('/fetched'), 1)
    const told = await runCli(['get', 'file:fresh', `${url}/fetched`, '--json'], { folder })
    const { from, status, body } = JSON.parse(told.out) as Record<string, unknown>
    assert.deepEqual([from, status, body], ['cache', 200, first.out])
  })

  test('sends header fields, so that each variant is its own', async (t) => {
    const { folder, origin, url } = await fillCache(t)
    const get = (language: string): Promise<Ran> =>
      runCli(['get', 'file:fresh', `${url}/varies`, '-H', `Accept-Language: ${language}`], {
        folder,
      })
    assert.equal((await get('fr')).out, 'in fr')
    assert.equal((await get('it')).out, 'in it')
    const before = origin.count('/varies')
    assert.equal((await get('fr')).out, 'in fr')
    assert.equal(origin.count('/varies'), before)
  })

  test('decodes, follows redirects, and asks anew where it is told to', async (t) => {
    const { folder, origin, url } = await fillCache(t)
    assert.equal((await runCli(['get', `${url}/data.json`], { folder })).out, '{"some":"data"}')
    assert.match((await runCli(['get', `${url}/old`], { folder })).out, /von \/new/)
    assert.equal(origin.count('/old'), 1)
    const { err } = await runCli(['get', `${url}/page`, '--refresh'], { folder })
    assert.match(err, /from the origin \(request\)/)
    assert.equal(origin.requests.filter(({ path }) => path === '/page').length, 2)
  })

  test('a status of 400 or more, and no origin, are failures', async (t) => {
    const { folder, origin, url } = await fillCache(t)
    const missing = await runCli(['get', `${url}/missing`], { folder })
    assert.deepEqual([missing.code, missing.out], [1, 'there is nothing'])
    const offline = await runCli(['get', `${url}/never-asked`, '--offline'], { folder })
    assert.deepEqual([offline.code, offline.out], [1, ''])
    assert.match(offline.err, /nothing fresh is stored for .*\/never-asked in sqlite:http_cache/)
    assert.equal(origin.count('/never-asked'), 0)
    await origin.close()
    const gone = await runCli(['get', `${url}/gone`], { folder })
    assert.deepEqual([gone.code, gone.out], [1, ''])
    assert.match(gone.err, /\/gone: fetch failed: connect ECONNREFUSED/)
    const stored = await runCli(['get', `${url}/data.json`], { folder })
    assert.deepEqual([stored.code, stored.out], [0, '{"some":"data"}'])
  })
})

describe('undici-cache bench', () => {
  test('measures, and leaves nothing behind', async (t) => {
    const { folder } = await fillCache(t)
    const before = await runCli(['ls'], { folder })
    const { code, out, err } = await runCli(['bench', '--bytes', '2000', '--json'], { folder })
    assert.equal(code, 0, err)
    const { cache, bytes, ...rates } = JSON.parse(out) as Record<string, unknown>
    assert.deepEqual([cache, bytes], ['sqlite:http_cache', 2000])
    for (const rate of ['writes', 'reads', 'hits']) assert.ok(Number(rates[rate]) > 0, rate)
    assert.equal((await runCli(['ls'], { folder })).out, before.out)
  })
})
