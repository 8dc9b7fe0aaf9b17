/**
 * Which requests share a response: what the caller has to say about it, checked and brought into
 * the shape in which requests are asked. Where nothing is said there are no rules, and a key costs
 * what it costs without them.
 */
import { misuse } from '../errors.ts'
import { isCredentialHeader, mayBeCredential } from '../secrets/credentials.ts'
import {
  digestOf,
  isolatesField,
  readIdentityNames,
  sharesField,
  type IdentityNames,
} from '../secrets/identity-names.ts'
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
  /**
   * Names of header fields and of parameters of the query that tell users apart, besides those that
   * are known; `'x-acme-*'` stands for all that begin so. Their values are part of the key as a
   * digest, whatever `identity` says, and are not stored.
   */
  readonly isolate?: readonly string[] | undefined
  /**
   * Names of header fields and of parameters of the query that do not tell users apart, though they
   * are known as credentials. Their values are no part of the key, and are not stored either.
   */
  readonly share?: readonly string[] | undefined
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
  /** A digest of the names of credentials, among those and others, that do not count. */
  readonly ignoredCredentials: string | undefined
  readonly kept: ReadonlySet<string> | undefined
  readonly graphql: boolean
  readonly keyFn: TextOfRequest | undefined
  readonly identity: Identity
  /** What is added to the names that tell users apart, or taken from them. */
  readonly names: IdentityNames | undefined
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
  const apart = lowerCase(options.isolate ?? [])
  const shared = lowerCase(options.share ?? [])
  refuseBoth('keptParameters', kept ?? [], 'ignoredParameters', ignored)
  refuseBoth('matchHeaders', matched, 'ignoredParameters', ignored)
  refuseBoth('isolate', apart, 'ignoredParameters', ignored)
  refuseBoth('isolate', apart, 'share', shared)
  refuseBoth('matchHeaders', matched, 'share', shared)
  refuseBoth('keptParameters', kept ?? [], 'share', shared)
  const names = readIdentityNames([...apart], options.share ?? [])

  const matchHeaders = written === true || (matched.size > 0 ? [...matched].toSorted() : undefined)
  const who = identity !== 'isolated' || names !== undefined
  const told = ignored.size > 0 || kept !== undefined || graphql || who
  if (!told && matchHeaders === undefined && keyFn === undefined) return undefined
  const uncounted = [...[...ignored].filter(mayBeCredential), ...(names?.shared ?? [])]
  return {
    options,
    matchHeaders,
    ignored,
    paths: readJsonPaths(ignored),
    ignoredCredentials: uncounted.length === 0 ? undefined : digestOf(uncounted),
    kept,
    graphql,
    keyFn,
    identity,
    names,
    matchesQuery: told,
  }
}

function lowerCase(names: readonly string[]): Set<string> {
  return new Set(names.map((name) => name.toLowerCase()))
}

function refuseBoth(
  option: string,
  names: Iterable<string>,
  other: string,
  others: ReadonlySet<string>,
): void {
  for (const name of names) {
    if (!others.has(name)) continue
    const message = `option '${option}' names '${name}', which option '${other}' names too`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
}

/** Whether a header field is left out of the key, and of what is stored. @param name in lower case */
export function leavesOut({ ignored, names }: KeyRules, name: string): boolean {
  return ignored.has(name) || sharesField(names, name)
}

/** Whether the value of a header field is not to be seen. @param name in lower case */
export function isHidden(rules: KeyRules | undefined, name: string): boolean {
  if (isCredentialHeader(name)) return true
  return rules !== undefined && (rules.ignored.has(name) || isolatesField(rules.names, name))
}
