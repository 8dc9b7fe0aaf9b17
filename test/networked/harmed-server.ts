/** Servers of a test's own, to be killed and frozen as a whole, and how a cache reaches them. */
import type { CacheOptions } from '../../lib/options/options.ts'
import { isInstalled } from '../services/install.ts'
import type { ServiceName } from '../services/records.ts'
import { startRedisCluster, startRedisSentinel } from '../services/redis-groups.ts'
import { startDynamo, startMongo, startRedis } from '../services/servers.ts'
import type { Server } from '../services/server.ts'
import { localDynamo } from './backend-names.ts'

/** Alias and `backendOptions`: all that a cache, also one in another process, needs to know. */
export type Place = Required<Pick<CacheOptions, 'backend' | 'backendOptions'>>

/** What is harmed: all processes of a service at once. */
export interface HarmedServer {
  /** The caches on it, by what the tests call them. */
  readonly places: Readonly<Record<string, Place>>
  /** As a crash does. */
  kill(): Promise<void>
  /** After a kill: the same ports, and what data there were, as far as they were written down. */
  restart(): Promise<void>
  /** Connections stay open, new ones are taken, and nothing answers. */
  freeze(): void
  thaw(): void
  stop(): Promise<void>
}

/** What the tests are run on. */
export interface HarmedKind {
  readonly service: ServiceName
  start(): Promise<HarmedServer>
}

export const harmedKinds: readonly HarmedKind[] = [
  { service: 'redis', start: harmedRedis },
  { service: 'redis-cluster', start: harmedCluster },
  { service: 'redis-sentinel', start: harmedSentinel },
  { service: 'mongodb', start: harmedMongo },
  { service: 'dynamodb', start: harmedDynamo },
]

/**
 * Why the tests of a service cannot run here; false where they can.
 * @throws Error where it is required (`CACHE_TEST_REQUIRE`)
 */
export function reasonToSkip(service: ServiceName): string | false {
  if (isInstalled(service)) return false
  const reason = `${service} is not installed: npm run services -- install ${service}`
  if (process.env['CACHE_TEST_REQUIRE']?.split(',').includes(service)) throw new Error(reason)
  return reason
}

async function harmedRedis(): Promise<HarmedServer> {
  const server = await startRedis()
  return together([server], {
    redis: { backend: 'redis', backendOptions: { url: server.url } },
  })
}

async function harmedCluster(): Promise<HarmedServer> {
  const { nodes } = await startRedisCluster()
  const cluster = nodes.map(({ url }) => url)
  return together(nodes, {
    'redis-cluster': { backend: 'redis', backendOptions: { cluster } },
  })
}

async function harmedSentinel(): Promise<HarmedServer> {
  const { master, replica, sentinel } = await startRedisSentinel()
  const sentinels = [{ host: '127.0.0.1', port: sentinel.port }]
  return together([master, replica, sentinel], {
    'redis-sentinel': { backend: 'redis', backendOptions: { sentinels, name: 'mymaster' } },
  })
}

async function harmedMongo(): Promise<HarmedServer> {
  const server = await startMongo()
  const { url } = server
  return together([server], {
    mongodb: { backend: 'mongodb', backendOptions: { cacheName: 'documents', url } },
    gridfs: { backend: 'gridfs', backendOptions: { cacheName: 'files', url } },
  })
}

async function harmedDynamo(): Promise<HarmedServer> {
  // In memory: after a crash the table is gone as well.
  const server = await startDynamo()
  const backendOptions = { ...localDynamo, endpoint: server.url }
  return together([server], { dynamodb: { backend: 'dynamodb', backendOptions } })
}

function together(servers: readonly Server[], places: HarmedServer['places']): HarmedServer {
  const all = async (work: (server: Server) => Promise<void>): Promise<void> => {
    await Promise.all(servers.map(work))
  }
  return {
    places,
    kill: () => all((server) => server.kill()),
    restart: () => all((server) => server.restart()),
    freeze: () => servers.forEach((server) => server.freeze()),
    thaw: () => servers.forEach((server) => server.thaw()),
    stop: () => all((server) => server.stop()),
  }
}
