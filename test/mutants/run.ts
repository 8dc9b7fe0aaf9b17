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

/** What is said of a run; the first word is the verdict. */
function describe({ broken }: Run, { passed, failed, note }: Outcome): string {
  if (!broken) return passed ? 'passes' : `FAILS     ${failed.join(' | ')} ${note}`
  if (failed.length === 0) return `SURVIVES  ${note}`
  const others = failed.length === 1 ? '' : ` (and ${failed.length - 1} more)`
  return `killed    ${failed[0]}${others} ${note}`
}

const only = process.argv[2]
const waiting = runs
  .map((run, number) => ({ run, number }))
  .filter(({ run }) => run.name.includes(only ?? ''))
const total = waiting.length
const width = Math.max(...waiting.map(({ run }) => run.name.length))
let wrong = 0

async function work(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const verdict = describe(next.run, await runSuite(next.number))
    if (/^[A-Z]{2}/.test(verdict)) wrong++
    console.log(`${next.run.name.padEnd(width)}  ${verdict.trimEnd()}`)
  }
}

const begun = performance.now()
await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work))
const seconds = Math.round((performance.now() - begun) / 1_000)
console.log(`\n${total} runs in ${seconds} s, ${wrong} not as they must be`)
process.exitCode = wrong === 0 ? 0 : 1
