import { createInterface } from 'node:readline/promises'
import type { Output } from './output.ts'

/** Asks a person, on the terminal; anything but a yes is a no. */
export async function confirm(
  { input, aside }: Output,
  question: string,
  signal: AbortSignal,
): Promise<boolean> {
  // Left to the terminal, Ctrl-C is a signal to the program.
  const lines = createInterface({ input, output: aside, terminal: false })
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), closed])
    return /^y(?:es)?$/i.test(answer.trim())
  } finally {
    lines.close()
  }
}
