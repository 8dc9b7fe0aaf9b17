/** What the README says of the command line can be typed, and is all there is. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startOrigin } from '../integration/origin.ts'
import { runCli, runLine, temporaryFolder } from './run-cli.ts'

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const section = readme.slice(
  readme.indexOf('## Command line'),
  readme.indexOf('## Identities and secrets'),
)

test('the examples run, one after the other', { timeout: 120_000 }, async (t) => {
  const folder = temporaryFolder(t)
  const origin = await startOrigin(t, ({ path }, response) => {
    if (path === '/old') response.writeHead(302, { location: '/' }).end()
    else response.end(`<p>${path}</p>\n`)
  })
  const [, block] = /```sh\n(.*?)```/s.exec(section)!
  const lines = block!.trim().split('\n')
  assert.ok(lines.length > 12)
  for (const line of lines) {
    const typed = line
      .replace('npx undici-cache', 'undici-cache')
      .replaceAll('https://example.com', origin.url)
      .replaceAll('example.com', new URL(origin.url).host)
    const { code, out, err } = await runLine(typed, { folder })
    assert.equal(code, 0, `${typed}\n${out}${err}`)
  }
  assert.equal(readFileSync(join(folder, 'old.html'), 'utf8'), '<p>/</p>\n')
})

test('the tables name every command, and its options', async (t) => {
  const folder = temporaryFolder(t)
  const commands = readme.slice(
    readme.indexOf('| command | does |'),
    readme.indexOf('Which cache is'),
  )
  const { out } = await runCli(['--help'], { folder })
  const [, list] = /^Commands:\n(.*?)\n\n/ms.exec(out)!
  for (const [, name] of list!.matchAll(/^ {2}(\w+)/gm)) {
    assert.match(commands, new RegExp(`\`${name}[ \`]`), name)
    const help = await runCli([name!, '--help'], { folder })
    const [, own] = /^Options:\n(.*?)\n\n/ms.exec(help.out)!
    for (const [, option] of own!.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)) {
      const known = ['--help', '--bytes', '--seconds', '--overwrite'].includes(option!)
      assert.ok(known || section.includes(option!), `${name} ${option}`)
    }
  }
})
