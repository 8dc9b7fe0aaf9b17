/**
 * What counts as a credential: which header fields and query parameters tell one user of an API
 * from another. They go into the key as a digest and are written down nowhere.
 */

const credentialHeaders = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'api-key',
  'apikey',
  'x-api-key',
  'x-apikey',
  'x-auth',
  'x-auth-key',
  'x-auth-token',
  'x-token',
  'x-rapidapi-key',
  'x-functions-key',
  'ocp-apim-subscription-key',
  'dd-api-key',
  'dd-application-key',
  'private-token',
  'circle-token',
  'job-token',
])

// `x-acme-api-key`, `x-goog-iam-authorization-token`, `x-vault-token`, but not `x-csrf-token`:
// a token against forgery changes with each request and names nobody.
const credentialHeaderEnding = /(?:^|-)(?:api-?key|access-key|secret|password|token)$/
const forgeryToken = /(?:csrf|xsrf|request-verification)-?token$/

/** @param name in lower case */
export function isCredentialHeader(name: string): boolean {
  return credentialHeaders.has(name) || (credentialHeaderEnding.test(name) && !isForgeryToken(name))
}

/** @param name in lower case */
export function isForgeryToken(name: string): boolean {
  return forgeryToken.test(name)
}

const credentialParameter =
  /^(?:(?:access|auth|api|id|refresh|session|security|bearer|user|private)[-_]?(?:token|key)|x[-_]api[-_]key|app[-_]?key|subscription[-_]key|(?:client|api|app)[-_]?secret|secret|password|passwd|pwd|jwt|oauth_(?:token|signature)|x-(?:amz|goog)-(?:signature|credential|security-token))$/i

// Words that name a credential as often as something harmless: there the length decides.
const ambiguousParameter = /^(?:key|token|auth|sig|signature|hmac)$/i

/** The shortest value that makes a credential of such a name. */
export const shortestSecret = 16

/** @param name as it stands in the query, decoded */
export function isCredentialParameter(name: string, value: string): boolean {
  return (
    credentialParameter.test(name) ||
    (value.length >= shortestSecret && ambiguousParameter.test(name))
  )
}

/** A query that this does not match holds no credential; most do not, and are not looked at. */
export const mayHoldCredential: RegExp = /key|token|auth|secret|pass|pwd|jwt|sig|hmac|cred|%[4-7]/i

/** Stands in a stored URL or header field for what was taken out. */
export const redacted = 'REDACTED'

/**
 * Sorts `name: value` and `name=value` by name. The order of names says nothing; that of several
 * values of one name may.
 */
export function sortCredentials(credentials: readonly string[]): string[] {
  return credentials.toSorted((a, b) => {
    const left = nameOf(a)
    const right = nameOf(b)
    return left < right ? -1 : left > right ? 1 : 0
  })
}

function nameOf(credential: string): string {
  return credential.slice(0, credential.search(/[:=]/))
}
