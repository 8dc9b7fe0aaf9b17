/** Puts servers into trouble, and says what requests have of it: `npm run try-outages`. */
import { parseArgs, styleText } from 'node:util'
import { nearestName } from '../../lib/errors.ts'
import { harmedKinds, type HarmedKind, type Place } from '../networked/harmed-server.ts'
import { startProxy, type TcpProxy } from '../networked/tcp-proxy.ts'
import { install, isInstalled } from '../services/install.ts'
import { putInTrouble, type Measured } from './trial.ts'
import { troubles } from './troubles.ts'

const services = harmedKinds.map(({ service }): string => service)

const help = `Usage: npm run try-outages [-- [--seconds N] NAME...]

Starts servers of its own, has a program ask for 20 stored URLs, 20 times a
second, and puts each server into trouble meanwhile:

${troubles.map(({ name, sentence }) => `  ${name.padEnd(11)} ${sentence}`).join('\n')}

Of each backend and each kind of trouble it says:

  asked    requests while the trouble lasted
  hits     of them, answered from the cache
  wrong    of them, failed, or answered with other bytes than the origin's
  longest  milliseconds that one waited, the origin's own time taken off;
           more than storageTimeout (1000) and a tenth is too much
  reports  calls of onError; one for each outage
  back     milliseconds from the end of the trouble until the next hit

Names: ${services.join(', ')}; all of them when none is given.

  --seconds N  how long each trouble lasts; 5 when it is not given
  -h, --help   show this text

Exit codes: 0 all is well; 1 a request failed, waited too long, or the cache
was not used again; 2 wrong usage. NO_COLOR turns colours off.`

interface Chosen {
  readonly kinds: readonly HarmedKind[]
  readonly lasts: number
}

function readArguments(): Chosen {
  try {
    const { values, positionals } = parseArgs({
      options: { help: { type: 'boolean', short: 'h' }, seconds: { type: 'string' } },
      allowPositionals: true,
    })
    if (values.help === true) {
      console.log(help)
      process.exit(0)
    }
    const seconds = Number(values.seconds ?? 5)
    if (!(seconds >= 1 && seconds <= 600)) {
      return misused(`--seconds must be 1 to 600, got '${values.seconds}'`)
    }
    const unknown = positionals.find((name) => !services.includes(name))
    if (unknown !== undefined) {
      const nearest = nearestName(unknown, services)
      const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
      return misused(`unknown server '${unknown}'${hint}\nThere are ${services.join(', ')}.`)
    }
    const isChosen = ({ service }: HarmedKind): boolean =>
      positionals.length === 0 || positionals.includes(service)
    return { kinds: harmedKinds.filter(isChosen), lasts: seconds * 1_000 }
  } catch (error) {
    return misused((error as Error).message)
  }
}

function misused(message: string): never {
  console.error(`${message}\n\nnpm run try-outages -- --help says more.`)
  process.exit(2)
}

const storageTimeout = 1_000

function isWell({ wrong, longest, back, reports }: Measured): boolean {
  return wrong === 0 && longest <= storageTimeout * 1.1 && back !== undefined && reports <= 1
}

const columns = ['asked', 'hits', 'wrong', 'longest', 'reports', 'back'] as const
const [nameWidth, troubleWidth, width] = [13, 10, 7]

function line(backend: string, trouble: string, cells: readonly string[]): string {
  const aligned = cells.map((cell) => cell.padStart(width))
  return [backend.padEnd(nameWidth), trouble.padEnd(troubleWidth), ...aligned].join('  ')
}

function row(backend: string, trouble: string, measured: Measured): string {
  const cells = columns.map((name) => measured[name]?.toFixed(0) ?? 'never')
  const text = line(backend, trouble, cells)
  return isWell(measured) ? text : styleText('red', text)
}

/** The option with the server's address; undefined where the driver learns of others by itself. */
function addressOf({ backendOptions }: Place): [name: string, url: string] | undefined {
  const found = Object.entries(backendOptions ?? {}).find(([name]) => /^(url|endpoint)$/.test(name))
  return found as [string, string] | undefined
}

function placeBehind({ backend, backendOptions }: Place, option: string, proxy: TcpProxy): Place {
  // MongoDB's driver goes on to where the server says that it is, unless it is told not to.
  const direct = option === 'url' && backend !== 'redis' ? { directConnection: true } : {}
  return { backend, backendOptions: { ...backendOptions, ...direct, [option]: proxy.url } }
}

async function attempt(kind: HarmedKind, lasts: number): Promise<void> {
  const server = await kind.start()
  const cleanups: (() => unknown)[] = [() => server.stop()]
  const lifetime = { after: (cleanup: unknown) => void cleanups.unshift(cleanup as () => void) }
  try {
    for (const [name, place] of Object.entries(server.places)) {
      const address = addressOf(place)
      const proxy = address && (await startProxy(lifetime, address[1]))
      for (const trouble of troubles) {
        if (trouble.needsProxy && proxy === undefined) continue
        const used = proxy === undefined ? place : placeBehind(place, address![0], proxy)
        const measured = await putInTrouble(used, trouble, { server, proxy }, lasts)
        console.log(row(name, trouble.name, measured))
        if (!isWell(measured)) process.exitCode = 1
      }
    }
  } finally {
    for (const cleanup of cleanups) await cleanup()
  }
}

const { kinds, lasts } = readArguments()
console.log(styleText('dim', line('backend', 'trouble', columns)))
for (const kind of kinds) {
  if (!isInstalled(kind.service)) {
    console.error(`installing ${kind.service} …`)
    await install(kind.service)
  }
  await attempt(kind, lasts)
}
