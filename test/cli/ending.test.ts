/** How the program ends before it is done. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import { SQLiteCache } from '../../lib/backends/sqlite/sqlite-cache.ts'
import { AnsweringDispatcher } from '../../lib/har/answering.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { startOrigin } from '../integration/origin.ts'
import { fillCache } from './filled-cache.ts'
import { runCli, runProcess, runShell, temporaryFolder, type Ran } from './run-cli.ts'

const entries = 4_000

let filled = ''
before(async () => {
  filled = mkdtempSync(join(tmpdir(), 'undici-cache-cli-'))
  await fillMany(filled)
})
after(() => rmSync(filled, { recursive: true, force: true, maxRetries: 3 }))

/** A folder with `http_cache.sqlite`, and with more in it than goes into a pipe at once. */
function filledFolder(t: TestContext): string {
  const folder = temporaryFolder(t)
  copyFileSync(join(filled, 'http_cache.sqlite'), join(folder, 'http_cache.sqlite'))
  return folder
}

async function fillMany(folder: string): Promise<void> {
  await using cache = new SQLiteCache(join(folder, 'http_cache'), { fastSave: true })
  const body = Buffer.alloc(20_000, 'many words ')
  const answer = { status: 200, statusText: 'OK', rawHeaders: [], body }
  const dispatcher = new AnsweringDispatcher(() => answer).compose(
    cacheInterceptor({ backend: cache }),
  )
  for (let index = 0; index < entries; index++) {
    const origin = 'http://example.com'
    const response = await dispatcher.request({ origin, path: `/${index}`, method: 'GET' })
    await response.body.arrayBuffer()
    if (index % 100 === 0) await cache.flush()
  }
}

describe('a reader that has seen enough', () => {
  test('ends it at once, without a word, and without a failure', async (t) => {
    const folder = filledFolder(t)
    for (const args of ['ls', 'ls --json', 'export -']) {
      const line = `undici-cache ${args} | head -1 | wc -l`
      const { code, out, err } = await runShell(line, { folder })
      assert.deepEqual([code, out.trim(), err], [0, '1', ''], args)
    }
  })
})

describe('standard output that takes no more', () => {
  const full = '/dev/full'
  test(
    'is a failure, said in a line',
    { skip: !existsSync(full) && `there is no ${full} here` },
    async (t) => {
      const { folder } = await fillCache(t)
      for (const args of ['ls', 'stats --json', '--help', 'export -']) {
        const { code, out, err } = await runShell(`undici-cache ${args} > ${full}`, { folder })
        assert.deepEqual([code, out], [1, ''], args)
        assert.match(err, /^undici-cache: standard output: ENOSPC: .*\n$/, args)
      }
    },
  )

  test('a reader that reads nothing at all', async (t) => {
    const folder = temporaryFolder(t)
    for (const args of ['--help', 'help ls']) {
      const line = `undici-cache ${args} | true`
      assert.deepEqual(await runShell(line, { folder }), {
        code: 0,
        signal: null,
        out: '',
        err: '',
      })
    }
  })
})

describe('an interrupt', () => {
  let hasSignals = true
  before(() => (hasSignals = process.platform !== 'win32'))

  /** Interrupts it once, when it has begun to write. */
  function interrupted(folder: string, args: string[], begun: () => boolean): Promise<Ran> {
    return runProcess(args, {
      folder,
      started(child) {
        const timer = setInterval(() => {
          if (!begun()) return
          clearInterval(timer)
          child.kill('SIGINT')
        }, 5)
        child.once('exit', () => clearInterval(timer))
      },
    })
  }

  test('ends a copy, which goes on the next time', { timeout: 60_000 }, async (t) => {
    if (!hasSignals) return t.skip('no signals here')
    const folder = filledFolder(t)
    const begun = (): boolean => existsSync(join(folder, 'dump/responses'))
    const { code, out, err } = await interrupted(
      folder,
      ['copy', 'sqlite:http_cache', 'file:dump'],
      begun,
    )
    assert.deepEqual([code, out, err], [130, '', 'undici-cache: interrupted\n'])
    const rest = await runCli(['copy', 'sqlite:http_cache', 'file:dump', '--json'], { folder })
    const { copied, skipped } = JSON.parse(rest.out) as Record<string, number>
    assert.equal(copied! + skipped!, entries)
    assert.ok(skipped! > 0, 'it went on where it was')
  })

  test('leaves no half of an export', { timeout: 60_000 }, async (t) => {
    if (!hasSignals) return t.skip('no signals here')
    const folder = filledFolder(t)
    const begun = (): boolean => readdirSync(folder).some((name) => name.endsWith('.tmp'))
    const { code } = await interrupted(folder, ['export', 'all.har'], begun)
    assert.equal(code, 130)
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes('.har')),
      [],
    )
  })

  test('ends a get that waits for its origin', { timeout: 60_000 }, async (t) => {
    if (!hasSignals) return t.skip('no signals here')
    const folder = temporaryFolder(t)
    const asked = Promise.withResolvers<void>()
    const origin = await startOrigin(t, () => asked.resolve())
    const ran = runProcess(['get', `${origin.url}/never`], {
      folder,
      started: (child) => void asked.promise.then(() => child.kill('SIGINT')),
    })
    assert.equal((await ran).code, 130)
  })
})
