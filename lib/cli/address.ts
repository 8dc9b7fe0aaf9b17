/**
 * Which cache is meant: an address such as `sqlite:my_cache` or `redis://host/1?namespace=x`, taken
 * apart. Nothing is opened here, and no message shows a password.
 */
import type { BackendAlias } from '../backends/open-backend.ts'
import { misuse, nearestName } from '../errors.ts'
import { readDynamoDb, readFiles, readMongo, readRedis } from './address-parts.ts'

/** A cache, as an address names it. */
export interface Address {
  /** As it was written, the password taken out: for messages. */
  readonly shown: string
  readonly backend: BackendAlias
  /** Path, namespace, database or table. */
  readonly cacheName: string
  /** Of the backend's class. */
  readonly options: Readonly<Record<string, unknown>>
  /** How its records are written, in this order; nothing where as the backend does by itself. */
  readonly serializer: readonly SerializerPart[]
}

/** `serializer=json`, `compress=zstd`, `sign=NAME` or `encrypt=NAME`. */
export interface SerializerPart {
  readonly kind: 'serializer' | 'compress' | 'sign' | 'encrypt'
  readonly value: string
}

/** An address without its scheme, taken apart as URLs are; nothing in it is decoded. */
export interface AddressText {
  readonly scheme: string
  /** `user:password` of `//user:password@hosts/path`. */
  readonly user: string | undefined
  /** Undefined where there is no `//`. */
  readonly hosts: string | undefined
  readonly path: string
  readonly query: string
}

type Reader = (text: AddressText) => Omit<Address, 'shown'>

const readers: Readonly<Record<string, Reader>> = {
  sqlite: readFiles,
  file: readFiles,
  redis: readRedis,
  rediss: readRedis,
  'redis-cluster': readRedis,
  'rediss-cluster': readRedis,
  'redis-sentinel': readRedis,
  'rediss-sentinel': readRedis,
  mongodb: readMongo,
  'mongodb+srv': readMongo,
  gridfs: readMongo,
  'gridfs+mongodb': readMongo,
  'gridfs+mongodb+srv': readMongo,
  dynamodb: readDynamoDb,
}

/** What an address looks like, for messages. */
export const addressForms =
  'sqlite:PATH, file:FOLDER, redis://HOST:PORT/DB?namespace=NAME, redis-cluster://HOST,HOST, mongodb://HOST/DATABASE, gridfs+mongodb://HOST/DATABASE or dynamodb:TABLE?region=REGION'

/** Where the cache is of a program that names none itself. */
export const defaultAddress = 'sqlite:http_cache'

/** Whether the text is meant as an address, right or wrong; a URL, a pattern or a path is not. */
export function isAddress(text: string): boolean {
  const [, scheme, rest] = schemePattern.exec(text) ?? []
  if (scheme === undefined || /^(?:https?|wss?|ftp)$/i.test(scheme)) return false
  if (Object.hasOwn(readers, scheme.toLowerCase())) return true
  // A host and its port are a pattern of URLs.
  if (/^\d+(?:\/|$)/.test(rest!)) return false
  return nearestName(scheme, Object.keys(readers)) !== undefined || rest!.startsWith('//')
}

/** @throws TypeError ERR_CACHE_OPTION_INVALID, ERR_CACHE_OPTION_UNKNOWN */
export function readAddress(text: string): Address {
  const [, written, rest] = schemePattern.exec(text) ?? []
  const scheme = written?.toLowerCase()
  if (scheme === undefined || !Object.hasOwn(readers, scheme)) throw unknownAddress(text, scheme)
  const shown = withoutPasswords(text)
  const [, whole = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(rest!)!
  // What is before the last @ is the user, however carelessly a password was written.
  const [, user, hosts, path = ''] = /^\/\/(?:(.*)@)?([^/]*)(?:\/(.*))?$/s.exec(whole) ?? []
  const parts = { scheme, user, hosts, path: hosts === undefined ? whole : path, query }
  return { shown, ...readers[scheme]!(parts) }
}

/** The text with the password of each URL in it taken out. */
export function withoutPasswords(text: string): string {
  return text
    .replaceAll(
      /(\/\/)([^\s/?#"'@:]*)(:?)[^\s?#"']*@/g,
      (_, slashes: string, user: string, colon) =>
        // A name without a password may be a token.
        colon === '' ? `${slashes}***@` : `${slashes}${user}:***@`,
    )
    .replaceAll(/([?&][^=&\s]*(?:password|secret|token)[^=&\s]*=)[^&\s"']*/gi, '$1***')
}

const schemePattern = /^([a-z][a-z\d+-]+):(.*)$/is

function unknownAddress(text: string, scheme: string | undefined): TypeError {
  const known = Object.keys(readers)
  const nearest = scheme === undefined ? undefined : nearestName(scheme, known)
  const shown = withoutPasswords(text)
  const path = scheme === undefined && text !== ''
  const meant = path
    ? `'sqlite:${shown}' or 'file:${shown}'`
    : nearest && `'${nearest}${shown.slice(scheme!.length)}'`
  const hint = meant ? `; did you mean ${meant}?` : ''
  const message = `'${shown}' is no address of a cache${hint} Expected: ${addressForms}`
  return misuse(
    'ERR_CACHE_OPTION_INVALID',
    hint ? message : message.replace(' Expected', '; expected'),
  )
}
