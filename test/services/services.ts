/** The shared servers of `npm run services`, which outlive the program that starts them. */
import { answers } from './answers.ts'
import { isAlive } from './process-identity.ts'
import { endServer, isMarkedReady, markReady, readRecords, unmarkReady } from './records.ts'
import type { ServerRecord, ServiceName } from './records.ts'
import { startRedisCluster, startRedisSentinel } from './redis-groups.ts'
import { startDynamo, startFerret, startMongo, startRedis } from './servers.ts'

const starters: Readonly<Record<ServiceName, (service: ServiceName) => Promise<{ url: string }>>> =
  {
    redis: (service) => startRedis({ service }),
    'redis-cluster': (service) => startRedisCluster({ service }),
    'redis-sentinel': (service) => startRedisSentinel({ service }),
    mongodb: (service) => startMongo({ service }),
    ferretdb: (service) => startFerret({ service }),
    dynamodb: (service) => startDynamo({ service }),
  }

/** How a service is. */
export interface ServiceState {
  /** Incomplete: some of it has fallen, or its start was cut short. */
  readonly condition: 'running' | 'not answering' | 'incomplete' | 'stopped'
  /** There unless it is stopped. */
  readonly url?: string | undefined
  readonly pids: readonly number[]
}

export async function stateOf(service: ServiceName): Promise<ServiceState> {
  const records = recordsOf(service)
  const url = records.find(({ name }) => name === service)?.url
  const pids = records.filter(isAlive).map(({ pid }) => pid)
  if (records.length === 0) return { condition: 'stopped', pids }
  if (pids.length < records.length || !isMarkedReady(service)) {
    return { condition: 'incomplete', url, pids }
  }
  const answering = await Promise.all(records.map((record) => answers(record.url)))
  return { condition: answering.every(Boolean) ? 'running' : 'not answering', url, pids }
}

/** Starts a service unless it runs; what is left of an incomplete one is ended first. */
export async function start(service: ServiceName): Promise<{ url: string; wasRunning: boolean }> {
  const { condition, url } = await stateOf(service)
  if (condition === 'running' && url !== undefined) return { url, wasRunning: true }
  await stop(service)
  try {
    const started = await starters[service](service)
    markReady(service)
    return { url: started.url, wasRunning: false }
  } catch (error) {
    await stop(service)
    throw error
  }
}

/** Ends all of a service that we started. @returns how many processes that were */
export async function stop(service: ServiceName): Promise<number> {
  const records = recordsOf(service)
  const running = records.filter(isAlive).length
  unmarkReady(service)
  await Promise.all(records.map(endServer))
  return running
}

function recordsOf(service: ServiceName): ServerRecord[] {
  return readRecords().filter((record) => record.service === service)
}
