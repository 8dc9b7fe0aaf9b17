/**
 * What the program prints. What was asked for goes to standard output: for people in a terminal, in
 * lines of tab-separated values into a pipe, as JSON where that was asked for. Everything else, such
 * as messages and progress, goes to standard error.
 */
import { once } from 'node:events'
import { styleText } from 'node:util'
import { say } from './explain.ts'
import { printable } from './printable.ts'

type Style = Parameters<typeof styleText>[0]

/** Thrown by writes after whoever reads has gone, as `head` does. */
export class ReaderGone extends Error {}

/** See the top of the file. */
export class Output {
  readonly json: boolean
  /** Columns of the terminal; undefined in a pipe. */
  readonly width: number | undefined
  readonly #gone: AbortSignal

  /** @param gone aborted when nobody reads standard output any more */
  constructor(json: boolean, gone: AbortSignal) {
    this.json = json
    this.width = process.stdout.isTTY ? process.stdout.columns || 80 : undefined
    this.#gone = gone
  }

  /** Whether a person can be asked. */
  get canAsk(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY && !this.json
  }

  /** Whether a person watches the work. */
  get isWatched(): boolean {
    return process.stderr.isTTY && !this.json
  }

  /** One line, or several. */
  async line(text: string): Promise<void> {
    await this.bytes(`${text}\n`)
  }

  /** The values of a row: for a pipe, or a program. */
  async values(values: readonly (string | number)[]): Promise<void> {
    await this.line(values.map((value) => printable(String(value))).join('\t'))
  }

  /** What a command has to say, as one document. */
  async document(value: object): Promise<void> {
    await this.line(JSON.stringify(value, null, 2))
  }

  /** One of many, a line each. */
  async item(value: object): Promise<void> {
    await this.line(JSON.stringify(value))
  }

  /** Labels and what they stand for, one below the other. */
  async list(entries: readonly (readonly [label: string, value: string])[]): Promise<void> {
    if (this.width === undefined) {
      for (const entry of entries) await this.values(entry)
      return
    }
    const longest = Math.max(...entries.map(([label]) => label.length))
    for (const [label, value] of entries) {
      await this.line(`${this.style('dim', label.padEnd(longest))}  ${printable(value)}`)
    }
  }

  /** Bytes as they are. */
  async bytes(chunk: string | Uint8Array): Promise<void> {
    if (this.#gone.aborted) throw new ReaderGone()
    if (process.stdout.write(chunk)) return
    try {
      await once(process.stdout, 'drain', { signal: this.#gone })
    } catch {
      throw new ReaderGone()
    }
  }

  /** A message, past what was asked for. */
  say(message: string): void {
    say(message)
  }

  /** Colours in a terminal, and nowhere else; NO_COLOR turns them off. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout })
  }
}
