/** Where the program reads and prints: the streams of the process, or what is like them. */
import type { Readable, Writable } from 'node:stream'
import { Failure } from './explain.ts'

/** A stream to print to, maybe a terminal. */
export type PrintStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }

/** Standard input, output and error. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: PrintStream
  readonly stderr: PrintStream
}

/** Whoever reads has gone, as `head` does; no failure of ours. */
export class ReaderGone extends Error {}

/** Aborted when nothing can be printed any more, with why. */
export function watchStreams({ stdout, stderr }: Streams): { lost: AbortSignal; stop: () => void } {
  const losing = new AbortController()
  const lose = (error: NodeJS.ErrnoException): void => {
    const failure = new Failure(`standard output: ${error.message}`)
    losing.abort(error.code === 'EPIPE' ? new ReaderGone() : failure)
  }
  // Nobody is left to tell of it.
  const ignore = (): void => {}
  stdout.on('error', lose)
  stderr.on('error', ignore)
  const stop = (): void => {
    stdout.off('error', lose)
    stderr.off('error', ignore)
  }
  return { lost: losing.signal, stop }
}

/** Waits until all was printed, or could not be. */
export async function printed({ stdout }: Streams): Promise<void> {
  const ends = !stdout.destroyed && !stdout.errored
  if (ends) await new Promise<void>((resolve) => stdout.write('', () => resolve()))
  // What has failed is told of a little later.
  await new Promise((resolve) => setImmediate(resolve))
}
