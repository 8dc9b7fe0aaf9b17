/** How the program ends before it is done. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test, type TestContext } from 'node:test'
import { SQLiteCache } from '../../lib/cache/sqlite-cache.ts'
import { AnsweringDispatcher } from '../../lib/har/answering.ts'
import { cacheInterceptor } from '../../lib/interceptor.ts'
import { startOrigin } from '../integration/origin.ts'
import { runCli, runShell, temporaryFolder, type Ran } from './run-cli.ts'

const entries = 4_000

/** `http_cache.sqlite` with more than goes into a pipe at once. */
async function fillMany(t: TestContext): Promise<string> {
  const folder = temporaryFolder(t)
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
  return folder
}

describe('a reader that has seen enough', () => {
  test('ends it at once, without a word, and without a failure', async (t) => {
    const folder = await fillMany(t)
    for (const args of ['ls', 'ls --json', 'export -']) {
      const line = `set -o pipefail; undici-cache ${args} | head -1 | wc -l`
      const { code, out, err } = await runShell(line, { folder })
      assert.deepEqual([code, out.trim(), err], [0, '1', ''], args)
    }
  })
})

describe('an interrupt', () => {
  let hasSignals = true
  before(() => (hasSignals = process.platform !== 'win32'))

  /** Interrupts it once, when it has begun to write. */
  function interrupted(folder: string, args: string[], begun: () => boolean): Promise<Ran> {
    return runCli(args, {
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
    const folder = await fillMany(t)
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
    const folder = await fillMany(t)
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
    const ran = runCli(['get', `${origin.url}/never`], {
      folder,
      started: (child) => void asked.promise.then(() => child.kill('SIGINT')),
    })
    assert.equal((await ran).code, 130)
  })
})
