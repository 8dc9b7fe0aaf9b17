/** Makes dist/ from lib/: JavaScript and declarations, and nothing of an earlier build. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const dist = join(here, '../../dist')

function compile(): void {
  // Not by its name: `npm pack` also builds where node_modules/.bin is not on the PATH.
  const compiler = fileURLToPath(import.meta.resolve('typescript/package.json'))
  const command = [join(dirname(compiler), 'bin/tsc'), '-p', join(here, 'tsconfig.build.json')]
  const { status, error } = spawnSync(process.execPath, command, { stdio: 'inherit' })
  if (error !== undefined) throw error
  if (status !== 0) process.exit(status ?? 1)
}

// The compiler rewrites the imports of JavaScript only. TypeScript itself finds its way from
// './x.ts' to x.d.ts, other tools that read declarations do not.
function rewriteDeclarations(): void {
  for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue
    const file = join(dist, name)
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace(/((?:from |import\()(['"])\.\.?\/.+?)\.ts\2/g, '$1.js$2'))
  }
}

rmSync(dist, { recursive: true, force: true })
compile()
rewriteDeclarations()
