import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { startOrigin } from './integration/origin.ts'

interface Shown {
  readonly code: number
  readonly text: string
  /** The cells of a row, by part of the run and by URL. */
  cells(part: string, url: string): string[]
}

/** Runs the demo in a pipe. */
function demo(...args: string[]): Promise<Shown> {
  const program = fileURLToPath(new URL('demo/run.ts', import.meta.url))
  // A runner in a terminal asks its children for colours.
  const { FORCE_COLOR: _, ...env } = process.env
  return new Promise((resolve) => {
    const command = ['--import', import.meta.resolve('tsx'), program, ...args]
    const child = execFile(process.execPath, command, { env }, (_error, text, complaints) => {
      assert.equal(complaints, '')
      resolve({ code: child.exitCode ?? -1, text, cells: (part, url) => cells(text, part, url) })
    })
  })
}

function cells(text: string, part: string, url: string): string[] {
  const lines = text.split('\n\n').find((block) => block.startsWith(part))
  const row = lines?.split('\n').find((line) => line.startsWith(`${url} `))
  assert.ok(row !== undefined, `no row for ${url} under ${part} in\n${text}`)
  return row.split(/ {2,}/)
}

const [status, hops, from, age, , bytes] = [1, 2, 3, 4, 5, 6] as const

test('the demo of its own site: cold, warm, and from disk when the site is gone', async () => {
  const shown = await demo()
  assert.equal(shown.code, 0, shown.text)
  assert.ok(!shown.text.includes('\u001b'), 'no colours in a pipe')

  for (const [part, whence] of Object.entries({ Cold: 'origin', Warm: 'cache', From: 'cache' })) {
    for (const url of ['/', '/api/articles.json', '/photo.jpg', '/go/42', '/report']) {
      assert.equal(shown.cells(part, url)[from], whence, `${part} ${url}\n${shown.text}`)
    }
    assert.deepEqual(shown.cells(part, '/photo.jpg')[bytes], '3,500,000')
    assert.equal(shown.cells(part, '/go/42')[hops], '3')
    assert.equal(shown.cells(part, '/go/42')[status], '200')
  }
  assert.equal(shown.cells('Cold', '/news')[from], 'origin')
  assert.equal(shown.cells('Warm', '/news')[from], 'cache, confirmed')
  assert.equal(shown.cells('From', '/news')[from], 'cache')
  assert.equal(shown.cells('Cold', '/')[age], '–')
  assert.match(shown.cells('Warm', '/')[age]!, /^\d+\.\d s$/)
  // Six URLs and three more hops; the one that is confirmed; none.
  assert.match(shown.text, /^Requests: cold 9, warm 1, from disk 0$/m)
  assert.match(shown.text, /^Time: .* times as fast\)/m)
})

test('the demo of other URLs: what cannot be reached is a row, and the exit code 1', async (t) => {
  const origin = await startOrigin(t, ({ path }, response) =>
    path === '/gone' ? response.writeHead(404).end() : response.end('here'),
  )
  const stopped = await startOrigin(t, (_, response) => response.end())
  await stopped.close()
  const shown = await demo(`${origin.url}/page`, `${origin.url}/gone`, stopped.url, 'no URL')

  assert.equal(shown.code, 1, shown.text)
  assert.equal(shown.cells('Cold', `${origin.url}/page`)[from], 'origin')
  assert.equal(shown.cells('Warm', `${origin.url}/page`)[from], 'cache')
  assert.equal(shown.cells('From', `${origin.url}/page`)[from], 'cache')
  assert.equal(shown.cells('Warm', `${origin.url}/gone`)[from], 'origin')
  assert.equal(shown.cells('From', `${origin.url}/gone`)[from], 'not stored')
  assert.equal(shown.cells('Cold', stopped.url)[from], 'failed')
  assert.equal(shown.cells('Cold', 'no URL')[from], 'failed')
  assert.match(shown.text, /ECONNREFUSED/)
  assert.match(shown.text, /Invalid URL/)
  assert.deepEqual([origin.count('/page'), origin.count('/gone')], [1, 2])
})

test('the demo tells how it is used', async () => {
  const shown = await demo('--help')
  assert.equal(shown.code, 0)
  assert.match(shown.text, /^Usage: npm run demo/)
})
