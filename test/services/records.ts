/**
 * What has been started and not yet stopped: a file per server, written as soon as it has a
 * number, so that `stop` finds it however its starter ended.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { end, isAlive, type ProcessIdentity } from './process-identity.ts'

/** Where the project is. */
export const projectFolder: string = join(import.meta.dirname, '..', '..')

/** What is installed and what is running. */
export const servicesFolder: string = join(projectFolder, 'node_modules', '.cache', 'services')

const runningFolder = join(servicesFolder, 'running')

/** What `npm run services` starts and stops by name. */
export const serviceNames = [
  'redis',
  'redis-cluster',
  'redis-sentinel',
  'mongodb',
  'ferretdb',
  'dynamodb',
] as const

export type ServiceName = (typeof serviceNames)[number]

/** One server: a process of ours with a folder of its own. */
export interface ServerRecord extends ProcessIdentity {
  /** Of several in one service, the one whose URL the service has is named like the service. */
  readonly name: string
  readonly url: string
  /** Its data and its log. */
  readonly folder: string
  /** Shared, for `stop` to end. Otherwise private to a test. */
  readonly service?: ServiceName
  /** Who started a private one. When it is gone, the server is nobody's. */
  readonly owner?: ProcessIdentity
}

export function writeRecord(record: ServerRecord): void {
  mkdirSync(runningFolder, { recursive: true })
  const path = recordPath(record)
  // Renamed into place: others read this folder at any time.
  writeFileSync(`${path}.new`, JSON.stringify(record, null, 2))
  renameSync(`${path}.new`, path)
}

export function readRecords(): ServerRecord[] {
  mkdirSync(runningFolder, { recursive: true })
  const names = readdirSync(runningFolder).filter((name) => name.endsWith('.json'))
  return names.flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(join(runningFolder, name), 'utf8')) as ServerRecord]
    } catch (error) {
      // Removed since the folder was read.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  })
}

/** Forgets a process that is gone; the folder stays for the next one. */
export function removeRecord(record: ServerRecord): void {
  rmSync(recordPath(record), { force: true })
}

/** Forgets a server whose process is gone, with its data. */
export function removeServer(record: ServerRecord): void {
  rmSync(record.folder, { recursive: true, force: true })
  removeRecord(record)
}

/** Marks a service as started whole: those of several servers take some steps after the last. */
export function markReady(service: ServiceName): void {
  writeFileSync(readyPath(service), '')
}

/** Takes that mark off, before anything of the service is ended. */
export function unmarkReady(service: ServiceName): void {
  rmSync(readyPath(service), { force: true })
}

export function isMarkedReady(service: ServiceName): boolean {
  return existsSync(readyPath(service))
}

function readyPath(service: ServiceName): string {
  return join(runningFolder, `${service}.ready`)
}

/** Ends a server, if that is still the process that we started, and removes its data. */
export async function endServer(record: ServerRecord): Promise<void> {
  await end(record)
  removeServer(record)
}

/** Ends the private servers of tests that were themselves ended before they could. */
export async function endOrphans(): Promise<void> {
  const orphans = readRecords().filter(({ owner }) => owner !== undefined && !isAlive(owner))
  await Promise.all(orphans.map(endServer))
}

function recordPath({ name, pid }: ServerRecord): string {
  return join(runningFolder, `${name}-${pid}.json`)
}
