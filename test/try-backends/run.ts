/** Puts the same small work through the backends, and says what each took: `npm run try-backends`. */
import { parseArgs } from 'node:util'
import { nearestName } from '../../lib/errors.ts'
import { findServer } from '../networked/servers.ts'
import { backends, type Backend, type Place } from './backends.ts'
import { startSite, type Site } from './site.ts'
import { head, row, type Outcome } from './table.ts'
import { put, reason, Unreachable, warmUp } from './trial.ts'

const aliases = backends.map(({ alias }): string => alias)

const help = `Usage: npm run try-backends [-- NAME...]

Fetches 20 URLs of a site on loopback, twice, through a cache on each backend,
or on those that are named:
${aliases.join(', ')}.

  cold ms     all of them from the origin, until they are stored
  hit ms      all of them out of the cache
  at rest     bytes that the backend takes for them
  entries     how many it lists, and in how many milliseconds

Servers are found by REDIS_URL, MONGODB_URL and DYNAMODB_ENDPOINT, or else at
the ports of docker-compose.yml. Whatever is made there is removed again.

  -h, --help  show this text

Exit codes: 0 all is well; 1 something does not work, or was named and cannot
be reached; 2 wrong usage. NO_COLOR turns colours off.`

function readArguments(): readonly Backend[] {
  let given: { values: { help?: boolean | undefined }; positionals: string[] }
  try {
    given = parseArgs({
      options: { help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    })
  } catch (error) {
    return misused((error as Error).message)
  }
  if (given.values.help === true) {
    console.log(help)
    process.exit(0)
  }
  const unknown = given.positionals.find((name) => !aliases.includes(name))
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, aliases)
    const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
    return misused(`unknown backend '${unknown}'${hint}\nThere are ${aliases.join(', ')}.`)
  }
  named = given.positionals.length > 0
  return named ? backends.filter(({ alias }) => given.positionals.includes(alias)) : backends
}

function misused(message: string): never {
  console.error(`${message}\n\nnpm run try-backends -- --help says more.`)
  process.exit(2)
}

/** What came of one backend; nothing that it does ends the program. */
async function attempt({ alias, server, place }: Backend, site: Site): Promise<Outcome> {
  let reachable = server === undefined
  try {
    const { url, skip } = server === undefined ? { url: '', skip: false } : await findServer(server)
    if (skip !== false) return unreachable(alias, server!, url)
    current = await place(`undici-cache-try-${process.pid}`, url)
    const measured = await put(current, site)
    reachable = true
    return { backend: alias, reachable, measured }
  } catch (error) {
    reachable ||= !(error instanceof Unreachable)
    return { backend: alias, reachable, remarks: [reason(error)] }
  }
}

function unreachable(backend: string, server: string, url: string): Outcome {
  return {
    backend,
    reachable: false,
    remarks: [
      // Without a password that the URL may hold.
      `nothing answers at ${new URL(url).host}`,
      `start it: eval "$(npm run -s services -- start ${server})"`,
      `      or: docker compose up --wait ${server}`,
    ],
  }
}

/** @returns what could not be removed, and why */
async function removeAll(): Promise<string | undefined> {
  const place = current
  current = undefined
  try {
    await place?.remove()
    return undefined
  } catch (error) {
    return `something is left behind: ${reason(error)}`
  } finally {
    await place?.close()
  }
}

let named = false
let current: Place | undefined

const chosen = readArguments()
// For tests: here a server that is missing is a row.
delete process.env['CACHE_TEST_REQUIRE']
// Ends after the backend that is being tried, so that nothing is left there; the second time at once.
process.once('SIGINT', () => (process.exitCode = 130))
const site = await startSite()
await warmUp(site)
console.log(head())
for (const backend of chosen) {
  if (process.exitCode === 130) break
  const outcome = await attempt(backend, site)
  // Nothing was written to what cannot be reached.
  if (!outcome.reachable) await current?.close()
  const left = outcome.reachable ? await removeAll() : undefined
  const remarks = [...(outcome.remarks ?? []), ...(left === undefined ? [] : [left])]
  console.log(row({ ...outcome, remarks }))
  const failed = outcome.reachable ? remarks.length > 0 : named
  if (failed) process.exitCode ??= 1
}
await site.stop()
