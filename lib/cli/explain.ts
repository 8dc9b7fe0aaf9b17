/** What is said when something goes wrong, and how the program ends then. */
import { CacheError } from '../errors.ts'
import { withoutPasswords } from './address.ts'
import { exitCodes, type ExitCode } from './command.ts'
import { printable, wrapped } from './printable.ts'
import type { PrintStream } from './streams.ts'

/** A failure whose message says what it is about. */
export class Failure extends Error {}

/** Says it on standard error. */
export function say(stderr: PrintStream, message: string): void {
  const width = stderr.isTTY ? stderr.columns || 80 : undefined
  const text = `undici-cache: ${printable(withoutPasswords(message), 'lines')}`
  const lines = text.split('\n').map((line) => wrapped(line, width, 2))
  stderr.write(`${lines.join('\n')}\n`)
}

/**
 * Says what is wrong.
 * @param about the cache, where it is one that has failed
 */
export function explain(
  stderr: PrintStream,
  error: unknown,
  command: string,
  about?: string,
): ExitCode {
  const message = explained(error)
  if (isMisuse(error)) {
    say(stderr, message)
    stderr.write(`Try 'undici-cache ${command === '' ? '' : `${command} `}--help'.\n`)
    return exitCodes.misuse
  }
  // What files and we ourselves say names the file.
  const isComplete = error instanceof Failure || error instanceof CacheError
  const isOfFile = (error as NodeJS.ErrnoException | null)?.path !== undefined
  say(stderr, isComplete || isOfFile || about === undefined ? message : `${about}: ${message}`)
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
