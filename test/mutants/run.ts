/**
 * Proves the conformance suites: each of a list of broken adapters must fail them, and the sound
 * ones must pass. Prints which test has found each; exits with 1 where one survives.
 * `run.ts text` takes only the broken ones whose names have the text in them.
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { runs, type Run } from './suites.ts'

const program = fileURLToPath(import.meta.resolve('./suites.ts'))
const loader = import.meta.resolve('tsx')
// A mutant may make the suite wait for ever; that is no test that fails.
const longest = 60_000

// A test that fails on a sound adapter has found nothing when it fails on a broken one.
const unsound = new Set<string>()

/** The tests that have failed; of a broken adapter the first is enough. */
function runSuite(number: number, broken: boolean): Promise<{ failed: string[]; note: string }> {
  const flags = ['--import', loader, '--test-reporter=tap']
  const child = spawn(process.execPath, [...flags, program, String(number)], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: longest,
    killSignal: 'SIGKILL',
  })
  let output = ''
  let failed: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
    // The suite's own line, which comes last, is not indented.
    const lines = output.matchAll(/^ +not ok \d+ - (.*)\n/gm)
    failed = Array.from(lines, ([, name = '']) => name).filter((name) => !unsound.has(name))
    if (broken && failed.length > 0) child.kill('SIGKILL')
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      const tests = Number(/^# pass (\d+)$/m.exec(output)?.[1] ?? 0)
      const whole = failed.length > 0 || (tests > 0 && (broken || code === 0))
      resolve({ failed, note: whole ? '' : `ended with ${signal ?? code} after ${tests} tests` })
    })
  })
}

/** Runs it, and prints what came of it. @returns whether that is as it must be */
async function judge(number: number, { name, broken }: Run): Promise<boolean> {
  const { failed, note } = await runSuite(number, broken)
  const found = failed.length > 0
  const asItMustBe = broken ? found : !found && note === ''
  const verdict = broken ? (found ? 'killed  ' : 'SURVIVES') : asItMustBe ? 'passes  ' : 'FAILS   '
  console.log(`${name.padEnd(width)}  ${verdict}  ${failed.join(' | ')} ${note}`.trimEnd())
  if (!broken) for (const each of failed) unsound.add(each)
  return asItMustBe
}

const only = process.argv[2] ?? ''
const chosen = [...runs.entries()].filter(([, { broken, name }]) => !broken || name.includes(only))
const width = Math.max(...chosen.map(([, { name }]) => name.length))
let wrong = 0

async function judgeAll(waiting: [number: number, run: Run][]): Promise<void> {
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (!(await judge(...next))) wrong++
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work))
}

const begun = performance.now()
await judgeAll(chosen.filter(([, { broken }]) => !broken))
await judgeAll(chosen.filter(([, { broken }]) => broken))
const seconds = Math.round((performance.now() - begun) / 1_000)
console.log(`\n${chosen.length} runs in ${seconds} s, ${wrong} not as they must be`)
process.exitCode = wrong === 0 ? 0 : 1
