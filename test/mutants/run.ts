/**
 * Proves the conformance suites: each of a list of broken adapters must fail them, and the sound
 * ones must pass. Prints which test has found each; exits with 1 where one survives.
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runs, type Run } from './suites.ts'

const program = fileURLToPath(import.meta.resolve('./suites.ts'))
const loader = import.meta.resolve('tsx')
// A mutant may make the suite wait for ever, which is found out, too.
const longest = 60_000

interface Outcome {
  readonly passed: boolean
  readonly failed: readonly string[]
  readonly note: string
}

function runSuite(number: number): Promise<Outcome> {
  const flags = ['--import', loader, '--test-reporter=tap']
  const child = spawn(process.execPath, [...flags, program, String(number)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: longest,
    killSignal: 'SIGKILL',
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      // The suite's own line comes after those of its tests, less indented.
      const failed = Array.from(output.matchAll(/^ +not ok \d+ - (.*)$/gm), ([, name = '']) => name)
      const tests = Number(/^# tests (\d+)$/m.exec(output)?.[1] ?? 0)
      const note =
        signal !== null ? `hung for ${longest / 1_000} s` : tests === 0 ? 'no test ran' : ''
      resolve({ passed: code === 0 && tests > 0, failed, note })
    })
  })
}

// A test that fails on a sound adapter has found nothing when it fails on a broken one.
const unsound = new Set<string>()

/** Whether the run is not as it must be, and what is said of it. */
function judge({ broken }: Run, { passed, failed, note }: Outcome): [wrong: boolean, text: string] {
  if (!broken) {
    for (const name of failed) unsound.add(name)
    return passed ? [false, 'passes'] : [true, `FAILS     ${failed.join(' | ')} ${note}`]
  }
  const [first, ...others] = failed.filter((name) => !unsound.has(name))
  if (first === undefined) return [true, `SURVIVES  ${note}`]
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`
  return [false, `killed    ${first}${more} ${note}`]
}

const only = process.argv[2] ?? ''
const chosen = [...runs.entries()].filter(([, { broken, name }]) => !broken || name.includes(only))
const width = Math.max(...chosen.map(([, { name }]) => name.length))
let wrongs = 0

async function runAll(waiting: [number: number, run: Run][]): Promise<void> {
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [number, run] = next
      const [wrong, text] = judge(run, await runSuite(number))
      if (wrong) wrongs++
      console.log(`${run.name.padEnd(width)}  ${text.trimEnd()}`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work))
}

const begun = performance.now()
await runAll(chosen.filter(([, { broken }]) => !broken))
await runAll(chosen.filter(([, { broken }]) => broken))
const seconds = Math.round((performance.now() - begun) / 1_000)
console.log(`\n${chosen.length} runs in ${seconds} s, ${wrongs} not as they must be`)
process.exitCode = wrongs === 0 ? 0 : 1
