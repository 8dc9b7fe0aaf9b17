/**
 * JSON text with the members of each object sorted by name and no white space: what two spellings
 * of one value have in common. Numbers and strings stay as they were written, for `1.0` and `1`, or
 * two integers beyond 2^53, may mean different things to the origin. Members of one name keep
 * their order, elements of an array too. What is ignored is left out.
 */
import type { JsonPaths } from './json-paths.ts'

/** Told of each text or number that is left out, and of the member that it is in. */
export type IgnoredVisitor = (name: string, value: string) => void

/** What is left out of a value, and who is told. */
export interface IgnoredJson {
  readonly paths: JsonPaths | undefined
  readonly visit: IgnoredVisitor
}

/** @returns undefined where the text is not JSON, or nested so deeply that it is not worth it. */
export function canonicalJson(text: string, ignored?: IgnoredJson): string | undefined {
  return scan(text, ignored, (scanner) => scanner.value(0, ignored?.paths))
}

/** Name and value of a member, both as JSON. */
export type Member = [name: string, value: string]

/** The members of an object, sorted; undefined where the text is no object. */
export function canonicalMembers(text: string): Member[] | undefined {
  return scan(text, undefined, (scanner) => scanner.members(0, undefined))
}

/** The elements of an array; undefined where the text is none. */
export function canonicalElements(text: string): string[] | undefined {
  return scan(text, undefined, (scanner) => scanner.elements(0, undefined))
}

/** Members as an object. */
export function joinMembers(members: readonly Member[]): string {
  return `{${members.map(join).join(',')}}`
}

function scan<T>(
  text: string,
  ignored: IgnoredJson | undefined,
  read: (scanner: Scanner) => T,
): T | undefined {
  try {
    const scanner = new Scanner(text, ignored?.visit)
    const found = read(scanner)
    return scanner.atEnd() ? found : undefined
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
  readonly #visit: IgnoredVisitor | undefined
  #at = 0
  /** The member inside of which everything is left out. */
  #leftOut: string | undefined

  constructor(text: string, visit: IgnoredVisitor | undefined) {
    this.#text = text
    this.#visit = visit
  }

  atEnd(): boolean {
    this.#skipSpace()
    return this.#at === this.#text.length
  }

  value(depth: number, paths: JsonPaths | undefined): string {
    if (depth > maxDepth) throw new SyntaxError('nested too deeply')
    this.#skipSpace()
    switch (this.#text.charAt(this.#at)) {
      case '{':
        return joinMembers(this.members(depth, paths))
      case '[':
        return `[${this.elements(depth, paths).join(',')}]`
      case '"':
        return this.#leaf(string)
      default:
        return this.#leaf(scalar)
    }
  }

  members(depth: number, paths: JsonPaths | undefined): Member[] {
    return this.#list('{', '}', () => this.#member(depth, paths)).toSorted(byName)
  }

  elements(depth: number, paths: JsonPaths | undefined): string[] {
    const inside = paths?.elements
    if (inside?.ends !== true) return this.#list('[', ']', () => this.value(depth + 1, inside))
    return this.#list<string>('[', ']', () => this.#leaveOut('', depth))
  }

  #member(depth: number, paths: JsonPaths | undefined): Member | undefined {
    this.#skipSpace()
    const name = this.#take(string)
    this.#skipSpace()
    this.#expect(':')
    if (paths === undefined && this.#leftOut === undefined) {
      return [name, this.value(depth + 1, undefined)]
    }
    const plain = JSON.parse(name) as string
    const inside = paths?.members.get(plain.toLowerCase())
    if (inside?.ends !== true && this.#leftOut === undefined) {
      return [name, this.value(depth + 1, inside)]
    }
    return this.#leaveOut(plain, depth)
  }

  #leaveOut(name: string, depth: number): undefined {
    const outer = this.#leftOut
    this.#leftOut = name
    this.value(depth + 1, undefined)
    this.#leftOut = outer
  }

  #leaf(pattern: RegExp): string {
    const token = this.#take(pattern)
    if (this.#leftOut !== undefined) {
      this.#visit?.(this.#leftOut, token[0] === '"' ? (JSON.parse(token) as string) : token)
    }
    return token
  }

  // An item that is undefined is one that is left out.
  #list<T>(start: string, end: string, item: () => T | undefined): T[] {
    const items: T[] = []
    this.#skipSpace()
    this.#expect(start)
    this.#skipSpace()
    if (this.#text[this.#at] !== end) {
      for (;;) {
        const one = item()
        if (one !== undefined) items.push(one)
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

function byName([a]: Member, [b]: Member): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function join([name, value]: Member): string {
  return `${name}:${value}`
}
