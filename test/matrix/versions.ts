/** Installs the versions that the matrix is made of, once, into a folder of the repository's own. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(root, 'node_modules/.cache/matrix')

/** Forgets what is installed; the next run gets the newest of each version. */
export function forgetVersions(): void {
  rmSync(cache, { recursive: true, force: true })
}

/** @returns the path of the Node of a major version */
export function nodeOf(major: string): string {
  const folder = join(cache, `node-${major}`)
  installOnce(folder, 'node', major)
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  return join(folder, 'node_modules/node/bin', name)
}

/**
 * A copy of the library and its tests, for which `undici` is the one of a major version. All else
 * they find further up, in the repository's own node_modules; links would find its undici, too.
 * @returns its folder
 */
export function copyWithUndici(major: string): string {
  const folder = join(cache, `undici-${major}`)
  installOnce(folder, 'undici', major)
  for (const name of ['lib', 'test', 'tsconfig.json']) {
    rmSync(join(folder, name), { recursive: true, force: true })
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  return folder
}

function installOnce(folder: string, name: string, major: string): void {
  if (existsSync(join(folder, 'installed'))) return
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // The package `node` fetches its program in a script.
  const manifest = { private: true, type: 'module', allowScripts: { node: true } }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  console.error(`Installing ${name}@${major} …`)
  execFileSync('npm', ['install', `${name}@${major}`, '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
    // npm is a script there.
    shell: process.platform === 'win32',
  })
  // An installation that was interrupted does not count.
  writeFileSync(join(folder, 'installed'), '')
}
