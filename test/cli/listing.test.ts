import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fillCache, longPath, png, responses } from './filled-cache.ts'
import { escape, runCli, runShell } from './run-cli.ts'

interface Item {
  readonly key: string
  readonly url: string
  readonly [name: string]: unknown
}

const items = (out: string): Item[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Item)

describe('undici-cache ls', () => {
  test('prints tab-separated values into a pipe, a line for each response', async (t) => {
    const { folder, url } = await fillCache(t)
    const { code, out, err } = await runCli(['ls'], { folder })
    assert.equal(code, 0, err)
    assert.equal(err, '')
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
    assert.equal(rows.length, responses)
    const [key, method, status, storedAt, expiry, bytes, at] = rows.find(
      (row) => row[6] === `${url}/picture.png`,
    )!
    assert.match(key!, /^[\w-]{43}$/)
    assert.deepEqual([method, status, expiry, bytes], ['GET', '200', 'never', String(png.length)])
    assert.ok(Math.abs(Date.now() - Date.parse(storedAt!)) < 600_000)
    assert.equal(at, `${url}/picture.png`)
    assert.ok(
      rows.some((row) => row[6] === url + longPath),
      'nothing is cut',
    )
    assert.ok(!out.includes('this-is-a-secret-key') && !out.includes(escape))
  })

  test('as JSON it is a document a line', async (t) => {
    const { folder, url } = await fillCache(t)
    const { out } = await runCli(['ls', '--json'], { folder })
    const all = items(out)
    assert.equal(all.length, responses)
    const { key, storedAt, ...expired } = all.find((item) => item.url === `${url}/expired`)!
    assert.equal(new Date(String(storedAt)).toISOString(), storedAt)
    assert.ok(Date.parse(String(expired['expiresAt'])) < Date.now(), key)
    assert.deepEqual(
      { ...expired, expiresAt: 0 },
      {
        method: 'GET',
        url: `${url}/expired`,
        status: 200,
        expiresAt: 0,
        expired: true,
        bytes: Buffer.byteLength('<p>Grüße von /expired</p>'),
        type: 'text/html',
        tags: [],
      },
    )
  })

  test('a pattern, conditions and a limit select', async (t) => {
    const { folder, url } = await fillCache(t)
    const { host } = new URL(url)
    const urls = async (...args: string[]): Promise<string[]> => {
      const { code, out, err } = await runCli(['ls', ...args, '--json'], { folder })
      assert.ok(code === 0 || (code === 1 && out === ''), err)
      return out === '' ? [] : items(out).map((item) => item.url.slice(url.length))
    }
    assert.deepEqual(await urls('--expired'), ['/expired'])
    assert.deepEqual(await urls('--tag', 'front'), ['/tagged'])
    assert.deepEqual(await urls('--tag', 'other', '--tag', 'news'), ['/tagged'])
    assert.deepEqual(await urls(`${host}/varies`), ['/varies', '/varies'])
    assert.deepEqual(await urls(`${host}/*.json`), ['/data.json'])
    assert.deepEqual(await urls('--older-than', '7d'), [])
    assert.equal((await urls('--older-than', '0')).length, responses)
    assert.deepEqual(await urls('--status', '404'), [])
    assert.equal((await urls('--limit', '3')).length, 3)
    assert.deepEqual(await urls('sqlite:http_cache', `${host}/page`, '--limit', '1'), ['/page'])
  })

  test('the cache is the first argument, --cache, or UNDICI_CACHE', async (t) => {
    const { folder } = await fillCache(t)
    const count = async (args: string[], env: NodeJS.ProcessEnv = {}): Promise<number> => {
      const { code, out, err } = await runCli(args, { folder, env })
      assert.equal(code, 0, err)
      return out.trimEnd().split('\n').length
    }
    assert.equal(await count(['ls', 'sqlite:http_cache.sqlite']), responses)
    assert.equal(await count(['--cache', 'sqlite:http_cache', 'ls']), responses)
    assert.equal(await count(['ls', '-c', `sqlite://${folder}/http_cache`]), responses)
    const env = { UNDICI_CACHE: 'sqlite:http_cache' }
    assert.equal(await count(['ls'], env), responses)
    assert.equal((await runCli(['ls'], { folder, env: { UNDICI_CACHE: 'file:x' } })).code, 1)
  })
})

describe('undici-cache show', () => {
  test('shows head and body of a URL, decompressed', async (t) => {
    const { folder, url } = await fillCache(t)
    const { code, out } = await runCli(['show', `${url}/data.json`], { folder })
    assert.equal(code, 0)
    assert.match(out, new RegExp(`^GET ${url}/data\\.json\n`))
    assert.match(out, /^status\t200 OK$/m)
    assert.match(out, /^expires\tnever$/m)
    assert.match(out, /^content-encoding: gzip$/m)
    assert.ok(out.endsWith('\n\n{"some":"data"}\n'), out)
  })

  test('shows text as text, and of other bodies what they are', async (t) => {
    const { folder, url } = await fillCache(t)
    const page = await runCli(['show', `${url}/page`], { folder })
    assert.match(page.out, /<p>Grüße von \/page<\/p>\n$/)
    const picture = await runCli(['show', `${url}/picture.png`], { folder })
    assert.match(picture.out, /\(8 B, image\/png: --body writes them as they are\)\n$/)
    const head = await runCli(['show', `${url}/page`, '--head'], { folder })
    assert.doesNotMatch(head.out, /Grüße/)
  })

  test('--body is the bytes and nothing else', async (t) => {
    const { folder, url } = await fillCache(t)
    const line = `undici-cache show ${url}/picture.png --body | od -An -tx1 | tr -d ' \\n'`
    assert.equal((await runShell(line, { folder })).out, png.toString('hex'))
  })

  test('shows all variants, and one of them by its key', async (t) => {
    const { folder, url } = await fillCache(t)
    const { out } = await runCli(['show', `${url}/varies`, '--json'], { folder })
    const variants = items(out)
    assert.deepEqual(variants.map((item) => String(item['body'])).toSorted(), ['in de', 'in en'])
    const [first, second] = variants as [Item, Item]
    const one = await runCli(['show', second.key, '--json'], { folder })
    assert.deepEqual(items(one.out), [second])
    const body = await runCli(['show', `${url}/varies`, '--body'], { folder })
    assert.equal(body.code, 1)
    assert.match(body.err, /2 variants are stored/)
    assert.ok(body.err.includes(first.key) && body.err.includes(second.key))
  })

  test('shows a redirect, and what a program needs of a binary body', async (t) => {
    const { folder, url } = await fillCache(t)
    const old = await runCli(['show', `${url}/old`, '--json'], { folder })
    const [hop] = items(old.out) as [Item]
    assert.equal(hop['status'], 302)
    assert.ok((hop['headers'] as string[][]).some(([name]) => name === 'location'))
    const picture = await runCli(['show', `${url}/picture.png`, '--json'], { folder })
    assert.equal(items(picture.out)[0]!['bodyBase64'], png.toString('base64'))
  })

  test('what is not stored is a failure', async (t) => {
    const { folder, url } = await fillCache(t)
    for (const target of [`${url}/nothing`, 'A'.repeat(43)]) {
      const { code, out, err } = await runCli(['show', target, '--json'], { folder })
      assert.deepEqual([code, out], [1, ''])
      assert.ok(err.includes(`nothing is stored for ${target} in sqlite:http_cache`), err)
    }
  })
})

describe('undici-cache history and stats', () => {
  test('history follows redirects', async (t) => {
    const { folder, url } = await fillCache(t)
    const { code, out } = await runCli(['history', `${url}/old`], { folder })
    assert.deepEqual([code, out], [0, `302\t${url}/old\n200\t${url}/new\n`])
    const told = await runCli(['history', `${url}/old`, '--json'], { folder })
    const { steps } = JSON.parse(told.out) as { steps: { url: string; status: number }[] }
    assert.deepEqual(
      steps.map((step) => [step.status, step.url]),
      [
        [302, `${url}/old`],
        [200, `${url}/new`],
      ],
    )
    assert.equal((await runCli(['history', `${url}/none`], { folder })).code, 1)
  })

  test('stats count', async (t) => {
    const { folder } = await fillCache(t)
    const { code, out } = await runCli(['stats', '--json'], { folder })
    const { oldest, newest, bodyBytes, ...counts } = JSON.parse(out) as Record<string, unknown>
    assert.equal(code, 0)
    assert.ok(Number(bodyBytes) > 2_500_000)
    assert.ok(Date.parse(String(oldest)) <= Date.parse(String(newest)))
    assert.deepEqual(counts, {
      cache: 'sqlite:http_cache',
      responses,
      redirects: 1,
      expired: 1,
      unreadable: 0,
    })
    const plain = await runCli(['stats'], { folder })
    assert.match(plain.out, new RegExp(`^responses\t${responses}$`, 'm'))
  })
})
