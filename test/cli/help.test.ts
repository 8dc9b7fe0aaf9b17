import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { fillCache } from './filled-cache.ts'
import { runCli, runLine, runProcess, runShell, temporaryFolder } from './run-cli.ts'

const root = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
}

describe('help', () => {
  test('lists every command, and each explains itself', async (t) => {
    const folder = temporaryFolder(t)
    const { code, out, err } = await runCli(['--help'], { folder })
    assert.deepEqual([code, err], [0, ''])
    const [, list] = /^Commands:\n(.*?)\n\n/ms.exec(out)!
    const names = list!.split('\n').map((line) => line.trim().split(' ')[0]!)
    const all = 'ls show get history rm prune stats verify export import copy bench'
    assert.equal(names.join(' '), all)
    for (const scheme of ['sqlite:', 'file:', 'redis://', 'redis-cluster://', 'dynamodb:']) {
      assert.ok(out.includes(scheme), scheme)
    }
    for (const name of names) {
      const help = await runCli([name, '--help'], { folder })
      assert.deepEqual([help.code, help.err], [0, ''])
      assert.match(help.out, new RegExp(`^Usage: undici-cache ${name} `))
      assert.match(help.out, /^ +--json /m)
    }
  })

  test('--version is that of the package', async (t) => {
    const { code, out } = await runProcess(['--version'], { folder: temporaryFolder(t) })
    assert.deepEqual([code, out], [0, `${version}\n`])
  })

  test('help COMMAND is COMMAND --help', async (t) => {
    const folder = temporaryFolder(t)
    for (const [asked, meant] of [
      [['help'], ['--help']],
      [
        ['help', 'ls'],
        ['ls', '--help'],
      ],
    ] as const) {
      assert.deepEqual(await runCli(asked, { folder }), await runCli(meant, { folder }))
    }
  })

  test('every example that needs no server can be typed', async (t) => {
    const { folder, url } = await fillCache(t)
    const { host } = new URL(url)
    const prepare = [
      'undici-cache copy sqlite:http_cache file:dump',
      'undici-cache copy sqlite:http_cache sqlite:my_cache',
      'undici-cache export session.har',
    ].join(' && ')
    assert.equal((await runShell(prepare, { folder })).code, 0)
    let tried = 0
    for (const name of [
      'ls',
      'show',
      'get',
      'history',
      'prune',
      'stats',
      'export',
      'import',
      'rm',
    ]) {
      const { out } = await runCli([name, '--help'], { folder })
      for (const [, line] of out.matchAll(/^ {2}\$ (undici-cache .*)$/gm)) {
        if (/redis|mongodb|…|jq/.test(line!)) continue
        const typed = line!
          .replaceAll('https://example.com', url)
          .replaceAll('example.com', host)
          .replaceAll('a.png', 'picture.png')
        const ran = await runLine(typed, { folder })
        assert.notEqual(ran.code, 2, `${typed}\n${ran.err}`)
        assert.doesNotMatch(ran.err, /^ +at |no cache at/m, typed)
        tried++
      }
    }
    assert.ok(tried >= 14, `${tried} examples`)
  })

  test('a page of it loads no driver, no storage, and not undici', () => {
    const loaded = new Set<string>()
    const load = (file: string): void => {
      const name = relative(root, file)
      if (loaded.has(name)) return
      loaded.add(name)
      const code = readFileSync(file, 'utf8')
      for (const [, from] of code.matchAll(
        /^(?:import|\} from|export .*from)(?! type).*'(.+)'$/gm,
      )) {
        if (from!.startsWith('.')) load(join(dirname(file), from!))
        else loaded.add(from!)
      }
    }
    load(join(root, 'lib/cli/main.ts'))
    assert.ok(loaded.has('commander') && loaded.has('lib/cli/ls.ts') && loaded.size > 20)
    const heavy = [...loaded].filter(
      (name) =>
        /^lib\/(?!cli\/|errors\.ts|policy\/|http\/|events\.ts)/.test(name) || name === 'undici',
    )
    assert.deepEqual(heavy, [])
  })
})
