/** Runs the benchmarks: `npm run bench`, `npm run bench -- hit --quick`. */
import { parseArgs } from 'node:util'
import { nearestName } from '../lib/errors.ts'
import type { Bench } from './bench.ts'
import { fullEffort, measure, quickEffort } from './harness.ts'
import { printGroup, printSetting, writeResults } from './report.ts'
import { restart } from './restart.ts'

// In the order in which they are run; each in a module of its own, loaded when it is asked for.
const benches: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  'key-hashing': () => import('./key-hashing.ts'),
  serialization: () => import('./serialization.ts'),
  hit: () => import('./hit.ts'),
  store: () => import('./store.ts'),
  backends: () => import('./backends.ts'),
}
const known = Object.keys(benches)

const help = `Usage: npm run bench -- [NAME...] [--quick] [--only TEXT]

  key-hashing    from a request to its key, against a naive sort and hash
  serialization  a response as a record and back, against JSON with base64 and v8.serialize
  hit            a response out of the cache, against undici's own cache and against no work at all
  store          a miss that is stored, against undici's own cache and against no cache
  backends       a hit of each backend that can be reached, against its driver's own read

Without a name all are run, in about four minutes.

  --quick      about a minute, and noisier
  --only TEXT  only the tables whose titles contain the text; writes no JSON
  --help       this text

Each prints tables and writes bench/results/NAME.json. Compare ratios, which are taken within one
run; times depend on what else the machine does.`

process.exitCode = await main()

async function main(): Promise<number> {
  let given: ReturnType<typeof readArguments>
  try {
    given = readArguments()
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    return 2
  }
  const { names, quick, only } = given
  if (given.help) {
    console.log(help)
    return 0
  }
  const unknown = names.find((name) => !Object.hasOwn(benches, name))
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, known)
    const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
    console.error(`unknown benchmark '${unknown}'; there are ${known.join(', ')}${hint}`)
    return 2
  }
  const code = restart()
  if (code !== undefined) return code

  const effort = quick ? quickEffort : fullEffort
  printSetting()
  for (const name of names.length === 0 ? known : names) {
    const { bench } = await benches[name]!()
    const results = []
    console.log(`\n== ${name}`)
    for await (const group of bench((title) => title.includes(only))) {
      const result = await measure(group, effort)
      printGroup(result)
      results.push(result)
    }
    // Some tables must not take the place of all.
    if (only === '') console.log(`\n${writeResults(name, effort, results)}`)
  }
  return 0
}

function readArguments(): { names: string[]; quick: boolean; only: string; help: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  return { names: positionals, ...values }
}
