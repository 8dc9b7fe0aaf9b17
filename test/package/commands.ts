/** Runs other programs for the checks of the package. */
import { execFile } from 'node:child_process'

/** Runs a program to its end. @returns what it printed @throws Error with all that it printed */
export function run(command: string, args: readonly string[], folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd: folder,
      maxBuffer: 2 ** 26,
      // npm is a script there.
      shell: process.platform === 'win32' && command === 'npm',
    }
    execFile(command, args, options, (error, printed, complaints) => {
      if (error === null) return resolve(printed)
      const shown = [printed, complaints].map((text) => text.trim()).filter(Boolean)
      reject(new Error([`${command} ${args.join(' ')} failed`, ...shown].join('\n')))
    })
  })
}

/** Runs a program of JavaScript in this very Node. @returns the JSON that it printed */
export async function runNode(program: string, folder: string): Promise<unknown> {
  return JSON.parse(await run(process.execPath, [program], folder))
}

export function npm(folder: string, ...args: string[]): Promise<string> {
  return run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], folder)
}
