/** Secrets as they are written by users, checked; no message ever shows one. */
import { createSecretKey, KeyObject } from 'node:crypto'
import { misuse, unknownOption } from '../errors.ts'

/** A secret: a text, bytes, or what `createSecretKey()` makes of them. */
export type Secret = string | Uint8Array | KeyObject

const keyBytes = 32
const hexKey = /^[\da-f]{64}$/i
const base64Key = /^[\w+/-]{43}=?$/

/** Any secret that is not empty. @throws TypeError ERR_CACHE_OPTION_INVALID */
export function readSecret(option: string, secret: unknown): KeyObject {
  const expected = 'a text or bytes, not empty, or a secret KeyObject'
  if (typeof secret === 'string' && secret !== '') return createSecretKey(secret, 'utf8')
  if (isBytes(secret) && secret.byteLength > 0) return createSecretKey(secret)
  if (isSecretKey(secret)) return secret
  throw invalidSecret(option, expected, secret)
}

/** A key of 256 bits. @throws TypeError ERR_CACHE_OPTION_INVALID */
export function readKey(option: string, key: unknown): KeyObject {
  const expected = '32 bytes: a Buffer, a secret KeyObject, or a text of hex or base64'
  if (typeof key === 'string' && hexKey.test(key)) return createSecretKey(key, 'hex')
  if (typeof key === 'string' && base64Key.test(key)) return createSecretKey(key, 'base64')
  if (isBytes(key) && key.byteLength === keyBytes) return createSecretKey(key)
  if (isSecretKey(key) && key.symmetricKeySize === keyBytes) return key
  throw invalidSecret(option, expected, key)
}

/** The secrets of before, the one option that there is. @throws TypeError ERR_CACHE_OPTION_… */
export function readPrevious<Name extends string>(
  options: { readonly [N in Name]?: readonly Secret[] | undefined },
  name: Name,
  where: string,
  read: (option: string, secret: unknown) => KeyObject,
): KeyObject[] {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidSecret(`options${where}`, 'an object', options)
  }
  const unknown = Object.keys(options).find((option) => option !== name)
  if (unknown !== undefined) throw unknownOption(unknown, [name], where)
  const secrets: unknown = options[name] ?? []
  if (!Array.isArray(secrets)) throw invalidSecret(name, 'a list', secrets)
  return secrets.map((secret: unknown, index) => read(`${name}[${index}]`, secret))
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

function isSecretKey(value: unknown): value is KeyObject {
  return value instanceof KeyObject && value.type === 'secret'
}

function invalidSecret(option: string, expected: string, got: unknown): TypeError {
  const message = `option '${option}' must be ${expected}, got ${sizeOf(got)}`
  return misuse('ERR_CACHE_OPTION_INVALID', message)
}

// What can be said of a secret without giving it away.
function sizeOf(value: unknown): string {
  if (typeof value === 'string') return `a text of ${value.length} characters`
  if (isBytes(value)) return `${value.byteLength} bytes`
  if (value instanceof KeyObject) {
    return value.type === 'secret'
      ? `a key of ${value.symmetricKeySize} bytes`
      : `a ${value.type} key`
  }
  if (value === null || value === undefined) return String(value)
  return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
}
