import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Agent, fetch } from 'undici'
import { FileCache } from '../../lib/backends/filesystem/file-cache.ts'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import type { HarEntry } from '../../lib/har/format.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { copiedEntries, startSite, type Seen, type Site } from '../integration/copied-site.ts'
import { fillCache } from './filled-cache.ts'
import { recordedSession } from './recorded-session.ts'
import { runCli, runShell, temporaryFolder } from './run-cli.ts'

const readHar = (path: string): HarEntry[] => {
  const text = readFileSync(path, 'utf8')
  return (JSON.parse(text) as { log: { entries: HarEntry[] } }).log.entries
}

async function filledBy(site: Site, path: string): Promise<Seen[]> {
  await using cache = new SQLiteCache(path)
  return await site.fill(cache)
}

describe('undici-cache export', () => {
  test('writes HAR 1.2 that other programs read', async (t) => {
    const { folder, url } = await fillCache(t)
    const { code, out, err } = await runCli(['export', 'site.har'], { folder })
    assert.deepEqual([code, out], [0, ''])
    assert.match(err, /11 responses and 1 redirect of sqlite:http_cache exported/)
    const text = readFileSync(join(folder, 'site.har'), 'utf8')
    const { log } = JSON.parse(text) as { log: { version: string; creator: { name: string } } }
    assert.deepEqual([log.version, log.creator.name], ['1.2', 'undici-cache'])
    const entries = readHar(join(folder, 'site.har'))
    assert.equal(entries.length, 12)
    const find = (path: string): HarEntry =>
      entries.find(({ request }) => request.url === url + path)!
    const { request, response, startedDateTime, timings } = find('/data.json')
    assert.ok(!Number.isNaN(Date.parse(startedDateTime)))
    assert.deepEqual(timings, { send: 0, wait: 0, receive: 0 })
    assert.deepEqual([request.method, request.bodySize], ['GET', -1])
    assert.equal(response.status, 200)
    const { size, mimeType, text: body, compression } = response.content!
    const bytes = response.bodySize!
    assert.deepEqual(
      [size, mimeType, body, compression],
      [15, 'application/json', '{"some":"data"}', 15 - bytes],
    )
    const old = find('/old').response
    assert.deepEqual([old.status, old.redirectURL], [302, '/new'])
    const picture = find('/picture.png').response.content!
    assert.deepEqual([picture.encoding, picture.text], ['base64', 'iVBORwABAv8='])
    assert.doesNotMatch(text, /this-is-a-secret-key/)
    assert.match(text, /api_key=REDACTED/)
  })

  test('writes what is selected, to standard output if wanted', async (t) => {
    const { folder } = await fillCache(t)
    const { out, err } = await runShell('undici-cache export - --tag news', { folder })
    const { log } = JSON.parse(out) as { log: { entries: HarEntry[] } }
    assert.deepEqual(
      log.entries.map(({ request }) => new URL(request.url).pathname),
      ['/tagged'],
    )
    assert.match(err, /1 response and 0 redirects/)
  })
})

describe('undici-cache import', () => {
  test('of what was exported: everything is a hit, redirects and variants included', async (t) => {
    const folder = temporaryFolder(t)
    const site = await startSite(t)
    const seen = await filledBy(site, join(folder, 'http_cache'))
    assert.equal((await runCli(['export', 'site.har'], { folder })).code, 0)
    const { code, out, err } = await runCli(['import', 'file:again', 'site.har'], { folder })
    assert.deepEqual([code, err], [0, ''])
    assert.match(out, new RegExp(`^\\d+ entries read, ${copiedEntries} stored\n$`))
    await site.check(new FileCache(join(folder, 'again')), seen)
    const twice = await runCli(['import', 'file:again', 'site.har', '--json'], { folder })
    const { stored, unchanged } = JSON.parse(twice.out) as Record<string, number>
    assert.deepEqual([stored, unchanged], [0, copiedEntries])
  })

  test('of what was exported: a compressed body is the same bytes', async (t) => {
    const { folder, url } = await fillCache(t)
    const bytes = async (address: string): Promise<string> => {
      const line = `undici-cache show ${address} ${url}/data.json --body | od -An -tx1`
      return (await runShell(line, { folder })).out
    }
    const line = 'undici-cache export - | undici-cache import file:again -'
    const { code, out } = await runShell(line, { folder })
    assert.deepEqual([code, out], [0, '12 entries read, 12 stored\n'])
    assert.match(await bytes('file:again'), /^ 1f 8b /)
    assert.equal(await bytes('file:again'), await bytes('sqlite:http_cache'))
  })

  test('of what a browser has recorded: the same requests are hits', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'session.har'), JSON.stringify(recordedSession))
    const { code, out, err } = await runCli(
      ['import', 'session.har', '--expire-after', '7d', '--json'],
      { folder },
    )
    assert.equal(code, 0, err)
    const { notStored, stored, decoded, entries, unreadable } = JSON.parse(out) as Record<
      string,
      unknown
    >
    assert.deepEqual([entries, unreadable, stored, decoded], [15, 0, 6, 1])
    assert.deepEqual(notStored, {
      'status 404': 1,
      'status 0': 1,
      'status 304': 1,
      'status 206': 1,
      'response-no-store': 1,
      'method DELETE': 1,
      'no http URL': 1,
      'recorded without its body': 1,
      'not an entry of HAR': 1,
    })
    assert.match(err, /1 not stored: recorded without its body/)
    assert.match(err, /1 body is stored decompressed/)

    const agent = new Agent()
    await using cache = new SQLiteCache(join(folder, 'http_cache'))
    const dispatcher = agent.compose(
      cacheInterceptor({
        backend: cache,
        onlyIfCached: true,
        allowableMethods: ['GET', 'POST'],
      }),
    )
    t.after(() => agent.destroy())
    const get = (path: string, init: object = {}): ReturnType<typeof fetch> =>
      fetch(`https://example.com${path}`, { dispatcher, ...init })
    const page = await get('/')
    assert.deepEqual([page.status, await page.text()], [200, '<h1>Grüße</h1>'])
    assert.deepEqual(page.headers.getSetCookie(), ['a=1', 'b=2'])
    assert.equal(page.headers.get('content-encoding'), null)
    assert.equal(page.headers.get('content-length'), '16')
    assert.deepEqual(Buffer.from(await (await get('/a.png')).arrayBuffer()), Buffer.from([1, 255]))
    const moved = await get('/moved')
    assert.deepEqual([moved.url, moved.redirected], ['https://example.com/', true])
    assert.equal((await get('/session')).status, 504, 'somebody else’s')
    const own = await get('/session', { headers: { cookie: 'session=1234567890' } })
    assert.equal(await own.text(), 'yours')
    const posted = await get('/search', {
      method: 'POST',
      body: '{"b":2,"a":1}',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(await posted.text(), 'found')
    const changed = await get('/changed')
    assert.equal(await changed.text(), 'new')
    assert.equal((await get('/missing')).status, 504)
  })

  test('stores other statuses where it is told to, and says what is no HAR', async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'session.har'), JSON.stringify(recordedSession))
    const args = ['import', 'session.har', '--status', '404', '--json']
    const { out } = await runCli(args, { folder })
    assert.equal((JSON.parse(out) as { stored: number }).stored, 7)
    const files: Record<string, [text: string, why: RegExp]> = {
      'empty.har': ['', /'empty\.har' is no HAR file: it has no list log\.entries/],
      'text.har': ['hello', /'text\.har' is no HAR file: it has no list log\.entries/],
      'cut.har': [JSON.stringify(recordedSession).slice(0, 3000), /it ends in the middle/],
      'odd.har': ['{"log":{"entries":[{nonsense}]}}', /one of its entries is not valid JSON/],
    }
    for (const [name, [text, why]] of Object.entries(files)) {
      writeFileSync(join(folder, name), text)
      const ran = await runCli(['import', name], { folder })
      assert.deepEqual([ran.code, ran.out], [1, ''])
      assert.match(ran.err, why)
    }
    const none = await runCli(['import', 'none.har'], { folder })
    assert.equal(none.code, 1)
    assert.match(none.err, /no such file or directory, open 'none\.har'/)
  })

  test('passes over an entry that is none, and stores the others', async (t) => {
    const folder = temporaryFolder(t)
    const good = (path: string): Entry => ({
      request: { method: 'GET', url: `http://a.test/${path}`, headers: [] },
      response: { status: 200, headers: [], content: { size: 1, text: 'x' } },
    })
    const bad: Entry[] = [
      { ...good('1'), response: { ...good('1').response, statusText: 5 } },
      {
        ...good('2'),
        request: { ...good('2').request, method: 'POST', postData: { params: [null] } },
      },
      { ...good('3'), _undiciCache: { version: 1, storage: 'responses', key: 'x', body: 5 } },
      { ...good('4'), _undiciCache: { version: 1, storage: 'responses', key: 'x', chains: 5 } },
    ]
    const entries = [...bad, good('good')]
    writeFileSync(join(folder, 'bad.har'), JSON.stringify({ log: { entries } }))
    const { code, out, err } = await runCli(['import', 'bad.har', '--json'], { folder })
    assert.equal(code, 0, err)
    assert.equal((JSON.parse(out) as { stored: number }).stored, 1)
  })

  test('export writes into a pipe, and leaves it one', async (t) => {
    const { folder } = await fillCache(t)
    const file = join(folder, 'pipe')
    assert.equal(spawnSync('mkfifo', [file]).status, 0)
    const reading = readFile(file, 'utf8')
    assert.equal((await runCli(['export', 'pipe'], { folder })).code, 0)
    assert.ok(JSON.parse(await reading))
    assert.ok(statSync(file).isFIFO())
  })
})

interface Entry {
  readonly request: Readonly<Record<string, unknown>>
  readonly response: Readonly<Record<string, unknown>>
  readonly _undiciCache?: unknown
}
