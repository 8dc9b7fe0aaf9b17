/** Goes through the scenario with timers that are faked before or after the library is loaded. */
import { mkdtempSync, rmSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import { useEverything, useStored, type Library, type Undici } from './scenario.ts'

const [who, when] = process.argv.slice(2) as ['sinon' | 'node-test', 'before' | 'after' | 'stored']

interface Fakes {
  install(options: { readonly toNotFake: readonly string[] }): void
}

function fake(toNotFake: readonly string[]): void {
  if (who === 'node-test') return mock.timers.enable()
  const fakes = createRequire(import.meta.url)('@sinonjs/fake-timers') as Fakes
  fakes.install({ toNotFake })
}

// Without these Node itself, or undici, comes to a stop, and no request gets through, with a cache or
// without. Vitest leaves them alone, too.
const needed = ['nextTick', 'queueMicrotask']

const folder = mkdtempSync(join(tmpdir(), 'undici-cache-fakes-'))
const undici = (await import('undici')) as unknown as Undici
if (when === 'before') fake(needed)
const library = (await import('../../lib/index.ts')) as unknown as Library
if (when === 'after') fake(needed)
const tell = (step: string): number => writeSync(1, `${step}\n`)
if (when === 'stored') await useStored(library, undici, folder, tell, () => fake([]))
else await useEverything(library, undici, folder, tell)
rmSync(folder, { recursive: true, force: true })
process.exit()
