/**
 * The key that a stored request has under other rules. What was taken out when it was stored, the
 * values of credentials and of what was ignored, and the body, of which there is a digest, cannot be
 * looked at again: where the new key depends on them there is none.
 */
import { createKey, type Key } from './create-key.ts'
import { redacted } from './credentials.ts'
import { headerValue } from './headers.ts'
import { identify } from './identify.ts'
import type { KeyRules } from './key-rules.ts'
import { unescapePath } from './parameters.ts'
import { readHead, shapeOfFetch } from './read-request.ts'
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

/**
 * @param rules undefined where the caller has none
 * @returns undefined where it cannot be known
 * @throws CacheError ERR_CACHE_CALLBACK_FAILED
 */
export function recreateKey(request: KeptRequest, rules: KeyRules | undefined): Key | undefined {
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
  if (!rules?.ignored.has('host') && eachHidden(headers).includes('host')) return undefined

  const identity = identityOf(old, head, headers, rules)
  if (identity === 'unknown') return undefined
  const ruled = head.ruled
  const customKey =
    ruled === undefined || keyFn === undefined
      ? undefined
      : identify(ruled, options, head, undefined, undefined).customKey
  return createKey({
    method,
    normalizedUrl: head.normalizedUrl,
    via: head.via,
    credentials: [],
    bodyDigest: old.bodyDigest,
    isOperation: old.isOperation,
    customKey,
    headersDigest: ruled?.headersDigest,
    ignoredCredentials: rules?.ignoredCredentials,
    identity: identity.word,
  })
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
    identity: after('identity'),
  }
}

// Who asked is known by a digest, which is right as long as it is of the same values.
function identityOf(
  old: OldText,
  head: RequestHead,
  headers: readonly string[],
  rules: KeyRules | undefined,
): 'unknown' | { readonly word: string | undefined } {
  const hiddenFields = eachHidden(headers).filter((name) => rules?.ignored.has(name) !== true)
  const parameters = hiddenParameters(head.normalizedUrl)
  const hidden = [...parameters, ...hiddenFields]
  const who = rules?.identity ?? 'isolated'
  // Credentials do not count then; what is hidden none the less was ignored, and is not any more.
  if (who === 'shared') return parameters.length > 0 ? 'unknown' : { word: 'shared' }
  // A function would have to see what was taken out.
  if (typeof who === 'function') return 'unknown'
  if (hidden.length === 0) return { word: undefined }
  const told = old.identity !== undefined && !/^(?:by:|shared$)/.test(old.identity)
  const sameParameters =
    old.target.startsWith('key:') || String(hiddenParameters(old.target)) === String(parameters)
  const sameIgnored = old.ignoring === rules?.ignoredCredentials
  return told && sameParameters && sameIgnored ? { word: old.identity } : 'unknown'
}

// A field that is to be part of the key, and whose value was taken out.
function matchesHidden(headers: readonly string[], rules: KeyRules | undefined): boolean {
  const matched = rules?.matchHeaders
  if (matched === undefined || matched === true) return false
  return eachHidden(headers).some((name) => matched.includes(name))
}

function eachHidden(headers: readonly string[]): string[] {
  return headers
    .filter((_, index) => index % 2 === 0 && headers[index + 1] === redacted)
    .map((name) => name.toLowerCase())
}

function hiddenParameters(url: string): string[] {
  const query = url.slice(url.indexOf('?') + 1).split('&')
  return query.filter((parameter) => parameter.endsWith(`=${redacted}`)).toSorted()
}
