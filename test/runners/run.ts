/**
 * Does the packed package go on under the fake timers of vitest and jest? Both are installed into an
 * empty folder, and run there as their users run them.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npm, run } from '../package/commands.ts'
import * as specs from './specs.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'undici-cache-runners-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
process.on('SIGINT', () => process.exit(130))

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text)
}

async function install(): Promise<void> {
  write('package.json', '{ "name": "consumer", "private": true, "type": "module" }\n')
  await npm(root, 'pack', '--pack-destination', folder)
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!
  await npm(folder, 'install', `./${tarball}`, 'undici', ...specs.runners)
  const scenario = readFileSync(new URL('scenario.ts', import.meta.url), 'utf8')
  write('scenario.js', stripTypeScriptTypes(scenario))
}

async function runVitest(): Promise<void> {
  for (const [name, text] of Object.entries(specs.vitest)) write(`${name}.vitest.js`, text)
  write('vitest.config.js', specs.vitestConfig)
  const bin = join(folder, 'node_modules/vitest/vitest.mjs')
  console.log(await run(process.execPath, [bin, 'run', '--no-color'], folder))
}

async function runJest(): Promise<void> {
  for (const [name, text] of Object.entries(specs.jest)) write(`${name}.jest.js`, text)
  const bin = join(folder, 'node_modules/jest/bin/jest.js')
  for (const config of specs.jestConfigs) {
    // Jest reads ES modules by Node's own `vm` only with that flag.
    const command = ['--experimental-vm-modules', '--no-warnings', bin, '--json']
    const settings = ['--rootDir', folder, '--config', JSON.stringify(config)]
    const printed = await run(process.execPath, [...command, ...settings], folder)
    const { testResults } = JSON.parse(printed) as JestReport
    const results = testResults.flatMap(({ assertionResults }) => assertionResults)
    for (const { status, title } of results) console.log(`jest: ${status}: ${title}`)
    if (results.length !== Object.keys(specs.jest).length) throw new Error('tests are missing')
  }
}

interface JestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[]
  }[]
}

await install()
for (const runTests of [runVitest, runJest]) {
  try {
    await runTests()
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
