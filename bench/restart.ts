/** The process in which measuring makes sense; `harness.ts` says why. */
import { spawnSync } from 'node:child_process'

// Freed memory is kept and used again, large blocks as well.
const malloc: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '1073741824',
  MALLOC_TRIM_THRESHOLD_: '2147483647',
  MALLOC_TOP_PAD_: '67108864',
}
const mark = 'UNDICI_CACHE_BENCH'

/**
 * Runs this program once more in such a process, where this one is not: malloc reads its
 * environment only at the start. The flags of this process are left behind, a transpiler's among
 * them; `NODE_OPTIONS` goes along.
 * @returns the exit code, or undefined where this process will do
 */
export function restart(): number | undefined {
  if (process.env[mark] !== undefined) return undefined
  const script = process.argv[1]!
  const flags = ['--disable-warning=ExperimentalWarning']
  const { status } = spawnSync(process.execPath, [...flags, script, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, ...malloc, [mark]: '1' },
  })
  return status ?? 1
}
