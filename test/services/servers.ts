/**
 * Servers for tests to have to themselves, to kill, freeze and start again: one process each.
 * `redis-groups.ts` has those of several. All are the ones that `npm run services` installs.
 */
import { join } from 'node:path'
import { MongoClient } from 'mongodb'
import { dynamoFolder, ferretProgram, isInstalled, secantusProgram } from './install.ts'
import { freePort } from './ports.ts'
import type { ServiceName } from './records.ts'
import { Server } from './server.ts'

/** What all kinds of servers take. */
export interface StartOptions {
  /** A free one when absent. */
  readonly port?: number
  /** More arguments for the program. */
  readonly args?: readonly string[]
  /** Told by `npm run services`: outlives this program. */
  readonly service?: ServiceName
  /** What the server is called in messages. */
  readonly name?: string
}

export interface RedisOptions extends StartOptions {
  readonly requirepass?: string
}

/**
 * One Redis, without persistence: after a restart it is empty. With
 * `args: ['--appendonly', 'yes']` it keeps its data.
 */
export async function startRedis(options: RedisOptions = {}): Promise<Server> {
  requireInstalled('redis')
  const { name = 'redis', port = await freePort(), requirepass, args = [] } = options
  const password = requirepass === undefined ? '' : `:${encodeURIComponent(requirepass)}@`
  const secured = requirepass === undefined ? [] : ['--requirepass', requirepass]
  const placed = ['--bind', '127.0.0.1', '--port', String(port), '--save', '']
  return Server.start({
    name,
    port,
    url: `redis://${password}127.0.0.1:${port}`,
    command: 'redis-server',
    args: () => [...placed, ...secured, ...args],
    service: options.service,
  })
}

// Its log of all writes has their bodies in it. After an hour of tests it filled the memory of the
// server, which then waited for room, locked, and for those who waited for the lock to make some.
const roomy = ['--oplog-max-entries', '1000', '--cache-size', '4G']

export interface MongoOptions extends StartOptions {
  /** Created first; then nobody gets in without a password. */
  readonly user?: { readonly name: string; readonly password: string }
}

/**
 * One MongoDB (SecantusDB), a replica set of one. It keeps its data over a restart, but for writes
 * of the last tenth of a second before `kill`, unless those were journaled (`j: true`). Its address
 * asks for no writes that can be repeated: it goes through those of half an hour at each write.
 */
export async function startMongo(options: MongoOptions = {}): Promise<Server> {
  requireInstalled('mongodb')
  const { name = 'mongodb', port = await freePort(), user, args = [] } = options
  const address = `127.0.0.1:${port}`
  const login = user && `${encodeURIComponent(user.name)}:${encodeURIComponent(user.password)}@`
  let closed = false
  const server = await Server.start({
    name,
    port,
    url: `mongodb://${login ?? ''}${address}/?retryWrites=false`,
    command: secantusProgram,
    args: (folder) => [
      ...['--host', '127.0.0.1', '--port', String(port)],
      ...['--storage-path', join(folder, 'data'), '--enable-test-commands'],
      ...roomy,
      ...(closed ? ['--auth'] : []),
      ...args,
    ],
    service: options.service,
  })
  if (user !== undefined) {
    await createUser(`mongodb://${address}`, user)
    closed = true
    await server.restart()
  }
  return server
}

async function createUser(url: string, user: { name: string; password: string }): Promise<void> {
  const client = new MongoClient(url)
  try {
    await client.db('admin').command({ createUser: user.name, pwd: user.password, roles: ['root'] })
  } finally {
    await client.close()
  }
}

/** One FerretDB with SQLite underneath: MongoDB's protocol without `$lookup` and TTL indexes. */
export async function startFerret(options: StartOptions = {}): Promise<Server> {
  requireInstalled('ferretdb')
  const { name = 'ferretdb', port = await freePort(), args = [] } = options
  const address = `127.0.0.1:${port}`
  return Server.start({
    name,
    port,
    url: `mongodb://${address}/?retryWrites=false`,
    command: ferretProgram,
    args: (folder) => ['-listen', address, '-data', folder, ...args],
    service: options.service,
  })
}

export interface DynamoOptions extends StartOptions {
  /** Its tables outlive a restart. In memory otherwise, which is faster. */
  readonly onDisk?: boolean
}

/** One DynamoDB Local. Any credentials will do; each access key and region has its own tables. */
export async function startDynamo(options: DynamoOptions = {}): Promise<Server> {
  requireInstalled('dynamodb')
  const { name = 'dynamodb', port = await freePort(), onDisk = false, args = [] } = options
  return Server.start({
    name,
    port,
    url: `http://127.0.0.1:${port}`,
    command: 'java',
    args: (folder) => [
      `-Djava.library.path=${dynamoFolder}`,
      ...['-cp', join(dynamoFolder, '*')],
      'com.amazonaws.services.dynamodbv2.local.main.ServerRunner',
      ...(onDisk ? ['-dbPath', folder] : ['-inMemory']),
      // It would report its use to its maker, and wait for that where there is no network.
      ...['-disableTelemetry', '-port', String(port)],
      ...args,
    ],
    service: options.service,
  })
}

/** @throws Error that says how to install it */
export function requireInstalled(service: ServiceName): void {
  if (isInstalled(service)) return
  throw new Error(`${service} is not installed: npm run services -- install ${service}`)
}
