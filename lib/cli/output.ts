/**
 * What the program prints. What was asked for goes to standard output: for people in a terminal, in
 * lines of tab-separated values into a pipe, as JSON where that was asked for. Everything else, such
 * as messages and progress, goes to standard error.
 */
import { once } from 'node:events'
import { styleText } from 'node:util'
import { say } from './explain.ts'
import { printable, wrapped } from './printable.ts'
import type { PrintStream, Streams } from './streams.ts'

type Style = Parameters<typeof styleText>[0]

/** See the top of the file. */
export class Output {
  readonly json: boolean
  /** Columns of the terminal; undefined in a pipe. */
  readonly width: number | undefined
  readonly #streams: Streams
  readonly #lost: AbortSignal

  /** @param lost aborted when nothing can be printed any more */
  constructor(json: boolean, streams: Streams, lost: AbortSignal) {
    this.json = json
    this.width = streams.stdout.isTTY ? streams.stdout.columns || 80 : undefined
    this.#streams = streams
    this.#lost = lost
  }

  /** Where a program, or a person, may have something to say. */
  get input(): Streams['stdin'] {
    return this.#streams.stdin
  }

  /** For what is not what was asked for. */
  get aside(): PrintStream {
    return this.#streams.stderr
  }

  /** Whether a person can be asked. */
  get canAsk(): boolean {
    return this.input.isTTY === true && this.aside.isTTY === true && !this.json
  }

  /** Whether a person watches the work. */
  get isWatched(): boolean {
    return this.aside.isTTY === true && !this.json
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
    for (const [label, value] of entries) await this.labelled(label.padEnd(longest), '  ', value)
  }

  /** A value after what it is; in a terminal what does not fit goes on below. */
  async labelled(
    label: string,
    between: string,
    value: string,
    style: Style = 'dim',
  ): Promise<void> {
    const taken = label.length + between.length
    const indent = between === '  ' ? taken : 4
    const text = wrapped(printable(value), this.width, indent, taken)
    await this.line(`${this.style(style, label)}${between}${text}`)
  }

  /** Bytes as they are. */
  async bytes(chunk: string | Uint8Array): Promise<void> {
    this.#lost.throwIfAborted()
    if (this.#streams.stdout.write(chunk)) return
    try {
      await once(this.#streams.stdout, 'drain', { signal: this.#lost })
    } catch (error) {
      this.#lost.throwIfAborted()
      throw error
    }
  }

  /** A message, past what was asked for. */
  say(message: string): void {
    say(this.aside, message)
  }

  /** Colours in a terminal, and nowhere else; NO_COLOR turns them off. */
  style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#streams.stdout })
  }
}
