/**
 * Which servers the tests of the networked backends use: those that the environment names, or the
 * ports of docker-compose.yml. Where one does not answer its tests are skipped, with the reason and
 * how to start it; where it is required (`CACHE_TEST_REQUIRE=redis,mongodb`) they fail.
 */
import { connect } from 'node:net'

export interface Server {
  readonly name: string
  readonly variable: string
  readonly url: string
}

const known: readonly Server[] = [
  { name: 'redis', variable: 'REDIS_URL', url: 'redis://127.0.0.1:6379' },
  { name: 'redis-cluster', variable: 'REDIS_CLUSTER_URL', url: 'redis://127.0.0.1:7000' },
  { name: 'mongodb', variable: 'MONGODB_URL', url: 'mongodb://127.0.0.1:27017' },
  { name: 'ferretdb', variable: 'FERRETDB_URL', url: 'mongodb://127.0.0.1:27018' },
  { name: 'dynamodb', variable: 'DYNAMODB_ENDPOINT', url: 'http://127.0.0.1:8000' },
]

/** A server that answers, or why its tests are skipped. */
export async function findServer(name: string): Promise<{ url: string; skip: string | false }> {
  const server = known.find((each) => each.name === name)
  if (server === undefined) throw new TypeError(`there is no server '${name}'`)
  const url = process.env[server.variable] ?? server.url
  if (await answers(url)) return { url, skip: false }
  const skip = `${name} does not answer at ${url}: npm run services -- start ${name}`
  if (process.env['CACHE_TEST_REQUIRE']?.split(',').includes(name)) throw new Error(skip)
  return { url, skip }
}

async function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    const say = (answer: boolean) => (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', say(true)).once('error', say(false)).setTimeout(1_000, say(false))
  })
}
