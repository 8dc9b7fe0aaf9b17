/**
 * The key of a request. Its text is injective in its parts: neither a method, a URL nor a digest
 * holds a space, and each other part begins with its name, so two requests share a text only where
 * they share each part. A part that no rule asks for is not there. The text stands in
 * the stored entry and is compared on every hit; its SHA-256 is the key in the storages.
 *
 * A change to what goes in has to change `keyVersion`.
 */
import { hash } from 'node:crypto'
import { sortCredentials } from '../secrets/credentials.ts'

const keyVersion = 'undici-cache/2'

/** Everything that tells one request from another. */
export interface KeyParts {
  readonly method: string
  readonly normalizedUrl: string
  /** The origin that it is sent to, where that is not the one of the URL. */
  readonly via?: string | undefined
  /** `name: value` and `name=value` of everything that tells users apart. */
  readonly credentials: readonly string[]
  readonly bodyDigest?: string | undefined
  /** The digest is that of a GraphQL operation, however it was spelled. */
  readonly isOperation?: boolean | undefined
  /** Takes the place of URL and body. */
  readonly customKey?: string | undefined
  /** Of the header fields that the caller wants to be told apart. */
  readonly headersDigest?: string | undefined
  /** Of the names of credentials that tell nobody apart: what was stored so is for others, too. */
  readonly ignoredCredentials?: string | undefined
  /** Of the names that tell users apart besides those known: what was stored without may be anybody's. */
  readonly isolating?: string | undefined
  /** Takes the place of the credentials. Never the text of a digest, and without spaces. */
  readonly identity?: string | undefined
}

/** What a request is known by. */
export interface Key {
  /** Readable, with every credential as a digest. */
  readonly text: string
  /** The text, hashed: 43 characters of base64url. */
  readonly key: string
}

/** Equal parts give equal keys, different parts different ones. */
export function createKey(parts: KeyParts): Key {
  const { method, normalizedUrl, credentials, bodyDigest, customKey } = parts
  let text =
    customKey === undefined
      ? `${method} ${normalizedUrl}`
      : `${method} key:${encodeURIComponent(customKey)}`
  // Nor does a key of the caller's own make one server answer for another.
  if (parts.via !== undefined) text += ` via:${parts.via}`
  if (bodyDigest !== undefined && customKey === undefined) {
    text += parts.isOperation === true ? ` graphql:${bodyDigest}` : ` body:${bodyDigest}`
  }
  if (parts.headersDigest !== undefined) text += ` headers:${parts.headersDigest}`
  if (parts.ignoredCredentials !== undefined) text += ` ignoring:${parts.ignoredCredentials}`
  if (parts.isolating !== undefined) text += ` isolating:${parts.isolating}`
  if (parts.identity !== undefined) text += ` identity:${parts.identity}`
  else if (credentials.length > 0) text += ` identity:${digestCredentials(credentials)}`
  return { text, key: keyOf(text) }
}

// Hashing is a fifth of a hit from memory, and programs ask for the same again. The text holds no
// secret. Bounded, and begun anew when full: a crawler never asks twice.
const knownKeys = new Map<string, string>()
const maxKnownKeys = 2000

/** The key of a text. */
export function keyOf(text: string): string {
  const known = knownKeys.get(text)
  if (known !== undefined) return known
  const key = hash('sha256', `${keyVersion} ${text}`, 'base64url')
  if (knownKeys.size >= maxKnownKeys) knownKeys.clear()
  knownKeys.set(text, key)
  return key
}

/** A word in the place of credentials, with a digest of those that tell users apart all the same. */
export function identityWord(word: string, apart: readonly string[]): string {
  return apart.length === 0 ? word : `${word}+${digestCredentials(apart)}`
}

function digestCredentials(credentials: readonly string[]): string {
  return hash('sha256', JSON.stringify(sortCredentials(credentials)), 'base64url')
}
