/**
 * The words that the name of a header field or of a parameter is made of. Words are set apart by
 * whatever is no letter and no digit (`X-Api-Key`, `user[api_key]`), by capitals (`apiKey`), or by
 * nothing at all (`xapikey`), which takes a vocabulary to read.
 */

// Nobody runs more letters together than that, and the work grows with their number.
const longestPiece = 64
// Of a longer name the end is looked at, where it says what it is.
const longestName = 256

/** Words to be found where they run together. */
export class Vocabulary {
  readonly #words: ReadonlySet<string>
  /** That say so much by themselves that whatever stands before them does not matter. */
  readonly #endings: ReadonlySet<string>
  readonly #longest: number

  constructor(words: Iterable<string>, endings: Iterable<string>) {
    this.#words = new Set(words)
    this.#endings = new Set(endings)
    this.#longest = Math.max(...Array.from(this.#words, ({ length }) => length))
  }

  /** The words of a name, whatever its case; numbers are left out. */
  wordsOf(name: string): string[] {
    const pieces =
      name
        .slice(-longestName)
        .toLowerCase()
        .match(/[\p{L}\p{N}]+/gu) ?? []
    return pieces.flatMap((piece) => this.#ofPiece(piece))
  }

  /** The same where capitals begin words, too: `fooKey`, `AWSAccessKeyId`. */
  wordsByCase(name: string): string[] {
    const end = name.slice(-longestName)
    return this.wordsOf(end.split(/(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/).join(' '))
  }

  #ofPiece(piece: string): string[] {
    if (this.#words.has(piece)) return [piece]
    if (/\d/.test(piece)) {
      const letters = piece.split(/\d+/).filter((part) => part !== '')
      return letters.flatMap((part) => this.#ofPiece(part))
    }
    return piece.length > longestPiece ? [piece] : (this.#runTogether(piece) ?? [piece])
  }

  // From the end to the beginning, so that each rest is read once.
  #runTogether(piece: string): string[] | undefined {
    const { length } = piece
    const best: (string[] | undefined)[] = []
    best[length] = []
    for (let start = length - 1; start >= 0; start--) {
      const last = Math.min(length, start + this.#longest)
      for (let end = start + 2; end <= last; end++) {
        const rest = best[end]
        if (rest === undefined || !this.#words.has(piece.slice(start, end))) continue
        const before = best[start]
        if (before === undefined || rest.length + 1 < before.length)
          best[start] = [piece.slice(start, end), ...rest]
      }
    }
    if (best[0] !== undefined) return best[0]
    const at = best.findIndex((words) => words !== undefined && this.#standAlone(words))
    return at === -1 ? undefined : [piece.slice(0, at), ...best[at]!]
  }

  // `phpsessionid` and `mytoken`, but not `monkey` and `android`.
  #standAlone(words: readonly string[]): boolean {
    const [first, second] = words
    if (first === undefined) return false
    if (second === undefined) return this.#endings.has(first)
    return words.length === 2 && first.length > 2 && (second === 'id' || second === 'key')
  }
}
