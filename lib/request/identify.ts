/** Asks the caller's functions what a request is to be known by, and who is asking. */
import { hash } from 'node:crypto'
import { CacheError } from '../errors.ts'
import { identityWord } from './create-key.ts'
import { redacted } from '../secrets/credentials.ts'
import { eachHeader } from '../http/header-fields.ts'
import { isHidden, type KeyRules, type RequestDetails, type TextOfRequest } from './key-rules.ts'
import { decodeParameter } from '../http/parameters.ts'
import type { RequestHead, RequestOptions, RuledHead } from './request.ts'

/** What a request is known by, under rules. */
export interface Identified {
  readonly customKey: string | undefined
  /** Of those, the ones that tell users apart. */
  readonly credentials: readonly string[]
  /** Takes the place of credentials. */
  readonly identity: string | undefined
}

/** @throws CacheError ERR_CACHE_CALLBACK_FAILED */
export function identify(
  { rules, writtenUrl }: RuledHead,
  options: RequestOptions,
  head: RequestHead,
  body: RequestDetails['body'],
  givenKey: string | undefined,
): Identified {
  const { identity, keyFn } = rules
  const { method } = options
  const told = (): RequestDetails => {
    // What it returns is stored as it is: no credential must get into it by accident.
    const headers = headersOf(options.headers, (name) => isHidden(rules, name))
    return { method, url: head.url, headers, body }
  }
  const customKey =
    givenKey ?? (keyFn && ask('keyFn', keyFn, told, (text) => text !== '' && text.isWellFormed()))
  if (identity === 'isolated')
    return { customKey, credentials: head.credentials, identity: undefined }
  // A word of its own: what is stored for all must not answer those who are told apart elsewhere.
  const apart = apartFrom(rules, head)
  if (identity === 'shared') {
    return { customKey, credentials: apart, identity: identityWord('shared', apart) }
  }
  const who = ask('identity', identity, () => ({
    method,
    url: writtenUrl ?? head.url,
    headers: headersOf(options.headers, () => false),
    body,
  }))
  if (who === undefined) return { customKey, credentials: head.credentials, identity: undefined }
  const digest = hash('sha256', JSON.stringify(who), 'base64url')
  return { customKey, credentials: apart, identity: identityWord(`by:${digest}`, apart) }
}

// What the option `isolate` names tells users apart, whoever they are taken for.
function apartFrom({ names }: KeyRules, { credentials }: RequestHead): readonly string[] {
  if (names === undefined) return []
  return credentials.filter((credential) => {
    const name = decodeParameter(credential.slice(0, credential.search(/: |=/)))
    return names.roleOf(name.toLowerCase()) === 'isolates'
  })
}

function ask(
  option: string,
  fn: TextOfRequest,
  details: () => RequestDetails,
  fits: (text: string) => boolean = () => true,
): string | undefined {
  try {
    const text: unknown = fn(details())
    if (text === undefined || (typeof text === 'string' && fits(text))) return text
    throw new TypeError(`${option} must return a text or undefined`)
  } catch (cause) {
    const message = `${option} failed; the request is not cached`
    throw new CacheError('ERR_CACHE_CALLBACK_FAILED', message, { cause })
  }
}

function headersOf(headers: unknown, hidden: (name: string) => boolean): Record<string, string> {
  const fields = new Map<string, string>()
  eachHeader(headers, (written, value) => {
    const name = written.toLowerCase()
    const before = fields.get(name)
    const said = hidden(name) ? redacted : value
    fields.set(name, before === undefined ? said : `${before}, ${said}`)
  })
  return Object.fromEntries(fields)
}
