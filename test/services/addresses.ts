/** Where the tests find the servers. */
import type { ServiceName } from './records.ts'

/** The variables that say where. */
export const variableOf: Readonly<Record<ServiceName, string>> = {
  redis: 'REDIS_URL',
  'redis-cluster': 'REDIS_CLUSTER_URL',
  'redis-sentinel': 'REDIS_SENTINEL_URL',
  mongodb: 'MONGODB_URL',
  ferretdb: 'FERRETDB_URL',
  dynamodb: 'DYNAMODB_ENDPOINT',
}

/** The ports of `docker-compose.yml`, which has neither Sentinel nor FerretDB. */
const composed: Readonly<Partial<Record<ServiceName, string>>> = {
  redis: 'redis://127.0.0.1:6379',
  'redis-cluster': 'redis://127.0.0.1:7000',
  mongodb: 'mongodb://127.0.0.1:27017',
  dynamodb: 'http://127.0.0.1:8000',
}

/** @returns where a service is, by its variable or as `docker-compose.yml` has it */
export function addressOf(service: ServiceName): string | undefined {
  return process.env[variableOf[service]] ?? composed[service]
}
