/** Redis as several processes: a Cluster, and a Sentinel with the pair that it watches. */
import { setTimeout as sleep } from 'node:timers/promises'
import { runProgram } from './commands.ts'
import { clusterBus, freePort } from './ports.ts'
import { Server } from './server.ts'
import { startRedis, type StartOptions } from './servers.ts'

/** Long enough for an election on a busy machine. */
const settlingTime = 30_000

/** A Redis Cluster. */
export interface RedisCluster {
  /** Of the first node; the others are found through it. */
  readonly url: string
  /** All masters. One may be killed, frozen and started again by itself. */
  readonly nodes: readonly Server[]
  /** Ends all nodes. */
  stop(): Promise<void>
}

/** A Sentinel with a master and a replica. */
export interface RedisSentinel {
  /** Of the Sentinel; the path is the name of the master: `redis+sentinel://HOST:PORT/NAME`. */
  readonly url: string
  readonly sentinel: Server
  /** Who is master at the start; the Sentinel may change that. */
  readonly master: Server
  readonly replica: Server
  /** Ends all three. */
  stop(): Promise<void>
}

type GroupOptions = Pick<StartOptions, 'args' | 'service'>

/** Asks the Redis on a port with its own tool. @returns what that printed */
export function redisCli(port: number, ...args: string[]): Promise<string> {
  return runProgram('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...args])
}

/** Three masters that share the slots, without replicas. */
export async function startRedisCluster(options: GroupOptions = {}): Promise<RedisCluster> {
  const { args = [], ...rest } = options
  const nodes = await startTogether(
    ['redis-cluster', 'redis-cluster-2', 'redis-cluster-3'].map(async (name) => {
      const port = await freePort(clusterBus)
      return startRedis({ ...rest, name, port, args: ['--cluster-enabled', 'yes', ...args] })
    }),
  )
  await orStop(nodes, async () => {
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
    await runProgram('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'])
    await untilSettled('the Redis Cluster', async () => {
      const states = await Promise.all(nodes.map(({ port }) => redisCli(port, 'cluster', 'info')))
      return states.every((state) => state.includes('cluster_state:ok'))
    })
  })
  return { url: nodes[0]!.url, nodes, stop: () => stopAll(nodes) }
}

/** A master, its replica, and one Sentinel that promotes the replica when the master is gone. */
export async function startRedisSentinel(options: GroupOptions = {}): Promise<RedisSentinel> {
  const { args = [], ...rest } = options
  const master = await startRedis({
    ...rest,
    name: 'redis-sentinel-master',
    // It would wait five seconds for more replicas to ask for the same.
    args: ['--repl-diskless-sync-delay', '0', ...args],
  })
  const started = [master]
  return orStop(started, async () => {
    const replicaOf = ['--replicaof', '127.0.0.1', String(master.port)]
    const name = 'redis-sentinel-replica'
    const replica = await startRedis({ ...rest, name, args: [...args, ...replicaOf] })
    started.push(replica)
    // Before the Sentinel looks: it then knows both at once, and not after ten seconds.
    await untilSettled('the replica of Redis', async () => {
      const state = await redisCli(replica.port, 'info', 'replication')
      return state.includes('master_link_status:up')
    })
    const sentinel = await startSentinel(master, options)
    started.push(sentinel)
    await untilSettled('the Redis Sentinel', async () => {
      const replicas = await redisCli(sentinel.port, 'sentinel', 'replicas', masterName)
      return replicas.includes(String(replica.port))
    })
    const { url } = sentinel
    return { url, sentinel, master, replica, stop: () => stopAll([sentinel, replica, master]) }
  })
}

const masterName = 'mymaster'

async function startSentinel(master: Server, { service }: GroupOptions): Promise<Server> {
  const port = await freePort()
  const settings = [
    `sentinel monitor ${masterName} 127.0.0.1 ${master.port} 1`,
    `sentinel down-after-milliseconds ${masterName} 1000`,
    `sentinel failover-timeout ${masterName} 5000`,
    '',
  ]
  return Server.start({
    name: 'redis-sentinel',
    port,
    url: `redis+sentinel://127.0.0.1:${port}/${masterName}`,
    command: 'redis-server',
    // It writes what it learns into that file, so it takes nothing but a file.
    args: () => ['sentinel.conf', '--sentinel', '--bind', '127.0.0.1', '--port', String(port)],
    files: { 'sentinel.conf': settings.join('\n') },
    service,
  })
}

/** All of them or none: when one does not start, the others are ended. */
async function startTogether(starting: readonly Promise<Server>[]): Promise<Server[]> {
  const results = await Promise.allSettled(starting)
  const failed = results.find((result) => result.status === 'rejected')
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  if (failed === undefined) return started
  await stopAll(started)
  throw failed.reason
}

async function orStop<T>(servers: readonly Server[], work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    await stopAll(servers)
    throw error
  }
}

async function stopAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}

async function untilSettled(what: string, isSettled: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + settlingTime
  while (!(await isSettled())) {
    if (performance.now() > deadline) throw new Error(`${what} did not form`)
    await sleep(50)
  }
}
