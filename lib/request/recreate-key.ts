/**
 * The key that a stored request has under other rules. What was taken out when it was stored, the
 * values of credentials and of what was ignored, and the body, of which there is a digest, cannot be
 * looked at again: where the new key depends on them there is none.
 */
import { createKey, identityWord, type Key } from './create-key.ts'
import { redacted, shortestCredentialOf } from '../secrets/credentials.ts'
import { headerValue } from '../http/header-fields.ts'
import { identify } from './identify.ts'
import { isolatesField } from '../secrets/identity-names.ts'
import { leavesOut, type KeyRules } from './key-rules.ts'
import { decodeParameter, unescapePath } from '../http/parameters.ts'
import { readHead, redactedHeaders, shapeOfFetch } from './read-request.ts'
import type { RequestHead } from './request.ts'

/** A request as it is stored: see `StoredRequest` and `EntryHead.text`. */
export interface KeptRequest {
  readonly text: string
  readonly method: string
  /** Without credentials. */
  readonly url: string
  /** Flat, without credentials. */
  readonly headers: readonly string[]
}

/** A key, and what is to be stored of the request under it. */
export interface RecreatedKey extends Key {
  /** With what is known as a credential only now taken out. */
  readonly request: Pick<KeptRequest, 'method' | 'url' | 'headers'>
  /** Credentials of which it is made, as far as they were stored. */
  readonly credentials: readonly string[]
}

/**
 * @param rules undefined where the caller has none
 * @returns undefined where it cannot be known
 * @throws CacheError ERR_CACHE_CALLBACK_FAILED
 */
export function recreateKey(
  request: KeptRequest,
  rules: KeyRules | undefined,
): RecreatedKey | undefined {
  const { method, url, headers } = request
  const old = readText(request.text)
  // As it is stored: parsing it would encode it once more.
  const [, target = '', path = ''] = /^([^:]*:\/\/[^/?]*)(.*)$/s.exec(url) ?? []
  const origin = old.via ?? target
  const hasBody = old.bodyDigest !== undefined
  const options = {
    ...(writtenByFetch(headers) && shapeOfFetch),
    method,
    origin,
    path: unescapePath(path),
    headers,
    body: hasBody ? '' : null,
  }
  const head = readHead(options, rules)
  if (typeof head === 'string') return undefined
  const keyFn = rules?.keyFn
  // A key of one call, or of a function that is gone.
  if (old.target.startsWith('key:') && keyFn === undefined) return undefined
  if (keyFn !== undefined && hasBody) return undefined
  if (matchesHidden(headers, rules)) return undefined
  // Whom it was meant for did not count, and is not known.
  if (eachHidden(headers, rules).includes('host')) return undefined

  const identity = identityOf(old, head, headers, rules)
  if (identity === 'unknown') return undefined
  const ruled = head.ruled
  const customKey =
    ruled === undefined || keyFn === undefined
      ? undefined
      : identify(ruled, options, head, undefined, undefined).customKey
  const key = createKey({
    method,
    normalizedUrl: head.normalizedUrl,
    via: head.via,
    credentials: identity.credentials,
    bodyDigest: old.bodyDigest,
    isOperation: old.isOperation,
    customKey,
    headersDigest: ruled?.headersDigest,
    ignoredCredentials: rules?.ignoredCredentials,
    isolating: rules?.names?.isolatingDigest,
    identity: identity.word,
  })
  const secrets = { credentials: shownCredentials(head), ignored: ruled?.ignored ?? [] }
  const shown = redactedHeaders({ headers, rules, ...secrets })
  const { credentials } = identity
  return { ...key, request: { method, url: head.url, headers: shown }, credentials }
}

function writtenByFetch(headers: readonly string[]): boolean {
  return /^(?:node|undici)$/.test(headerValue(headers, 'user-agent') ?? '')
}

interface OldText {
  /** The normalized URL, or `key:` and the caller's own key. */
  readonly target: string
  readonly via: string | undefined
  readonly bodyDigest: string | undefined
  readonly isOperation: boolean
  readonly ignoring: string | undefined
  readonly isolating: string | undefined
  readonly identity: string | undefined
}

// The inverse of what `createKey()` puts together; no part holds a space.
function readText(text: string): OldText {
  const [, target = '', ...parts] = text.split(' ')
  const after = (name: string): string | undefined =>
    parts.find((part) => part.startsWith(`${name}:`))?.slice(name.length + 1)
  const operation = after('graphql')
  return {
    target,
    via: after('via'),
    bodyDigest: operation ?? after('body'),
    isOperation: operation !== undefined,
    ignoring: after('ignoring'),
    isolating: after('isolating'),
    identity: after('identity'),
  }
}

interface KnownIdentity {
  /** A word in the place of a digest of credentials, or the digest that there was. */
  readonly word: string | undefined
  readonly credentials: readonly string[]
}

// Who asked is known by a digest, which is right as long as it is of the same values, or by values
// that are known as credentials only now and so were stored.
function identityOf(
  old: OldText,
  head: RequestHead,
  headers: readonly string[],
  rules: KeyRules | undefined,
): 'unknown' | KnownIdentity {
  const fields = eachHidden(headers, rules)
  const shown = shownCredentials(head)
  const parameters = withoutShown(hiddenParameters(head.normalizedUrl), shown)
  const who = rules?.identity ?? 'isolated'
  // A function would have to see what was taken out.
  if (typeof who === 'function') return 'unknown'
  const sameParameters =
    old.target.startsWith('key:') || String(hiddenParameters(old.target)) === String(parameters)
  const isSame = sameParameters && old.ignoring === rules?.ignoredCredentials
  if (who === 'shared') {
    const names = rules?.names
    const isolates = (name: string): boolean => names?.roleOf(name) === 'isolates'
    const apart = shown.filter((each) => isolates(nameOf(each)))
    if (parameters.length === 0 && !fields.some(isolates)) {
      return { word: identityWord('shared', apart), credentials: apart }
    }
    // What is hidden counts: it did as well, or it did not and is not known.
    const did = old.identity?.startsWith('shared+') === true && isSame
    const same = did && old.isolating === names?.isolatingDigest && apart.length === 0
    return same ? { word: old.identity, credentials: [] } : 'unknown'
  }
  if (parameters.length === 0 && fields.length === 0) return { word: undefined, credentials: shown }
  // One digest of what is known and what is not.
  if (shown.length > 0) return 'unknown'
  const told = old.identity !== undefined && !/^(?:by:|shared$|shared\+)/.test(old.identity)
  const allTell =
    fields.every((name) => isolatesField(rules?.names, name)) &&
    parameters.every((parameter) => isolatesParameter(parameter, rules))
  return isSame && told && allTell ? { word: old.identity, credentials: [] } : 'unknown'
}

function isolatesParameter(parameter: string, rules: KeyRules | undefined): boolean {
  const role = rules?.names?.roleOf(nameOf(parameter))
  const written = parameter.slice(0, parameter.indexOf('='))
  return role === 'isolates' || shortestCredentialOf(written) < Infinity
}

// A field that is to be part of the key, and whose value was taken out.
function matchesHidden(headers: readonly string[], rules: KeyRules | undefined): boolean {
  const matched = rules?.matchHeaders
  if (matched === undefined) return false
  return eachHidden(headers, rules).some((name) =>
    matched === true ? !isolatesField(rules?.names, name) : matched.includes(name),
  )
}

function eachHidden(headers: readonly string[], rules: KeyRules | undefined): string[] {
  return headers
    .filter((_, index) => index % 2 === 0 && headers[index + 1] === redacted)
    .map((name) => name.toLowerCase())
    .filter((name) => rules === undefined || !leavesOut(rules, name))
}

function hiddenParameters(url: string): string[] {
  const query = url.slice(url.indexOf('?') + 1).split('&')
  return query.filter((parameter) => parameter.endsWith(`=${redacted}`)).toSorted()
}

// Credentials whose values are there.
function shownCredentials({ credentials }: RequestHead): string[] {
  return credentials.filter(
    (each) => !each.endsWith(`=${redacted}`) && !each.endsWith(`: ${redacted}`),
  )
}

// Each of those that are there has been taken out of the URL just now.
function withoutShown(hidden: string[], shown: readonly string[]): string[] {
  for (const credential of shown) {
    if (credential.includes(': ')) continue
    const at = hidden.indexOf(`${credential.slice(0, credential.indexOf('='))}=${redacted}`)
    if (at !== -1) hidden.splice(at, 1)
  }
  return hidden
}

/** Of `name: value` or `name=value`. */
function nameOf(credential: string): string {
  return decodeParameter(credential.slice(0, credential.search(/: |=/))).toLowerCase()
}
