/**
 * What counts as a credential: which header fields and query parameters tell one user of an API
 * from another. They go into the key as a digest and are written down nowhere.
 *
 * Names are known by their words. A header field counts that proves who asks, says who asks, or
 * chooses for whom (a tenant): it is no part of the key otherwise, and one user would get what is
 * another's. A parameter is part of the key whatever it is called, so only secrets count.
 */
import {
  ambiguousNames,
  askingWords,
  describingWords,
  numberedWords,
  numberWords,
  pagingWords,
  plainKeys,
  preferenceWords,
  provingWords,
  secretEndings,
  secretKeys,
  secretWords,
  sessionWords,
  shortSecrets,
  vocabulary,
} from './credential-words.ts'
import { knownAs } from './known-names.ts'
import { decodeParameter } from '../http/parameters.ts'

// What no word of theirs gives away.
const provingFields = new Set([
  'apikey',
  'cst',
  'x-application',
  'x-grafana-id',
  'x-registry-config',
  'x-vercel-protection-bypass',
  'x-zumo-application',
  'sec-token-binding',
])
const askingFields = new Set([
  'dropbox-api-path-root',
  'dropbox-api-select-admin',
  'from',
  'client',
  'store',
  'callerobjectid',
  'remote-name',
  'sap-client',
  'sm-universalid',
  'smuser',
  'stripe-context',
  'surreal-db',
  'surreal-ns',
  'x-act-as',
  'x-business-unit',
  'x-found-cluster',
  'x-goog-pageid',
  'x-hf-bill-to',
  'x-kakao-id',
  'x-lc-id',
  'x-legal-entity',
  'x-mobile',
  'x-phone',
  'x-proxyuser',
  'x-sap-client',
  'x-store-code',
  'x-sub',
])

// What a word of theirs makes look like more than it is.
const harmlessFields = new Set(['auth0-client', 'cf-visitor', 'x-atlassian-token'])
const harmlessFamilies = /^(?:accept|access-control|content|if|sec)-/

// A token against forgery changes with each request and names nobody.
const forgeryToken = /csrf|xsrf|forgery|request[-_]?verification|authenticity[-_]?token/

// As does what a request, or a step of it, is known by in logs.
const ofOneRequest =
  /\b(?:(?:request|trace|correlation|span|transaction|parent|operation|message|event|invocation|interaction|activity|call|flow) (?:id|uuid|guid|uid)|idempoten\w+ (?:token|id|key))$/

const actsForOthers = /\b(?:act as|acting as|run as|on behalf of|ssl client|view as|phone number)\b/
const accessCode = /\b(?:(?:access|security|verification|one time) code|pass)$/
const address = /\b(?:ip|remote|client) address$/

/** What a header field says: what proves who asks, who asks or for whom, or neither. */
export type HeaderKind = 'proof' | 'asker' | 'none'

/** @param name in lower case */
export const headerKind: (name: string) => HeaderKind = knownAs((written): HeaderKind => {
  // Some servers hand names on with underscores.
  const name = written.replaceAll('_', '-')
  if (provingFields.has(name)) return 'proof'
  if (askingFields.has(name)) return 'asker'
  if (harmlessFields.has(name) || harmlessFamilies.test(name) || isForgeryToken(name)) return 'none'
  const words = vocabulary.wordsOf(name)
  const text = words.join(' ').replaceAll('user agent', 'agent')
  if (ofOneRequest.test(text)) return 'none'
  const last = words.at(-1) ?? ''
  const isPreference = preferenceWords.has(last) || address.test(text)
  if (isPreference) return 'none'
  if (!describingWords.has(last)) {
    if (proves(words, text)) return 'proof'
    if (ofSession(words)) return 'asker'
  }
  return asks(text) ? 'asker' : 'none'
})

function proves(words: readonly string[], text: string): boolean {
  if (words.some((word) => provingWords.has(word)) || accessCode.test(text)) return true
  const key = words.lastIndexOf('key')
  return key !== -1 && !plainKeys.has(words[key - 1] ?? '')
}

function ofSession(words: readonly string[]): boolean {
  return words.some((word) => sessionWords.has(word))
}

function asks(text: string): boolean {
  if (actsForOthers.test(text)) return true
  const words = text.split(' ')
  return words.some(
    (word, index) =>
      askingWords.has(word) || (numberedWords.has(word) && numberWords.has(words[index + 1] ?? '')),
  )
}

/** @param name in lower case */
export function isCredentialHeader(name: string): boolean {
  return headerKind(name) !== 'none'
}

/** @param name in lower case */
export function isForgeryToken(name: string): boolean {
  return forgeryToken.test(name)
}

// Session identifiers and the like are rarely shorter, and what else bears their names rarely longer.
const shortestSession = 8
// Of a name that means something else as often.
const shortestSecret = 16

/** @param name as it stands in the query, decoded */
export function isCredentialParameter(name: string, value: string): boolean {
  return value.length >= shortestCredential(name)
}

/**
 * Whether a parameter proves who asks, rather than by what he is known again.
 * @param name as it stands in the query, decoded
 */
export function isProofParameter(name: string, value: string): boolean {
  return isCredentialParameter(name, value) && !ofSession(vocabulary.wordsOf(name))
}

/**
 * How long the value of a parameter is at least, if it is a credential; Infinity where none is.
 * @param name decoded
 */
const shortestCredential: (name: string) => number = knownAs((name) => {
  const shortest = shortestOf(vocabulary.wordsOf(name))
  if (!/[A-Z]/.test(name)) return shortest
  return Math.min(shortest, shortestOf(vocabulary.wordsByCase(name)))
})

/**
 * The same of a name as it is written in a URL. It is looked at for each parameter of each request,
 * and so is remembered without being decoded.
 */
export const shortestCredentialOf: (written: string) => number = knownAs((written) =>
  shortestCredential(decodeParameter(written)),
)

/** Whether a parameter of that name, in whatever case it is written, may be a credential. */
export function mayBeCredential(name: string): boolean {
  // In another case the last word may be one of its own: `fooKey`.
  const ending = /(?:key|sign?|code|auth|sid|pass|pin)$/i
  return (
    isCredentialHeader(name.toLowerCase()) ||
    shortestCredential(name) < Infinity ||
    ending.test(name)
  )
}

const codeOfSecret =
  /\b(?:(?:auth|authorization|access|verification|login|otp|mfa|recovery|activation|confirmation|reset|one time) code|(?:code|oauth) verifier|key pair id|google access id)\b/
const appNumber = /\b(?:app|application|client) id$/

function shortestOf(all: readonly string[]): number {
  const words = all.filter((word) => word !== 'x')
  const last = words.at(-1)
  if (last === undefined || describingWords.has(last) || last === 'name') return Infinity
  const text = words.join(' ')
  if (words.some((word) => secretWords.has(word)) || secretEndings.has(last)) return 0
  if (codeOfSecret.test(text)) return 0
  const alone = words.length === 1
  const token = words.indexOf('token')
  if (token !== -1) {
    if (pagingWords.has(words[token - 1] ?? '')) return Infinity
    return alone ? shortestSession : 0
  }
  const key = words.indexOf('key')
  if (key > 0 && secretKeys.has(words[key - 1]!)) return 0
  if (last === 'signature' && !alone) return 0
  if (words.some((word) => shortSecrets.has(word))) return shortestSession
  if (text === 'user code') return shortestSession
  if (alone && ambiguousNames.has(last)) return shortestSecret
  if (key > 0 && last === 'key') return plainKeys.has(words[key - 1]!) ? Infinity : shortestSecret
  return appNumber.test(text) || text === 'device code' ? shortestSecret : Infinity
}

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
