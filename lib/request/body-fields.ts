/** The named fields of a body: which of them the rules ignore, and which one is a GraphQL request. */
import { canonicalJson, type IgnoredJson } from './canonical-json.ts'
import { readGraphqlJson, type GraphqlBody } from './graphql-request.ts'
import type { KeyRules } from './key-rules.ts'
import { decodeField, writtenPair } from '../http/parameters.ts'

// What comes back in a header field must fit into one, and nobody sends that many secrets.
const longestValue = 16 * 1024
const mostValues = 1000

/** Of one body; collects what is ignored while the body is read. */
export class BodyFields {
  /** What is left out of JSON. */
  readonly ofJson: IgnoredJson | undefined
  /** Of a form with files (GraphQL multipart request specification). */
  operation: GraphqlBody | undefined
  readonly #ignored: ReadonlySet<string> | undefined
  readonly #found: string[] = []

  constructor(rules: KeyRules | undefined) {
    this.#ignored = rules !== undefined && rules.ignored.size > 0 ? rules.ignored : undefined
    this.ofJson = rules?.paths && {
      paths: rules.paths,
      visit: (name, value) => this.#keep(name, value),
    }
  }

  /** To be spread into what is known of the body. */
  get found(): { ignored?: readonly string[] } {
    return this.#found.length === 0 ? {} : { ignored: this.#found }
  }

  /** @param value undefined where it is a file */
  ignores(name: string, value: string | undefined): boolean {
    if (this.#ignored?.has(name.toLowerCase()) === true) {
      if (value !== undefined) this.#keep(name, value)
      return true
    }
    if (name === 'operations' && value !== undefined) {
      this.operation = readGraphqlJson(canonicalJson(value) ?? '')
    }
    return false
  }

  /** @param parameter `name=value`, encoded */
  ignoresParameter(parameter: string): boolean {
    if (this.#ignored === undefined) return false
    const equals = parameter.indexOf('=')
    const name = decodeField(equals === -1 ? parameter : parameter.slice(0, equals))
    return this.ignores(name, equals === -1 ? '' : decodeField(parameter.slice(equals + 1)))
  }

  /** @param part of a multipart body, between two boundaries, as latin1 */
  ignoresPart(part: string): boolean {
    const headEnd = part.indexOf('\r\n\r\n')
    const head = part.slice(0, Math.max(headEnd, 0))
    const name =
      /^content-disposition:(?:[^\r\n"]|"[^"\r\n]*")*?;\s*name=(?:"([^"\r\n]*)"|([^\s;]+))/im.exec(
        head,
      )
    if (name === null) return false
    const written = name[1] ?? name[2] ?? ''
    const isFile = /^content-disposition:(?:[^\r\n"]|"[^"\r\n]*")*?;\s*filename\*?=/im.test(head)
    // A quote inside of the name is written so (HTML, "multipart/form-data encoding algorithm").
    const plain = asText(written).replaceAll('%22', '"')
    return this.ignores(plain, isFile ? undefined : asText(part.slice(headEnd + 4, -2)))
  }

  #keep(name: string, value: string): void {
    if (value === '' || value.length > longestValue || this.#found.length >= mostValues) return
    this.#found.push(writtenPair(name, value))
  }
}

function asText(latin1: string): string {
  return Buffer.from(latin1, 'latin1').toString()
}
