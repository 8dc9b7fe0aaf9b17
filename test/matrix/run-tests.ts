/** The tests of a copy, run by one Node. */
import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/** What a pair of versions is exactly. */
export interface Pair {
  readonly node: string
  /** Built into this Node: what global `fetch` is made of. */
  readonly builtIn: string
  readonly undici: string
}

/** What became of the tests. */
export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly seconds: number
  /** What there is to read about failures; undefined where there were none. */
  readonly complaint: string | undefined
}

// Those that meet undici, and those that meet Node's own files and clocks.
const tests = ['test/integration/**/*.test.ts', 'test/backends/*.test.ts']

const testTimeout = 60_000
// The timeout of a test does not end a file that keeps a socket open.
const patience = 600_000

/** Asks the two themselves. */
export function identify(node: string, folder: string): Pair {
  const program = `[process.version, process.versions.undici, require('undici/package.json').version]`
  const args = ['--print', `JSON.stringify(${program})`]
  const printed = execFileSync(node, args, { cwd: folder, encoding: 'utf8' })
  const [version, builtIn, undici] = JSON.parse(printed) as [string, string, string]
  return { node: version.slice(1), builtIn, undici }
}

/** Runs the tests. */
export function runTests(node: string, folder: string): Promise<Outcome> {
  const counts = join(folder, 'counts.tap')
  const args = [
    '--import=tsx',
    '--test',
    '--test-concurrency=2',
    `--test-timeout=${testTimeout}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${counts}`,
    ...tests,
  ]
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}` }
  const began = performance.now()
  return new Promise((resolve) => {
    const options = { cwd: folder, env, maxBuffer: 2 ** 28, timeout: patience }
    execFile(node, args, options, (error, printed, complaints) => {
      const count = counter(readFileSync(counts, 'utf8'))
      const passed = count('pass')
      const fine = error === null && passed > 0
      const stopped = error?.killed === true ? 'Stopped: a file of tests does not end.\n' : ''
      resolve({
        passed,
        failed: count('fail') + count('cancelled'),
        skipped: count('skipped'),
        seconds: (performance.now() - began) / 1000,
        complaint: fine ? undefined : `${stopped}${failing(printed)}\n${complaints}`.trim(),
      })
    })
  })
}

// TAP ends with lines like "# pass 12".
function counter(tap: string): (name: string) => number {
  return (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0)
}

function failing(printed: string): string {
  const at = printed.indexOf('✖ failing tests:')
  return at < 0 ? printed : printed.slice(at)
}
