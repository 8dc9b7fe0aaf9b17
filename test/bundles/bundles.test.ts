/** Drivers are found by a program that has this library in its bundle. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build, type Format } from 'esbuild'

const folder = mkdtempSync(join(tmpdir(), 'undici-cache-bundles-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const endings = { cjs: 'cjs', esm: 'mjs' } as const
type Kind = keyof typeof endings

before(async () => {
  for (const [format, ending] of Object.entries(endings)) {
    await build({
      entryPoints: [fileURLToPath(import.meta.resolve('./program.ts'))],
      outfile: join(folder, `bundle.${ending}`),
      bundle: true,
      platform: 'node',
      format: format as Format,
      // Bundled, undici wants `require`, which a bundle in ES modules has not.
      external: format === 'esm' ? ['undici'] : [],
      logLevel: 'error',
    })
  }
})

const installed = dirname(createRequire(import.meta.url).resolve('better-sqlite3/package.json'))
const undici = dirname(createRequire(import.meta.url).resolve('undici/package.json'))

let made = 0

interface Place {
  readonly bundle: string
  readonly modules: string
}

/** A bundle in a folder, and beside it what is installed. */
function place(kind: Kind): Place {
  const home = join(folder, String(made++))
  const modules = join(home, 'node_modules')
  mkdirSync(modules, { recursive: true })
  symlinkSync(undici, join(modules, 'undici'), 'junction')
  const bundle = join(home, `bundle.${endings[kind]}`)
  cpSync(join(folder, `bundle.${endings[kind]}`), bundle)
  return { bundle, modules }
}

function emptyFolder(): string {
  const path = join(folder, String(made++))
  mkdirSync(path)
  return path
}

interface Outcome {
  readonly default: unknown
  readonly sqlite: unknown
  readonly warnings: readonly string[]
}

function run(cwd: string, ...command: string[]): Outcome {
  // Where else packages are installed on this machine must not matter.
  const env = { ...process.env, NODE_PATH: '' }
  const options = { cwd, env, encoding: 'utf8', stdio: 'pipe' } as const
  return JSON.parse(execFileSync(process.execPath, command, options)) as Outcome
}

/** A package that throws when it is loaded. */
function breakDriver(modules: string, text: string | undefined): void {
  const broken = join(modules, 'better-sqlite3')
  mkdirSync(broken)
  writeFileSync(join(broken, 'package.json'), '{ "name": "better-sqlite3", "main": "main.js" }')
  if (text !== undefined) writeFileSync(join(broken, 'main.js'), text)
}

const found = { default: 'SQLite', sqlite: 'SQLite', warnings: [] }

for (const kind of ['cjs', 'esm'] as const) {
  describe(`a bundle, ${kind}`, () => {
    test('finds a driver that is installed beside it, wherever it is run', () => {
      const { bundle, modules } = place(kind)
      symlinkSync(installed, join(modules, 'better-sqlite3'), 'junction')
      assert.deepEqual(run(emptyFolder(), bundle), found)
    })

    test('finds a driver that is installed where it is run', () => {
      const { bundle } = place(kind)
      const cwd = emptyFolder()
      mkdirSync(join(cwd, 'node_modules'))
      symlinkSync(installed, join(cwd, 'node_modules/better-sqlite3'), 'junction')
      assert.deepEqual(run(cwd, bundle), found)
    })

    test('says what to install where there is none', () => {
      const { bundle } = place(kind)
      const { default: opened, sqlite, warnings } = run(emptyFolder(), bundle)
      assert.equal(opened, 'memory')
      const { code, message, cause } = sqlite as Record<string, string>
      assert.equal(code, 'ERR_CACHE_DRIVER_MISSING')
      assert.match(message!, /needs better-sqlite3: npm install better-sqlite3$/)
      assert.match(cause!, /^Cannot find module 'better-sqlite3'/)
      assert.equal(warnings.length, 1)
    })

    const failures = {
      'throws when it is loaded': [
        "throw new Error('built for another Node')",
        'built for another',
      ],
      'lacks something that it needs': [
        "require('its-own-need')",
        "Cannot find module 'its-own-need",
      ],
      'lacks its main file': [undefined, 'main.js'],
      'lacks a file of its own': ["require('./native.node')", "Cannot find module './native.node'"],
    }
    for (const [how, [text, reason]] of Object.entries(failures)) {
      test(`shows why a driver fails that ${how}`, () => {
        const { bundle, modules } = place(kind)
        breakDriver(modules, text)
        const { default: opened, sqlite, warnings } = run(emptyFolder(), bundle)
        const { code, message, cause } = sqlite as Record<string, string>
        assert.equal(code, 'ERR_CACHE_DRIVER_MISSING')
        assert.match(message!, /better-sqlite3, which is installed and cannot be loaded: /)
        assert.ok(message!.includes(reason!) && cause!.includes(reason!), message)
        assert.doesNotMatch(message!, /npm install/)
        // It goes on in memory, and says as much.
        assert.equal(opened, 'memory')
        assert.ok(warnings[0]!.includes(reason!), warnings[0])
      })
    }
  })
}

test('a bundle that node:vm runs finds a driver beside the program, or where it is run', () => {
  const { bundle, modules } = place('cjs')
  symlinkSync(installed, join(modules, 'better-sqlite3'), 'junction')
  const program = join(dirname(bundle), 'program.cjs')
  writeFileSync(
    program,
    `const { readFileSync } = require('node:fs')
    const script = '(function (require, module, exports) {' + readFileSync(${JSON.stringify(bundle)}, 'utf8') + '})'
    require('node:vm').runInThisContext(script)(require, module, exports)`,
  )
  assert.deepEqual(run(emptyFolder(), program), found)
  assert.deepEqual(run(dirname(bundle), '-e', `require(${JSON.stringify(program)})`), found)
})
