/** Opens the cache of an address; for reading only where there is one. */
import { loadDriver } from '../storage/load-driver.ts'
import type { BaseCache } from '../cache/base-cache.ts'
import { openBackend } from '../backends/open-backend.ts'
import { CacheError, invalidOption, misuse, nearestName, type CacheErrorCode } from '../errors.ts'
import { compress } from '../serializers/compress.ts'
import { encrypt } from '../serializers/encrypt.ts'
import type { Serializer, SerializerName } from '../serializers/serializer.ts'
import { sign } from '../serializers/sign.ts'
import type { Stage } from '../serializers/stage.ts'
import type { Address, SerializerPart } from './address.ts'
import { fileIsThere, folderIsThere } from './is-there.ts'

/** What is to be done with a cache: a new one is made only for writing. */
export type Access = 'read' | 'write'

/** @throws CacheError where there is none; what its class throws */
export async function openCache(address: Address, access: Access): Promise<BaseCache> {
  if (access === 'read' && !(await isThere(address))) {
    const message = `there is no cache at ${address.shown}`
    throw new CacheError('ERR_CACHE_STORAGE_FAILED', message)
  }
  const { backend, cacheName, options } = address
  try {
    return openBackend(backend, cacheName, {
      ...options,
      ...serializerOf(address),
      ...(backend === 'dynamodb' && access === 'read' && { createTable: false }),
    })
  } catch (error) {
    // It speaks of options, and what was typed is an address.
    if (!(error instanceof TypeError)) throw error
    const { message, code } = error as TypeError & { code: CacheErrorCode }
    throw misuse(code, `address '${address.shown}': ${message}`)
  }
}

async function isThere({ backend, cacheName, options }: Address): Promise<boolean> {
  if (backend === 'sqlite') return fileIsThere(cacheName)
  if (backend === 'filesystem') return folderIsThere(cacheName)
  if (backend === 'mongodb') return hasCollection('responses', cacheName, options)
  if (backend === 'gridfs') return hasCollection('responses.heads', cacheName, options)
  // Redis makes nothing before the first key, and DynamoDB is told not to.
  return true
}

interface MongoDriver {
  readonly MongoClient: new (
    url: string,
    options: object,
  ) => {
    db(name: string): {
      listCollections(filter: object, options: object): { toArray(): Promise<unknown[]> }
    }
    close(): Promise<void>
  }
}

// The class makes its collections and their indexes before it reads the first time.
async function hasCollection(
  name: string,
  database: string,
  { url = 'mongodb://127.0.0.1:27017' }: { readonly url?: unknown },
): Promise<boolean> {
  const { MongoClient } = loadDriver('mongodb', 'mongodb') as MongoDriver
  // A server may accept a connection, and never answer on it.
  const limits = {
    serverSelectionTimeoutMS: 2_000,
    connectTimeoutMS: 2_000,
    socketTimeoutMS: 5_000,
  }
  const client = new MongoClient(url as string, limits)
  try {
    const found = client.db(database).listCollections({ name }, { nameOnly: true })
    return (await found.toArray()).length > 0
  } finally {
    await client.close()
  }
}

function serializerOf({ serializer }: Address): { serializer?: Serializer } {
  if (serializer.length === 0) return {}
  // A format comes first, wherever it was written.
  const formats = serializer.filter(({ kind }) => kind === 'serializer')
  const stages = serializer.filter(({ kind }) => kind !== 'serializer').map(stageOf)
  for (const { value } of formats) checkOneOf('serializer', value, formatNames)
  if (formats.length > 1) throw misuse('ERR_CACHE_OPTION_INVALID', `'serializer' is given twice`)
  return { serializer: [...formats.map(({ value }) => value as SerializerName), ...stages] }
}

function stageOf({ kind, value }: SerializerPart): Stage {
  if (kind === 'compress') {
    checkOneOf(kind, value, codingNames)
    return compress(value as 'zstd')
  }
  const [own, ...previous] = secretsOf(kind, value)
  return kind === 'sign'
    ? sign(own!, { previousSecrets: previous })
    : encrypt(own!, { previousKeys: previous })
}

const formatNames = ['native', 'json', 'yaml', 'bson']
const codingNames = ['zstd', 'brotli', 'gzip']

function checkOneOf(name: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return
  // It may be a secret that was put into the wrong place.
  const nearest = nearestName(value, known)
  const got = nearest === undefined ? 'something else' : `'${value}'; did you mean '${nearest}'?`
  const message = `'${name}' must be one of ${known.join(', ')}, got ${got}`
  throw misuse('ERR_CACHE_OPTION_INVALID', message)
}

// An address is seen by whoever lists processes; a variable is not.
function secretsOf(kind: string, names: string): string[] {
  return names.split(',').map((name) => {
    const secret = process.env[name]
    if (secret) return secret
    // It may be the secret itself.
    const got = /^[A-Z_][A-Z\d_]*$/.test(name) ? `'${name}', which is not set` : 'something else'
    const expected = 'the name of an environment variable that holds the secret'
    const { message } = invalidOption(kind, expected, undefined)
    throw misuse('ERR_CACHE_OPTION_INVALID', message.replace(/got undefined$/, `got ${got}`))
  })
}
