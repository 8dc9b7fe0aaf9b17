/** Programs that install and set up the servers. */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** @returns where a program is; `undefined` when it is not in the PATH */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** Runs a program to its end. @returns what it printed @throws Error of one line */
export function runProgram(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      env: { ...process.env, ...environment },
      maxBuffer: 2 ** 26,
      timeout: 10 * 60_000,
    }
    execFile(command, args, options, (error, printed, complaints) => {
      if (error === null) return resolve(printed)
      const reason = firstComplaint(complaints) ?? firstComplaint(printed) ?? error.message
      reject(new Error(`\`${[command, ...args].join(' ')}\` failed: ${reason}`))
    })
  })
}

/** The line that names the error, where one does: programs end with advice about their flags. */
function firstComplaint(text: string): string | undefined {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  return lines.find((line) => /^\W*(err|error|e):?\b/i.test(line)) ?? lines.at(-1)
}
