/** Bars, where standard error is like a terminal. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { fillCache } from './filled-cache.ts'
import { escape, runCli } from './run-cli.ts'

/** Everything takes a second: whatever tells how far it has come is shown. */
function slowDown(t: TestContext): void {
  let now = 0
  t.mock.method(performance, 'now', () => (now += 1_000))
}

const commands: readonly (readonly [title: string, ...args: string[]])[] = [
  ['Counting', 'stats'],
  ['Verifying', 'verify'],
  ['Exporting', 'export', 'a.har'],
  ['Importing', 'import', 'file:imported', 'a.har'],
  ['Copying', 'copy', 'sqlite:http_cache', 'file:copied'],
  ['Looking', 'rm', '--tag', 'none'],
  ['Removing', 'rm', '--expired'],
  ['Pruning', 'prune'],
  ['Removing', 'rm', 'file:copied', '--all'],
]

test('long work of each command shows one, and takes it away', async (t) => {
  const { folder } = await fillCache(t)
  slowDown(t)
  for (const [title, ...args] of commands) {
    const { out, err } = await runCli(args, { folder, watched: true })
    if (title === 'Removing' && args.includes('--all')) assert.match(err, /Looking/)
    else assert.match(err, new RegExp(`${title} [█░]+ +\\d+% [\\d.]+`), args.join(' '))
    assert.ok(err.lastIndexOf(`${escape}[?25h`) > err.lastIndexOf(`${escape}[?25l`), 'cursor')
    assert.ok(!out.includes('█') && !out.includes(escape))
  }
})

test('there is none for a program, nor where nobody watches', async (t) => {
  const { folder } = await fillCache(t)
  slowDown(t)
  for (const args of [['stats'], ['verify'], ['rm', '--expired'], ['prune']]) {
    const json = await runCli([...args, '--json'], { folder, watched: true })
    const piped = await runCli(args, { folder })
    for (const { out, err } of [json, piped]) assert.ok(!(out + err).includes('█'), args.join(' '))
  }
})
