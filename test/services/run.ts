/** `npm run services`: the servers that the networked backends are tested on, without Docker. */
import { parseArgs } from 'node:util'
import { variableOf } from './addresses.ts'
import { install } from './install.ts'
import { alone } from './lock.ts'
import { endOrphans, serviceNames, type ServiceName } from './records.ts'
import { start, stateOf, stop } from './services.ts'

const usage = `npm run services -- start | stop | status | install [name...]

  start    installs what is missing, starts the servers on free ports of loopback, waits until
           each answers, and prints the variables that the tests read
  stop     ends what start has started, and nothing else, and removes its data
  status   says what runs; exit code 1 when not all of it does
  install  only installs

Names: ${serviceNames.join(', ')}; all of them when none is given.

In a shell, with -s so that npm prints nothing of its own:

  eval "$(npm run -s services -- start)" && npm test
  npm run -s services -- stop

Redis comes from Debian's redis-server, MongoDB is PyPI's SecantusDB in an environment of its
own, FerretDB is built with Go, DynamoDB Local comes through Maven; the last three lie in
node_modules/.cache/services.
With Docker, docker-compose.yml has the original servers.`

const commands: Readonly<Record<string, (names: readonly ServiceName[]) => Promise<boolean>>> = {
  start: (names) => alone(() => startAll(names), sayWaiting),
  stop: (names) => alone(() => stopAll(names), sayWaiting),
  status: showStatus,
  install: (names) => alone(() => installAll(names).then(areAll(names)), sayWaiting),
}

process.exitCode = (await main()) ? 0 : 1

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h', default: false } },
    allowPositionals: true,
  })
  const [command = '', ...names] = positionals
  if (values.help) {
    console.log(usage)
    return true
  }
  const work = Object.hasOwn(commands, command) ? commands[command] : undefined
  const unknown = names.find((name) => !serviceNames.some((known) => known === name))
  if (work === undefined || unknown !== undefined) {
    const wrong = work === undefined ? `no command "${command}"` : `no service "${unknown}"`
    console.error(`${wrong}\n\n${usage}`)
    return false
  }
  return work(names.length === 0 ? serviceNames : (names as ServiceName[]))
}

/** Variables go to standard output, for a shell to take, and everything else goes past it. */
async function startAll(names: readonly ServiceName[]): Promise<boolean> {
  await endOrphans()
  const installed = await installAll(names)
  const started = await each(installed, async (name) => {
    const begun = performance.now()
    const { url, wasRunning } = await start(name)
    const took = `started in ${((performance.now() - begun) / 1000).toFixed(1)} s`
    say(name, `${wasRunning ? 'is running already' : took}: ${url}`)
    // Ours hold no quote: they are made of addresses and numbers.
    console.log(`export ${variableOf[name]}='${url}'`)
  })
  return areAll(names)(started)
}

async function stopAll(names: readonly ServiceName[]): Promise<boolean> {
  await endOrphans()
  const stopped = await each(names, async (name) => {
    const count = await stop(name)
    say(name, count === 0 ? 'was not running' : `ended (${count} of ours)`)
  })
  return areAll(names)(stopped)
}

async function showStatus(names: readonly ServiceName[]): Promise<boolean> {
  const states = await Promise.all(names.map(stateOf))
  for (const [index, { condition, url, pids }] of states.entries()) {
    const details = [condition.padEnd(13), url, pids.length > 0 && `pid ${pids.join(', ')}`]
    console.log(names[index]!.padEnd(15), details.filter(Boolean).join('  ').trim())
  }
  return states.every(({ condition }) => condition === 'running')
}

/** One after the other: the three of Redis share a package. @returns those that can be started */
async function installAll(names: readonly ServiceName[]): Promise<ServiceName[]> {
  const installed: ServiceName[] = []
  for (const name of names) installed.push(...(await each([name], install)))
  return installed
}

/** Does something for each by itself: one that fails says so in a line. @returns the others */
async function each(
  names: readonly ServiceName[],
  work: (name: ServiceName) => Promise<void>,
): Promise<ServiceName[]> {
  const done = await Promise.all(
    names.map(async (name) => {
      try {
        await work(name)
        return name
      } catch (error) {
        say(name, `FAILED: ${(error as Error).message}`)
        return undefined
      }
    }),
  )
  return done.filter((name) => name !== undefined)
}

function areAll(names: readonly ServiceName[]): (done: readonly ServiceName[]) => boolean {
  return (done) => done.length === names.length
}

function say(name: ServiceName, what: string): void {
  console.error(`${name}: ${what}`)
}

function sayWaiting(): void {
  console.error('another `npm run services` is at work: waiting for it')
}
