/**
 * The secrets of a request, in the forms in which an origin may send them back: credentials, which
 * are part of the key as a digest, and what the rules leave out of it.
 */
import { headerKind, isProofParameter, sortCredentials } from './credentials.ts'
import { decodeField } from '../http/parameters.ts'

/** `name: value` of header fields, `name=value` of parameters. */
export interface Secrets {
  /** What is part of the key. */
  readonly credentials: readonly string[]
  /** What is not. */
  readonly ignored: readonly string[]
}

/** A text in which a secret may come back. */
export interface Form {
  /** The same for the form of another request that comes in its place. */
  readonly id: number | string
  readonly text: string
  /** It counts only as the value of a parameter of this name. */
  readonly parameter?: string
  /** A response that holds it is only for requests that say the same in this field. */
  readonly selects?: string
}

/** The texts in which the secrets of a request may come back. */
export function secretForms({ credentials, ignored }: Secrets): Form[] {
  const ofCredentials = credentialForms(credentials).map((text, id) => ({ id, text }))
  return ignored.length === 0 ? ofCredentials : [...ofCredentials, ...ignoredForms(ignored)]
}

/**
 * The texts in which credentials may come back: as they were written and decoded, the token
 * without its scheme, each cookie's value. Equal credentials give equal lists.
 * @param credentials `name: value` of header fields, `name=value` of parameters
 */
export function credentialForms(credentials: readonly string[]): string[] {
  const forms: string[] = []
  for (const credential of sortCredentials(credentials)) {
    const colon = credential.indexOf(': ')
    if (colon === -1) {
      const written = credential.slice(credential.indexOf('=') + 1)
      const decoded = decode(written)
      forms.push(written, decoded, encodeURIComponent(decoded))
      continue
    }
    const value = credential.slice(colon + 2)
    forms.push(value)
    if (credential.startsWith('cookie:')) {
      for (const pair of value.split(';')) forms.push(pair.slice(pair.indexOf('=') + 1).trim())
    } else {
      forms.push(value.slice(value.lastIndexOf(' ') + 1))
    }
  }
  return forms
}

// Requests that share a response may have more of them, or fewer: they are known by their names.
function ignoredForms(ignored: readonly string[]): Form[] {
  const forms: Form[] = []
  const seen = new Map<string, number>()
  for (const item of ignored) {
    const isField = item.includes(': ')
    const name = nameOf(item)
    const nth = seen.get(name) ?? 0
    seen.set(name, nth + 1)
    for (const [index, text] of credentialForms([item]).entries()) {
      const part = name === 'cookie' && index > 0 ? cookieName(item, index - 1) : index
      const id = `${name}${isField ? ':' : '='}${nth}.${part}`
      const selects = isField ? name : selectingParameter(name)
      if (!isField) forms.push({ id, text, parameter: name })
      if (isProof(item, name, isField)) forms.push({ id, text })
      else if (looksSecret(text) && !(isField && isCommon(name))) forms.push({ id, text, selects })
    }
  }
  return forms
}

// Among the names of the fields that a response is selected by; no field can have it.
function selectingParameter(name: string): string {
  return `=${name}`
}

/** What is ignored of a parameter that selects, as one text; undefined where there is none. */
export function ignoredParameter(ignored: readonly string[], selects: string): string | undefined {
  const values = ignored.filter(
    (item) => !item.includes(': ') && selectingParameter(nameOf(item)) === selects,
  )
  return values.length === 0 ? undefined : values.join('&')
}

function nameOf(item: string): string {
  return decodeField(item.slice(0, item.search(/: |=/))).toLowerCase()
}

function cookieName(item: string, index: number): string {
  return item.slice('cookie: '.length).split(';')[index]!.split('=', 1)[0]!.trim()
}

// What proves who asks is nothing but a secret. Who asks, for whom and in which session may be shown
// in a response that is for nobody else, and may be a word that stands there by chance.
function isProof(item: string, name: string, isField: boolean): boolean {
  if (isField) return headerKind(name) === 'proof'
  const equals = item.indexOf('=')
  return isProofParameter(decodeField(item.slice(0, equals)), item.slice(equals + 1))
}

// A name says nothing, so the value has to: `D9FAEB3449D3`, and not `text`, which may stand
// anywhere by chance.
function looksSecret(value: string): boolean {
  const long = value.length >= 16 || (value.length >= 8 && /\d/.test(value))
  return long && /^[\w.~+/=%-]+$/.test(value) && !mediaType.test(value)
}

const mediaType = /^(?:application|audio|font|image|message|model|multipart|text|video)\//

// Fields whose values are no secrets, and stand in responses for reasons of their own.
function isCommon(name: string): boolean {
  return /^(?:(?:accept|content|sec|if)(?:-.+)?|origin|referer|user-agent|host|date)$/.test(name)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
