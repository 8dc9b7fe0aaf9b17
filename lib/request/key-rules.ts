/**
 * Which requests share a response: what the caller has to say about it, checked and brought into
 * the shape in which requests are asked. Where nothing is said there are no rules, and a key costs
 * what it costs without them.
 */
import { hash } from 'node:crypto'
import { misuse } from '../errors.ts'
import { isCredentialHeader, isCredentialParameter, shortestSecret } from './credentials.ts'
import { readJsonPaths, type JsonPaths } from './json-paths.ts'

/** What `keyFn` and `identity` are told of a request. */
export interface RequestDetails {
  readonly method: string
  readonly url: string
  /** By names in lower case; several lines of one field are joined by commas. */
  readonly headers: Readonly<Record<string, string>>
  /** The bytes that are sent; a `FormData` as it is. Undefined where there is no body. */
  readonly body?: Buffer | FormData | undefined
}

/** A function that gives a text for a request, or undefined to leave it as it is by default. */
export type TextOfRequest = (request: RequestDetails) => string | undefined

/** How users are told apart. */
export type Identity = 'isolated' | 'shared' | TextOfRequest

/** Options about keys: which requests share a response. */
export interface MatchOptions {
  /** Header fields that are part of the key; true: all that the caller wrote. Default false. */
  readonly matchHeaders?: readonly string[] | boolean | undefined
  /**
   * Names that are no part of the key and are not stored, whatever their case: of parameters of the
   * query, fields of a form, members of JSON (`'token'`, `'user.session.id'`, `'items[].id'`) and
   * header fields. A credential that is named does not keep users apart.
   */
  readonly ignoredParameters?: readonly string[] | undefined
  /** The only parameters of the query that count, credentials aside. Default: all. */
  readonly keptParameters?: readonly string[] | undefined
  /**
   * Knows GraphQL queries by operation and variables, however they are spelled, and caches those that
   * are sent with POST. Mutations and subscriptions never are cached. Default false.
   */
  readonly graphql?: boolean | undefined
  /**
   * Gives a request its key, in the place of URL and body; undefined leaves it as it is. The text
   * is stored as it is. Credentials, of which it is not told, still keep users apart.
   */
  readonly keyFn?: TextOfRequest | undefined
  /**
   * How users are told apart: by their credentials (`'isolated'`), not at all (`'shared'`), or by
   * the text that a function gives; undefined stands for their credentials. Default `'isolated'`.
   */
  readonly identity?: Identity | undefined
}

/** The same, as requests are asked. All names are in lower case. */
export interface KeyRules {
  /** What they were made of. */
  readonly options: MatchOptions
  /** Header fields that are part of the key, sorted; true: all. */
  readonly matchHeaders: readonly string[] | true | undefined
  readonly ignored: ReadonlySet<string>
  /** The same as places in JSON. */
  readonly paths: JsonPaths | undefined
  /** A digest of those among them that are credentials. */
  readonly ignoredCredentials: string | undefined
  readonly kept: ReadonlySet<string> | undefined
  readonly graphql: boolean
  readonly keyFn: TextOfRequest | undefined
  readonly identity: Identity
  /** Whether anything of it matters for a query. */
  readonly matchesQuery: boolean
}

/**
 * @returns undefined where the options say nothing
 * @throws TypeError ERR_CACHE_OPTION_INVALID where they contradict each other
 */
export function readKeyRules(options: MatchOptions): KeyRules | undefined {
  const { graphql = false, keyFn, identity = 'isolated' } = options
  const ignored = lowerCase(options.ignoredParameters ?? [])
  const kept = options.keptParameters === undefined ? undefined : lowerCase(options.keptParameters)
  const { matchHeaders: written = false } = options
  const matched = typeof written === 'boolean' ? new Set<string>() : lowerCase(written)
  refuseBoth('keptParameters', kept ?? [], ignored)
  refuseBoth('matchHeaders', matched, ignored)

  const matchHeaders = written === true || (matched.size > 0 ? [...matched].toSorted() : undefined)
  const told = ignored.size > 0 || kept !== undefined || graphql || identity !== 'isolated'
  if (!told && matchHeaders === undefined && keyFn === undefined) return undefined
  return {
    options,
    matchHeaders,
    ignored,
    paths: readJsonPaths(ignored),
    ignoredCredentials: digestOf([...ignored].filter(isCredential)),
    kept,
    graphql,
    keyFn,
    identity,
    matchesQuery: told,
  }
}

function lowerCase(names: readonly string[]): Set<string> {
  return new Set(names.map((name) => name.toLowerCase()))
}

function refuseBoth(option: string, names: Iterable<string>, ignored: ReadonlySet<string>): void {
  for (const name of names) {
    if (!ignored.has(name)) continue
    const message = `option '${option}' names '${name}', which option 'ignoredParameters' names too`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
}

// Of a name that is a credential only with a long value, too.
function isCredential(name: string): boolean {
  return isCredentialHeader(name) || isCredentialParameter(name, 'x'.repeat(shortestSecret))
}

function digestOf(names: string[]): string | undefined {
  if (names.length === 0) return undefined
  return hash('sha256', JSON.stringify(names.toSorted()), 'base64url')
}
