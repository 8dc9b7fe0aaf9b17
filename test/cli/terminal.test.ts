/** What a person sees: in a terminal of 80 columns. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fillCache } from './filled-cache.ts'
import { escape, noTerminal, runCli, runInTerminal, shownLines } from './run-cli.ts'

const commands = [
  'ls',
  'show',
  'get',
  'history',
  'rm',
  'prune',
  'stats',
  'verify',
  'export',
  'import',
  'copy',
  'bench',
]

describe('in a terminal of 80 columns', { skip: noTerminal }, () => {
  test('ls is a table, and URLs are cut to fit', async (t) => {
    const { folder, url } = await fillCache(t)
    const { code, out } = await runInTerminal(['ls'], { folder })
    assert.equal(code, 0, out)
    const lines = shownLines(out)
    assert.match(lines[0]!, /^code {6}age {4}expires {6}size {2}URL$/)
    for (const line of lines) assert.ok(line.length <= 80, line)
    const [expired] = lines.filter((line) => line.endsWith('/expired'))
    assert.match(expired!, /^ 200 +\d+ s +1 min ago +\d+ B {2}http/)
    const cut = lines.filter((line) => line.includes('…'))
    assert.deepEqual(
      cut.map((line) => line.slice(-10)),
      ['a/terminal'],
    )
    assert.ok(lines.some((line) => line.endsWith(`${url}/page`)))
  })

  test('there are colours, and none with NO_COLOR', async (t) => {
    const { folder, url } = await fillCache(t)
    const args = ['show', `${url}/page`]
    const coloured = await runInTerminal(args, { folder })
    assert.ok(coloured.out.includes(`${escape}[1mGET`))
    const plain = await runInTerminal(args, { folder, env: { NO_COLOR: '1' } })
    assert.equal(plain.code, 0)
    assert.ok(!plain.out.includes(escape))
  })

  test('a bar shows progress, goes when it is done, and leaves the cursor', async (t) => {
    const { folder } = await fillCache(t)
    const { code, out } = await runInTerminal(['bench'], { folder })
    assert.equal(code, 0, out)
    assert.match(out, /Measuring [█░]+ \d+% /)
    for (const [bar] of out.matchAll(/Measuring [█░]+ [ \w%,/]*/g)) {
      assert.ok(bar.length <= 80, bar)
    }
    assert.ok(out.lastIndexOf(`${escape}[?25h`) > out.lastIndexOf(`${escape}[?25l`), 'cursor')
    assert.doesNotMatch(shownLines(out).join('\n'), /█/)
    // What is done at once needs none.
    const short = await runInTerminal(['history', 'http://a/'], { folder })
    assert.doesNotMatch(short.out, /█/)
  })

  test('rm asks before it removes more than one', async (t) => {
    const { folder, url } = await fillCache(t)
    const question = 'Remove 2 entries of sqlite:http_cache? [y/N] '
    const rm = ['rm', `${url}/varies`]
    const no = await runInTerminal(rm, { folder, types: [[question, 'n\n']] })
    assert.equal(no.code, 1)
    assert.match(no.out, /nothing was removed/)
    const none = await runInTerminal(rm, { folder, types: [[question, '\n']] })
    assert.equal(none.code, 1)
    const interrupted = await runInTerminal(rm, { folder, types: [[question, '\u0003']] })
    assert.equal(interrupted.code, 130)
    assert.match((await runCli(['ls'], { folder })).out, /varies/)
    const yes = await runInTerminal(rm, { folder, types: [[question, 'y\n']] })
    assert.equal(yes.code, 0)
    assert.match(yes.out, /2 entries removed/)
    assert.doesNotMatch((await runCli(['ls'], { folder })).out, /varies/)
  })

  test('rm does not ask for one, nor with --yes, nor for --json', async (t) => {
    const { folder, url } = await fillCache(t)
    for (const args of [[`${url}/page`], [`${url}/varies`, '--yes'], [`${url}/old`, '--json']]) {
      const { code, out } = await runInTerminal(['rm', ...args], { folder })
      assert.equal(code, 0, out)
      assert.doesNotMatch(out, /\[y\/N\]/)
    }
  })

  test('bytes that are no text are not sent to it', async (t) => {
    const { folder, url } = await fillCache(t)
    const { code, out } = await runInTerminal(['show', `${url}/picture.png`, '--body'], { folder })
    assert.equal(code, 1)
    assert.match(out, /8 B that are no text: send them into a file/)
  })

  test('get ends with a line, and sends no bytes there that are no text', async (t) => {
    const { folder, url } = await fillCache(t)
    const page = await runInTerminal(['get', `${url}/page`], { folder })
    assert.ok(page.out.endsWith('</p>\r\n'), page.out)
    const picture = await runInTerminal(['get', `${url}/picture.png`], { folder })
    assert.equal(picture.code, 0)
    assert.match(picture.out, /8 B of image\/png that are not for a terminal/)
    assert.ok(!picture.out.includes('PNG'))
  })

  test('long lines are broken to fit', async (t) => {
    const { folder, url } = await fillCache(t)
    const long = `${url}/${'long/'.repeat(40)}`
    const typed: string[][] = [
      ['ls', 'sqlit:x'],
      ['show', long],
      ['history', long],
      ['show', long, '--head'],
      ['nonsense'],
    ]
    for (const args of typed) {
      const { out } = await runInTerminal(args, { folder })
      const lines = shownLines(out)
      assert.ok(lines.length > 2, out)
      // From now on it is stored; a body is printed as it is.
      if (args[0] === 'show') await runCli(['get', long], { folder })
      for (const line of lines) assert.ok(line.length <= 80, `${args[0]}: ${line}`)
    }
  })

  test('every page of help fits, and has examples', async (t) => {
    const { folder } = await fillCache(t)
    for (const args of [[], ...commands.map((name) => [name])]) {
      const { code, out } = await runInTerminal([...args, '--help'], { folder })
      assert.equal(code, 0)
      assert.match(out, /^Examples:/m)
      for (const line of shownLines(out)) assert.ok(line.length <= 80, `${args.join('')}: ${line}`)
    }
  })
})

test('in a pipe there are neither colours nor bars', async (t) => {
  const { folder, url } = await fillCache(t)
  for (const args of [['ls'], ['show', `${url}/page`], ['verify'], ['stats'], ['--help']]) {
    const { out, err } = await runCli(args, { folder })
    assert.ok(!(out + err).includes(escape) && !(out + err).includes('█'))
  }
})
