/**
 * The entries of a HAR file, one at a time: files of a browser are larger than what `JSON.parse`
 * should be handed. Only the way to `log.entries` is understood; each entry is parsed by itself.
 */

/** An entry, and how far into the file it ends. */
export interface ReadEntry {
  readonly entry: unknown
  readonly bytesRead: number
}

/** @throws NoHarError where it is no HAR file */
export async function* readHarEntries(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ReadEntry> {
  const decoder = new TextDecoder()
  const scanner = new Scanner()
  let bytesRead = 0
  for await (const chunk of chunks) {
    bytesRead += chunk.byteLength
    for (const text of scanner.scan(decoder.decode(chunk, { stream: true }))) {
      yield { entry: parse(text), bytesRead }
    }
  }
  scanner.end()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw noHar('one of its entries is not valid JSON')
  }
}

/** What is wrong with the file. */
export class NoHarError extends Error {}

function noHar(why: string): NoHarError {
  return new NoHarError(`no HAR file: ${why}`)
}

/** Finds where the entries begin and end, without understanding what is in them. */
class Scanner {
  /** What is still needed of the text: from the beginning of an entry, or of a name. */
  #text = ''
  #at = 0
  #keepFrom = 0
  /** Names on the way to here, by depth, and the name that was read last. */
  #path: (string | undefined)[] = []
  #name: string | undefined
  #inString = false
  #stringFrom = 0
  #entryFrom: number | undefined
  #entriesDepth: number | undefined
  #found = false

  end(): void {
    if (this.#path.length > 0 || this.#inString) throw noHar('it ends in the middle')
    if (!this.#found) throw noHar('it has no list log.entries')
  }

  *scan(more: string): Generator<string> {
    this.#text = this.#text.slice(this.#keepFrom) + more
    this.#at -= this.#keepFrom
    this.#stringFrom -= this.#keepFrom
    if (this.#entryFrom !== undefined) this.#entryFrom -= this.#keepFrom
    for (; this.#at < this.#text.length; this.#at++) {
      if (this.#inString) {
        this.#string()
        continue
      }
      const entry = this.#structure()
      if (entry !== undefined) yield entry
    }
    this.#keepFrom = this.#entryFrom ?? (this.#inString ? this.#stringFrom : this.#at)
    this.#keepFrom = Math.min(this.#keepFrom, this.#text.length)
  }

  #string(): void {
    const text = this.#text
    for (; this.#at < text.length; this.#at++) {
      const character = text[this.#at]
      // What is escaped may be in the next piece.
      if (character === '\\') this.#at++
      else if (character === '"') {
        this.#inString = false
        this.#name = text.slice(this.#stringFrom + 1, this.#at)
        return
      }
    }
    // One further than the end where the last one was a backslash; the caller adds one.
    this.#at--
  }

  #structure(): string | undefined {
    const character = this.#text[this.#at]
    if (character === '}' || character === ']') return this.#close()
    if (character === '{' || character === '[') this.#open(character === '[')
    else if (character === ':') this.#path[this.#path.length - 1] = this.#name
    else if (character === '"') {
      this.#inString = true
      this.#stringFrom = this.#at
    }
    return undefined
  }

  #open(isList: boolean): void {
    const isEntries = isList && this.#path.join('/') === 'log/entries'
    if (!isList && this.#path.length === this.#entriesDepth) this.#entryFrom = this.#at
    this.#path.push(undefined)
    if (!isEntries) return
    this.#entriesDepth = this.#path.length
    this.#found = true
  }

  #close(): string | undefined {
    this.#path.pop()
    if (this.#entriesDepth === undefined) return undefined
    if (this.#path.length < this.#entriesDepth) this.#entriesDepth = undefined
    if (this.#entryFrom === undefined || this.#path.length !== this.#entriesDepth) return undefined
    const entry = this.#text.slice(this.#entryFrom, this.#at + 1)
    this.#entryFrom = undefined
    return entry
  }
}
