/** Other processes that use the same cache: programs of this folder, run for real. */
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(import.meta.resolve('./child-program.ts'))

/** Starts one; its errors are shown with those of the tests. */
export function startChild(command: string, ...args: readonly string[]): ChildProcess {
  const loader = import.meta.resolve('tsx')
  return spawn(process.execPath, ['--import', loader, program, command, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Its exit code, or the signal that ended it. */
export function endOf(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)))
}

/** Settles when it has printed something. */
export function firstOutput(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.stdout?.once('data', () => resolve()))
}
