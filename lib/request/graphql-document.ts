/**
 * A GraphQL document, as far as a cache has to know it: its tokens, without what means nothing
 * between them, and which operations it has.
 *
 * Tokens are all that is needed: what is ignored between them is defined on that level (GraphQL,
 * September 2025, §2.1), and where an operation begins shows in its first word. The `graphql`
 * package would parse, check and print with fifty times the code, in every program that has no
 * GraphQL at all. Tokens are kept as they were written, strings above all: two documents have one
 * text only where they have the same tokens.
 */

/** What an operation does. */
export type OperationKind = 'query' | 'mutation' | 'subscription'

/** A document that can be executed. */
export interface GraphqlDocument {
  /** Its tokens, a space between each two. */
  readonly canonical: string
  /** At least one. */
  readonly operations: readonly Operation[]
}

/** One of the operations that a document offers. */
export interface Operation {
  readonly kind: OperationKind
  readonly name: string | undefined
}

/** @returns undefined where the text is no document, or has no operation */
export function readDocument(text: string): GraphqlDocument | undefined {
  const tokens = tokensOf(text)
  const operations = tokens && operationsOf(tokens)
  if (operations === undefined || operations.length === 0) return undefined
  return { canonical: tokens!.join(' '), operations }
}

/** What a document does when it is asked for the operation of that name. */
export function kindOf({ operations }: GraphqlDocument, name: string | undefined): OperationKind {
  const named = operations.filter((operation) => operation.name === name)
  // Where it cannot be known which one is meant: the worst that it may do.
  return worstOf((named.length > 0 ? named : operations).map(({ kind }) => kind))
}

/** Of several, the one that is least fit to be cached. */
export function worstOf(several: readonly OperationKind[]): OperationKind {
  return unfit.find((kind) => several.includes(kind)) ?? 'query'
}

const unfit: readonly OperationKind[] = ['mutation', 'subscription']

// §2.1.1 to §2.1.7: white space, line ends, commas, a byte order mark, comments.
const ignored = /(?:[\t \n\r,\uFEFF]|#[^\n\r]*)+/y
const plainToken =
  /\.\.\.|[!$&():=@[\]{|}]|[A-Za-z_]\w*|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y

function tokensOf(text: string): string[] | undefined {
  const tokens: string[] = []
  for (let at = endOf(ignored, text, 0) ?? 0; at < text.length;) {
    const end = text[at] === '"' ? endOfString(text, at) : endOf(plainToken, text, at)
    if (end === undefined) return undefined
    tokens.push(text.slice(at, end))
    at = endOf(ignored, text, end) ?? end
  }
  return tokens
}

function endOf(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

// §2.9.4. Not by a regular expression: its stack does not hold a long string.
function endOfString(text: string, start: number): number | undefined {
  if (text.startsWith('"""', start)) return endOfBlock(text, start + 3)
  for (let at = start + 1; at < text.length; at++) {
    const character = text[at]
    if (character === '"') return at + 1
    if (character === '\n' || character === '\r') return undefined
    if (character === '\\') at++
  }
  return undefined
}

function endOfBlock(text: string, start: number): number | undefined {
  for (let at = start; ;) {
    const quotes = text.indexOf('"""', at)
    if (quotes === -1) return undefined
    if (text[quotes - 1] !== '\\') return quotes + 3
    at = quotes + 3
  }
}

const kinds = new Set<string>(['query', 'mutation', 'subscription'] satisfies OperationKind[])

// §2.3: what stands outside of all brackets is the head of a definition, up to the braces that are
// its body. @returns undefined where there is anything else
function operationsOf(tokens: readonly string[]): Operation[] | undefined {
  const operations: Operation[] = []
  let depth = 0
  let inHead = false
  for (const [index, token] of tokens.entries()) {
    if (depth === 0 && !inHead) {
      if (token === '{') operations.push({ kind: 'query', name: undefined })
      else if (kinds.has(token)) {
        operations.push({ kind: token as OperationKind, name: nameAt(tokens, index + 1) })
      } else if (token[0] === '"') continue
      else if (token !== 'fragment') return undefined
      inHead = true
    }
    // A selection begins with a field or a fragment: JSON does not.
    if (depth === 0 && token === '{' && !/^[a-z_.]/i.test(tokens[index + 1] ?? '')) return undefined
    if (token === '{' || token === '(' || token === '[') depth++
    else if (token === '}' || token === ')' || token === ']') {
      depth--
      if (depth < 0) return undefined
      if (depth === 0 && token === '}') inHead = false
    }
  }
  return depth === 0 && !inHead ? operations : undefined
}

function nameAt(tokens: readonly string[], index: number): string | undefined {
  const token = tokens[index]
  return token !== undefined && /^\w/.test(token) ? token : undefined
}
