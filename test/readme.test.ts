/** The README keeps its word: its examples run, its tables say what the code does. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { cacheErrorCodes } from '../lib/errors.ts'
import { optionRules } from '../lib/options/option-rules.ts'
import { readOptions } from '../lib/options/settings.ts'
import { startOrigin } from './integration/origin.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const examples = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!)

/** `console.log(x) // what it prints`: the comments that are literal. */
function promisedOutput(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\) \/\/ (true|false|\d+)(?: |$)/gm)].map(
    ([, text]) => text!,
  )
}

async function run(program: string, folder: string): Promise<{ code: number; output: string }> {
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
    cwd: folder,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  }
  const code = await new Promise<number>((resolve) =>
    child.on('close', (status) => resolve(status ?? -1)),
  )
  return { code, output }
}

describe('README', () => {
  for (const [index, example] of examples.entries()) {
    const title =
      example.split('\n').find((line) => line !== '' && !line.startsWith('import')) ?? ''
    test(`example ${index + 1}: ${title}`, { timeout: 60_000 }, async (t) => {
      const origin = await startOrigin(t, ({ path }, response) => {
        if (path === '/old') return response.writeHead(302, { location: '/new' }).end()
        return response.writeHead(path === '/missing' ? 404 : 200).end(path)
      })
      // Below node_modules, so that packages are found; in a folder of its own, for the cache files.
      const programs = join(root, 'node_modules/.cache/readme')
      mkdirSync(programs, { recursive: true })
      const program = join(programs, `example-${process.pid}-${index}.mts`)
      const folder = mkdtempSync(join(tmpdir(), 'undici-cache-readme-'))
      t.after(() => {
        rmSync(program)
        rmSync(folder, { recursive: true, force: true })
      })
      const code = example
        .replaceAll('https://example.com', origin.url)
        .replaceAll(`'undici-cache/testing'`, `'${join(root, 'lib/testing/index.ts')}'`)
        .replaceAll(`'undici-cache'`, `'${join(root, 'lib/index.ts')}'`)
      writeFileSync(program, code)
      const result = await run(program, folder)
      assert.equal(result.code, 0, result.output)
      const lines = result.output.split('\n')
      for (const promised of promisedOutput(example)) {
        const printed = lines.some((line) => line === promised || line.startsWith(`${promised} `))
        assert.ok(printed, `prints ${promised}:\n${result.output}`)
      }
    })
  }

  test('the first example is a hit', () => {
    assert.match(examples[0]!, /\/\/ undici-cache; hit; ttl=/)
  })

  test('the option table names every option, and its default', async (t) => {
    const table = readme.slice(
      readme.indexOf('## Options'),
      readme.indexOf('`cacheInterceptor()` returns'),
    )
    const rows = new Map(
      [...table.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, name, value]) => [name!, value!]),
    )
    assert.deepEqual([...rows.keys()].toSorted(), Object.keys(optionRules).toSorted())
    const settings = readOptions({ backend: 'memory' })
    t.after(() => settings.cache.close())
    const shown: Record<string, unknown> = {
      expireAfter: settings.lifetimes.otherwise ?? 'never',
      allowableMethods: [...settings.allowableMethods],
      allowableCodes: [...settings.allowableCodes],
      refresh: settings.refresh,
      forceRefresh: settings.forceRefresh,
      onlyIfCached: settings.onlyIfCached,
      readOnly: settings.readOnly,
      disabled: settings.disabled,
      shareBodies: settings.shareBodies,
      statusHeaders: settings.statusHeaders,
      storageTimeout: settings.storageTimeout,
      checkStored: settings.checkStored,
    }
    for (const [name, value] of Object.entries(shown)) {
      const text = JSON.stringify(value).replaceAll('"', "'").replaceAll(',', ', ')
      assert.equal(rows.get(name), `\`${text}\``, name)
    }
    assert.match(
      rows.get('maxRequestBodyBytes')!,
      new RegExp(`^${settings.maxRequestBodyBytes / 2 ** 20} MiB`),
    )
    assert.match(
      rows.get('maxBodyBytes')!,
      new RegExp(`in memory ${settings.maxBodyBytes / 2 ** 20} MiB`),
    )
  })

  test('every error code has a paragraph', () => {
    const described = [...readme.matchAll(/^- \*\*`(ERR_\w+)`\*\*/gm)].map(([, code]) => code)
    assert.deepEqual(described, [...cacheErrorCodes])
  })

  test('every reason that the code can give is in the table', () => {
    const policy = readFileSync(join(root, 'lib/policy/decide-on-response.ts'), 'utf8')
    const union = /export type NotStoredReason =([^/]*?)\n\n/.exec(policy)![1]!
    const reasons = [...union.matchAll(/'([\w-]+)'/g)].map(([, reason]) => reason!)
    assert.ok(reasons.length > 5)
    for (const reason of reasons) assert.ok(readme.includes(`\`${reason}\``), reason)
  })
})
