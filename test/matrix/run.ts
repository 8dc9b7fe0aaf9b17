/** Runs the tests that meet undici with each version of Node and of undici that we promise. */
import { parseArgs, styleText } from 'node:util'
import { identify, runTests, type Outcome, type Pair } from './run-tests.ts'
import { copyWithUndici, forgetVersions, nodeOf } from './versions.ts'

const help = `Usage: npm run test:matrix [-- --node 22] [-- --undici 7]

  --node MAJOR    only this Node; may be repeated    (22, 24, 26)
  --undici MAJOR  only this undici; may be repeated  (7, 8)
  --fresh         install the newest of each anew
  -h, --help      show this text

Exit codes: 0 all tests passed, 1 some did not.`

const { values } = parseArgs({
  options: {
    node: { type: 'string', multiple: true, default: ['22', '24', '26'] },
    undici: { type: 'string', multiple: true, default: ['7', '8'] },
    fresh: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

const titles = ['Node', 'built-in', 'undici', 'passed', 'failed', 'skipped', 'seconds']

function line(cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(8)).join('  ')
}

function row({ node, builtIn, undici }: Pair, outcome: Outcome): string {
  const { passed, failed, skipped, seconds, complaint } = outcome
  const counts = [passed, failed, skipped].map(String)
  const text = line([node, builtIn, undici, ...counts, seconds.toFixed(1)])
  return styleText(complaint === undefined ? 'green' : 'red', text)
}

async function runAll(): Promise<boolean> {
  if (values.fresh) forgetVersions()
  // Before the table begins: npm has things to say.
  const nodes = values.node.map(nodeOf)
  const folders = values.undici.map(copyWithUndici)
  console.log(styleText('dim', line(titles)))
  const complaints: string[] = []
  for (const node of nodes) {
    for (const folder of folders) {
      const pair = identify(node, folder)
      const outcome = await runTests(node, folder)
      console.log(row(pair, outcome))
      if (outcome.complaint === undefined) continue
      const title = styleText('bold', `Node ${pair.node}, undici ${pair.undici}`)
      complaints.push(`\n${title}\n${outcome.complaint}`)
    }
  }
  for (const complaint of complaints) console.log(complaint)
  return complaints.length === 0
}

if (values.help) console.log(help)
else if (!(await runAll())) process.exitCode = 1
