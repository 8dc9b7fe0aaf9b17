/** What a consumer of the package writes: programs to run, and programs to type-check. */

const setUp = `
const { createServer } = require('node:http')
const { once } = require('node:events')
const { existsSync } = require('node:fs')
const warnings = []
process.on('warning', (warning) => warnings.push(String(warning)))

async function twice(dispatcher) {
  let asked = 0
  const server = createServer((_, response) => response.end('answer ' + ++asked))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const seen = []
  for (const _ of [1, 2]) {
    const response = await fetch('http://127.0.0.1:' + server.address().port, dispatcher)
    seen.push(await response.text(), getCacheInfo(response).hit)
  }
  server.close()
  server.closeAllConnections()
  return seen
}
`

const cached = `
async function main() {
  const caching = cacheInterceptor({ cacheName: 'responses' })
  setGlobalDispatcher(new Agent().compose(caching))
  const seen = await twice()
  await caching.close()
  console.log(JSON.stringify({ seen, file: existsSync('responses.sqlite'), warnings }))
}
main()
`

const esmImports = `
import { createRequire } from 'node:module'
import { Agent, setGlobalDispatcher } from 'undici'
import { cacheInterceptor, getCacheInfo } from 'undici-cache'
const require = createRequire(import.meta.url)
`

/** Caches a response in SQLite and prints what it saw, as an ES module. */
export const esmProgram: string = esmImports + setUp + cached

/** The same as CommonJS. */
export const cjsProgram: string = `
const { Agent, setGlobalDispatcher } = require('undici')
const { cacheInterceptor, getCacheInfo } = require('undici-cache')
${setUp}${cached}`

/** For a folder in which better-sqlite3 cannot be loaded. */
export const withoutDriverProgram: string = `${esmImports}${setUp}
const first = cacheInterceptor({ cacheName: 'absent' })
const second = cacheInterceptor({ cacheName: 'absent' })
setGlobalDispatcher(new Agent().compose(first))
const seen = await twice()
let thrown
try {
  cacheInterceptor({ backend: 'sqlite', cacheName: 'absent' })
} catch ({ name, code, message }) {
  thrown = { name, code, message }
}
await first.close()
await second.close()
console.log(JSON.stringify({ seen, file: existsSync('absent.sqlite'), warnings, thrown }))
`

// Every way to ask for a backend on a network: by its alias, and by its class.
const networked = `
const ways = {
  redis: () => cacheInterceptor({ backend: 'redis' }),
  mongodb: () => cacheInterceptor({ backend: 'mongodb' }),
  gridfs: () => cacheInterceptor({ backend: 'gridfs' }),
  dynamodb: () => cacheInterceptor({ backend: 'dynamodb' }),
  RedisCache: () => new RedisCache('name', { host: 'localhost' }),
  MongoCache: () => new MongoCache('name'),
  GridFSCache: () => new GridFSCache('name'),
  DynamoDbCache: () => new DynamoDbCache('name', { region: 'local' }),
}
const thrown = {}
for (const [name, open] of Object.entries(ways)) {
  try {
    open()
  } catch (error) {
    thrown[name] = [error instanceof CacheError && error.code, error.message]
  }
}
console.log(JSON.stringify(thrown))
`

const networkedNames =
  'cacheInterceptor, CacheError, DynamoDbCache, GridFSCache, MongoCache, RedisCache'

/** Prints what becomes of each backend whose driver is not installed, as an ES module. */
export const esmWithoutDriversProgram: string = `
import { ${networkedNames} } from 'undici-cache'
${networked}`

/** The same as CommonJS. */
export const cjsWithoutDriversProgram: string = `
const { ${networkedNames} } = require('undici-cache')
${networked}`

/** Prints what `undici-cache/testing` offers. */
export const testingProgram = `
import * as testing from 'undici-cache/testing'
console.log(JSON.stringify(Object.keys(testing).toSorted()))
`

/** Must pass the type checker; what it must refuse is marked. For .mts and .cts alike. */
export const typedProgram = `
import { Agent, request, setGlobalDispatcher } from 'undici'
import {
  BaseCache,
  BaseStorage,
  cacheInterceptor,
  CacheError,
  DynamoDbCache,
  FileCache,
  getCacheInfo,
  GridFSCache,
  installCache,
  MemoryStorage,
  MongoCache,
  RedisCache,
  SQLiteCache,
  uninstallCache,
  type CacheInfo,
  type CacheInterceptor,
  type CacheOptions,
  type StoredRecord,
} from 'undici-cache'
import * as testing from 'undici-cache/testing'

class OwnStorage extends MemoryStorage {
  override get(key: string): StoredRecord | undefined {
    return super.get(key)
  }
}

class OwnCache extends BaseCache {
  override readonly responses: BaseStorage = new OwnStorage()
}

export async function main(): Promise<void> {
  const options: CacheOptions = {
    backend: 'sqlite',
    cacheName: 'typed',
    backendOptions: { timeout: 1000 },
    expireAfter: (asked, { status, headers }) =>
      asked.url.endsWith('/') && status === 200 && headers['etag'] ? '1h' : 60,
    onError: (error: CacheError) => console.error(error.code),
  }
  const caching: CacheInterceptor = cacheInterceptor(options)
  const dispatcher = new Agent().compose(caching)
  setGlobalDispatcher(dispatcher)

  const response = await caching.with({ refresh: true }, () => fetch('https://example.com/'))
  const info: CacheInfo | undefined = getCacheInfo(response)
  const hit: boolean = info?.hit ?? false
  const answer = await request('https://example.com/', { dispatcher })
  const reason: string | undefined = getCacheInfo(answer)?.reason
  for await (const url of caching.cache.urls()) console.log(url.toUpperCase(), hit, reason)

  cacheInterceptor({ backend: new FileCache('folder') })
  cacheInterceptor({ backend: new SQLiteCache(':memory:', { fastSave: true }) })
  cacheInterceptor({ backend: 'redis', backendOptions: { url: 'redis://localhost', db: 1 } })
  cacheInterceptor({ backend: new RedisCache('name', { host: 'localhost', port: 6379 }) })
  cacheInterceptor({ backend: new MongoCache({ cacheName: 'name', url: 'mongodb://localhost' }) })
  cacheInterceptor({ backend: new GridFSCache('name', { url: 'mongodb://localhost' }) })
  cacheInterceptor({ backend: new DynamoDbCache('name', { consistentRead: false, region: 'local' }) })
  const installed = installCache({ backend: new OwnCache() })
  await uninstallCache(installed)
  console.log(Object.keys(testing))

  // @ts-expect-error There is no such backend.
  cacheInterceptor({ backend: 'sqllite' })
  // @ts-expect-error There is no such option.
  cacheInterceptor({ cachename: 'x' })
  // @ts-expect-error There is no such option of this backend.
  cacheInterceptor({ backend: 'sqlite', backendOptions: { tiemout: 5 } })
  // @ts-expect-error It is an option of another backend.
  cacheInterceptor({ backend: 'filesystem', backendOptions: { fastSave: true } })
  // @ts-expect-error It is a number of milliseconds.
  cacheInterceptor({ storageTimeout: '1s' })
}
`

/** Must pass the type checker where the drivers are installed: their clients as they are. */
export const connectionsProgram = `
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { Cluster, Redis } from 'ioredis'
import { MongoClient } from 'mongodb'
import { DynamoDbCache, GridFSCache, MongoCache, RedisCache } from 'undici-cache'

const mongo = new MongoClient('mongodb://localhost')
export const caches = [
  new RedisCache('name', { connection: new Redis() }),
  new RedisCache('name', { connection: new Cluster(['redis://localhost']) }),
  new MongoCache('name', { connection: mongo }),
  new MongoCache('name', { connection: mongo.db('name') }),
  new GridFSCache('name', { connection: mongo }),
  new GridFSCache('name', { connection: mongo.db('name') }),
  new DynamoDbCache('name', { connection: new DynamoDBClient() }),
]

// @ts-expect-error It is the client of another database.
new RedisCache('name', { connection: mongo })
`

/** How the typed programs are checked: as strictly as it goes. */
export const consumerTsconfig = {
  compilerOptions: {
    target: 'es2023',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
  },
  files: ['typed.mts', 'typed.cts'],
} as const
