/** What is said when something goes wrong, and how the program ends then. */
import { CacheError } from '../errors.ts'
import { withoutPasswords } from './address.ts'
import { exitCodes, type ExitCode } from './command.ts'
import { printable } from './printable.ts'

/** A failure whose message says what it is about. */
export class Failure extends Error {}

/** Says it on standard error. */
export function say(message: string): void {
  process.stderr.write(`undici-cache: ${printable(withoutPasswords(message), 'lines')}\n`)
}

/**
 * Says what is wrong.
 * @param about the cache, where it is one that has failed
 */
export function explain(error: unknown, command: string, about?: string): ExitCode {
  const message = explained(error)
  if (isMisuse(error)) {
    say(message)
    process.stderr.write(`Try 'undici-cache ${command} --help'.\n`)
    return exitCodes.misuse
  }
  // What files and we ourselves say names the file.
  const isComplete = error instanceof Failure || error instanceof CacheError
  const isOfFile = (error as NodeJS.ErrnoException | null)?.path !== undefined
  say(isComplete || isOfFile || about === undefined ? message : `${about}: ${message}`)
  return exitCodes.failed
}

/** The message of an error, and that of what has caused it. */
export function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { message, code, errors, cause } = error as Error & { code?: string; errors?: unknown[] }
  // Of several attempts to connect; it has no message of its own.
  const first = errors?.[0] === undefined ? undefined : explained(errors[0])
  const text = message || first || code || error.name
  const why = cause === undefined ? '' : explained(cause)
  return why === '' || text.includes(why) ? text : `${text}: ${why}`
}

function isMisuse(error: unknown): boolean {
  const code = String((error as { code?: unknown } | null)?.code)
  return error instanceof TypeError && code.startsWith('ERR_CACHE_')
}
