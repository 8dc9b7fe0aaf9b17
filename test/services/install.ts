/** Installs the servers that `npm run services` starts, without Docker. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram, runProgram } from './commands.ts'
import { servicesFolder, type ServiceName } from './records.ts'

/** A release of before 1.0 for behaviour that tests rely on: this one was looked at. */
const secantus = 'secantusdb==0.7.0b3'
/** The version is the one of `ferretdb/go.mod`; the last that has SQLite underneath. */
const ferret = 'FerretDB 1.24.2'
/** The version is the one of `pom.xml`. */
const dynamo = 'DynamoDBLocal 2.6.1'
const pom = join(import.meta.dirname, 'pom.xml')

/** The server of MongoDB's protocol. */
export const secantusProgram: string = join(servicesFolder, 'secantusdb', 'bin', 'secantusd-py')
/** A server of the same with SQLite underneath, which can less. */
export const ferretProgram: string = join(servicesFolder, 'ferretdb', 'ferretdb')
/** The jars of DynamoDB Local and the libraries that they load. */
export const dynamoFolder: string = join(servicesFolder, 'dynamodb', 'lib')

interface Installation {
  isDone(): boolean
  install(): Promise<void>
}

const redis: Installation = {
  isDone: () => findProgram('redis-server') !== undefined && findProgram('redis-cli') !== undefined,
  install: installRedis,
}

const installations: Readonly<Record<ServiceName, Installation>> = {
  redis,
  'redis-cluster': redis,
  'redis-sentinel': redis,
  mongodb: {
    isDone: () => isComplete('secantusdb', secantus) && existsSync(secantusProgram),
    install: installSecantus,
  },
  ferretdb: { isDone: () => isComplete('ferretdb', ferret), install: installFerret },
  dynamodb: {
    isDone: () => isComplete('dynamodb', dynamo) && findProgram('java') !== undefined,
    install: installDynamo,
  },
}

/** @returns whether the servers of a service are on this machine, so that they can be started */
export function isInstalled(service: ServiceName): boolean {
  return installations[service].isDone()
}

/** Installs what a service lacks. @throws Error of one line: what is missing and how to get it */
export async function install(service: ServiceName): Promise<void> {
  const installation = installations[service]
  if (installation.isDone()) return
  await installation.install()
  if (!installation.isDone()) throw new Error(`${service} is not there after its installation`)
}

async function installRedis(): Promise<void> {
  const how = 'install Redis 7 or later, with `redis-server` and `redis-cli` in the PATH'
  if (findProgram('apt-get') === undefined) throw new Error(`no redis-server here: ${how}`)
  if (process.getuid?.() !== 0) {
    throw new Error(`no redis-server here, and only root may \`apt-get install\` it: ${how}`)
  }
  const silent = { DEBIAN_FRONTEND: 'noninteractive' }
  await runProgram('apt-get', ['update', '--quiet'], silent)
  const args = ['install', '--yes', '--quiet', '--no-install-recommends', 'redis-server']
  await withoutServices(() => runProgram('apt-get', args, silent))
  // The package also has it start with the machine. We only want the program.
  await runProgram('update-rc.d', ['redis-server', 'disable'])
}

/** Debian starts the service of a package as it installs it, unless this file says no. */
async function withoutServices(work: () => Promise<unknown>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d'
  if (existsSync(policy)) {
    // Somebody's own, most likely of a container that starts no services: theirs to decide.
    await work()
    return
  }
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await work()
  } finally {
    rmSync(policy, { force: true })
  }
}

async function installSecantus(): Promise<void> {
  const python = 'it takes Python 3.10 or later with venv (Debian: `apt-get install python3-venv`)'
  if (findProgram('python3') === undefined) throw new Error(`no python3 here: ${python}`)
  await inFolder('secantusdb', secantus, async (folder) => {
    try {
      await runProgram('python3', ['-m', 'venv', folder])
    } catch (error) {
      throw new Error(`${(error as Error).message}; ${python}`, { cause: error })
    }
    await runProgram(join(folder, 'bin', 'pip'), ['install', '--quiet', secantus])
  })
}

async function installFerret(): Promise<void> {
  if (findProgram('go') === undefined) {
    throw new Error('no go here: it takes Go 1.23 or later (https://go.dev/dl)')
  }
  await inFolder('ferretdb', ferret, async (folder) => {
    for (const file of ['main.go', 'go.mod', 'go.sum']) {
      copyFileSync(join(import.meta.dirname, 'ferretdb', file), join(folder, file))
    }
    // Beside a repository, Go would write down its state.
    const flags = ['-C', folder, 'build', '-buildvcs=false', '-mod=readonly']
    await runProgram('go', [...flags, '-o', ferretProgram, '.'])
  })
}

async function installDynamo(): Promise<void> {
  for (const [program, debian] of [
    ['java', 'openjdk-17-jre-headless'],
    ['mvn', 'maven'],
  ] as const) {
    if (findProgram(program) === undefined) {
      throw new Error(`no ${program} here: it takes Java 17 and Maven (apt-get install ${debian})`)
    }
  }
  await inFolder('dynamodb', dynamo, async () => {
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${dynamoFolder}`]
    await runProgram('mvn', ['--batch-mode', '--quiet', '--file', pom, ...goal])
  })
}

/** Fills a folder and marks it complete, so that an installation cut short is done anew. */
async function inFolder(
  name: string,
  version: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = join(servicesFolder, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await fill(folder)
  writeFileSync(completionOf(name), version)
}

function isComplete(name: string, version: string): boolean {
  const path = completionOf(name)
  return existsSync(path) && readFileSync(path, 'utf8') === version
}

function completionOf(name: string): string {
  return join(servicesFolder, name, 'installed')
}
