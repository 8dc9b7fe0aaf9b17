/** What each kind of address says: name, connection and parameters of a backend. */
import { misuse, unknownOption } from '../errors.ts'
import type { Address, AddressText, SerializerPart } from './address.ts'

type Parts = Omit<Address, 'shown'>
type Parameters = Readonly<Record<string, string | undefined>>

const defaultName = 'http_cache'
const serializerKinds: readonly string[] = ['serializer', 'compress', 'sign', 'encrypt']

/** `sqlite:PATH`, `file:FOLDER`; with or without slashes before it. */
export function readFiles({ scheme, user, hosts, path, query }: AddressText): Parts {
  const at = user === undefined ? '' : `${user}@`
  const whole = hosts === undefined ? path : `${at}${hosts}${path === '' ? '' : `/${path}`}`
  const cacheName = decoded(whole)
  const what = scheme === 'sqlite' ? 'the path of a file' : 'the path of a folder'
  if (cacheName === '') throw invalid(`'${scheme}:' is followed by ${what}, got nothing`)
  if (cacheName === ':memory:') {
    throw invalid(`'${scheme}:' is followed by ${what}; what is in memory ends with its program`)
  }
  const { serializer } = readQuery(query, scheme, [])
  const backend = scheme === 'sqlite' ? 'sqlite' : 'filesystem'
  return { backend, cacheName, options: {}, serializer }
}

/** `redis://HOST:PORT/DB`, `redis-cluster://HOST,HOST`, `redis-sentinel://HOST,HOST/NAME`. */
export function readRedis({ scheme, user, hosts, path, query }: AddressText): Parts {
  const { parameters, serializer } = readQuery(query, scheme, ['namespace'])
  const named = parameters['namespace'] ?? defaultName
  const parts = { backend: 'redis', serializer } as const
  if (hosts === undefined) return { ...parts, cacheName: decoded(path) || named, options: {} }
  const [protocol = '', kind] = scheme.split('-')
  const common = { ...credentials(user), ...(protocol === 'rediss' && { tls: {} }) }
  if (kind === 'cluster') {
    const options = { ...common, cluster: readHosts(scheme, hosts, 6379) }
    return { ...parts, cacheName: named, options }
  }
  if (kind === 'sentinel') {
    if (path === '') throw invalid(`'${scheme}://${hosts}/' is followed by the master's name`)
    const sentinels = readHosts(scheme, hosts, 26379)
    return { ...parts, cacheName: named, options: { ...common, sentinels, name: decoded(path) } }
  }
  if (!/^\d*$/.test(path)) {
    const right = `${scheme}://${hosts}/0?namespace=${path}`
    throw invalid(
      `a database of Redis is a number, got '${path}'; its namespace is said as '${right}'`,
    )
  }
  const [server] = readHosts(scheme, hosts, 6379)
  const options = { ...common, ...server, ...(path !== '' && { db: Number(path) }) }
  return { ...parts, cacheName: named, options }
}

/** `mongodb://…/DATABASE?…` as the driver reads it, `gridfs+mongodb://…`; `mongodb:DATABASE`. */
export function readMongo({ scheme, user, hosts, path, query }: AddressText): Parts {
  const backend = scheme.startsWith('gridfs') ? 'gridfs' : 'mongodb'
  const { serializer, others } = readQuery(query, scheme, 'any')
  const parts = { backend, cacheName: decoded(path) || defaultName, serializer } as const
  if (hosts === undefined) return { ...parts, options: {} }
  if (hosts === '') throw invalid(`'${scheme}://' is followed by a host, got nothing`)
  const protocol = scheme.replace(/^gridfs\+?/, '') || 'mongodb'
  const at = user === undefined ? '' : `${user}@`
  const url = `${protocol}://${at}${hosts}/${path}${others === '' ? '' : `?${others}`}`
  return { ...parts, options: { url } }
}

/** `dynamodb:TABLE?region=…&endpoint=…&profile=…`. */
export function readDynamoDb({ scheme, hosts, path, query }: AddressText): Parts {
  const cacheName = decoded(hosts ?? path)
  if (cacheName === '') throw invalid(`'dynamodb:' is followed by the name of a table, got nothing`)
  const known = ['region', 'endpoint', 'profile']
  const { parameters, serializer } = readQuery(query, scheme, known)
  return { backend: 'dynamodb', cacheName, options: parameters, serializer }
}

interface Query {
  readonly parameters: Parameters
  readonly serializer: readonly SerializerPart[]
  /** What is not ours, as it was written. */
  readonly others: string
}

/** @param known names besides those of the serializer, or `'any'` where they are the driver's */
function readQuery(query: string, scheme: string, known: readonly string[] | 'any'): Query {
  const parameters: Record<string, string> = {}
  const serializer: SerializerPart[] = []
  const others: string[] = []
  for (const part of query.split('&').filter((each) => each !== '')) {
    const [[name, value]] = [...new URLSearchParams(`?${part}`)] as [[string, string]]
    const isSerializer = serializerKinds.includes(name)
    if (!isSerializer && known === 'any') {
      others.push(part)
      continue
    }
    if (!isSerializer && !known.includes(name)) {
      throw unknownOption(name, serializerKinds.concat(known), ` of '${scheme}:'`)
    }
    if (value === '') throw invalid(`parameter '${name}' of '${scheme}:' has no value`)
    if (isSerializer) serializer.push({ kind: name as SerializerPart['kind'], value })
    else parameters[name] = value
  }
  return { parameters, serializer, others: others.join('&') }
}

function credentials(user: string | undefined): Parameters {
  const [, username = '', password = ''] = /^([^:]*):?(.*)$/s.exec(user ?? '') ?? []
  return {
    ...(username !== '' && { username: decoded(username) }),
    ...(password !== '' && { password: decoded(password) }),
  }
}

function readHosts(
  scheme: string,
  hosts: string,
  defaultPort: number,
): { host: string; port: number }[] {
  return hosts.split(',').map((each) => {
    const url = URL.parse(`http://${each}`)
    if (url === null || url.hostname === '') {
      throw invalid(`'${scheme}://' is followed by HOST or HOST:PORT, got '${each}'`)
    }
    // The port of http is not shown by a URL.
    const port = url.port === '' && each.endsWith(':80') ? 80 : Number(url.port || defaultPort)
    return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port }
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function invalid(message: string): TypeError {
  return misuse('ERR_CACHE_OPTION_INVALID', message)
}
