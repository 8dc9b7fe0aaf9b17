/**
 * JSON text with the members of each object sorted by name and no white space: what two spellings
 * of one value have in common. Numbers and strings stay as they were written, for `1.0` and `1`, or
 * two integers beyond 2^53, may mean different things to the origin. Members of one name keep
 * their order, elements of an array too.
 */

/** @returns undefined where the text is not JSON, or nested so deeply that it is not worth it. */
export function canonicalJson(text: string): string | undefined {
  try {
    const scanner = new Scanner(text)
    const canonical = scanner.value(0)
    return scanner.atEnd() ? canonical : undefined
  } catch (error) {
    // A string of millions of escapes is more than the regular expression's stack can hold.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined
    throw error
  }
}

const maxDepth = 200
const space = /[ \t\n\r]*/y
// oxlint-disable-next-line no-control-regex -- RFC 8259 §7 excludes them
const string = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  atEnd(): boolean {
    this.#skipSpace()
    return this.#at === this.#text.length
  }

  value(depth: number): string {
    if (depth > maxDepth) throw new SyntaxError('nested too deeply')
    this.#skipSpace()
    switch (this.#text.charAt(this.#at)) {
      case '{':
        return `{${this.#list('}', () => this.#member(depth))
          .toSorted(byName)
          .map(join)
          .join(',')}}`
      case '[':
        return `[${this.#list(']', () => this.value(depth + 1)).join(',')}]`
      case '"':
        return this.#take(string)
      default:
        return this.#take(scalar)
    }
  }

  #member(depth: number): Member {
    this.#skipSpace()
    const name = this.#take(string)
    this.#skipSpace()
    this.#expect(':')
    return [name, this.value(depth + 1)]
  }

  #list<T>(end: string, item: () => T): T[] {
    const items: T[] = []
    this.#at++
    this.#skipSpace()
    if (this.#text[this.#at] !== end) {
      for (;;) {
        items.push(item())
        this.#skipSpace()
        if (this.#text[this.#at] === end) break
        this.#expect(',')
      }
    }
    this.#at++
    return items
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) throw new SyntaxError('not JSON')
    const from = this.#at
    this.#at = pattern.lastIndex
    return this.#text.slice(from, this.#at)
  }

  #expect(character: string): void {
    if (this.#text[this.#at] !== character) throw new SyntaxError('not JSON')
    this.#at++
  }

  #skipSpace(): void {
    // Most JSON on the wire has none.
    if (this.#text.charCodeAt(this.#at) > 0x20) return
    space.lastIndex = this.#at
    this.#at += space.exec(this.#text)![0].length
  }
}

type Member = [name: string, value: string]

function byName([a]: Member, [b]: Member): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function join([name, value]: Member): string {
  return `${name}:${value}`
}
