/**
 * Node's own `spec` reporter, and after its last line which backends were not tested, and how to
 * get the servers that they need. Where all were tested it says nothing more.
 */
import { Readable } from 'node:stream'
import { spec, type TestEvent } from 'node:test/reporters'
import { styleText } from 'node:util'

// What a skipped test says of the server that it misses; see test/networked/.
const missing = /npm run services -- (start|install) ([\w-]+)/
// What cannot be read off the name: one server is good for two backends.
const backendsOn: Readonly<Record<string, string>> = { mongodb: 'mongodb and gridfs' }
const inCompose = ['redis', 'redis-cluster', 'mongodb', 'dynamodb']

/** For `node --test --test-reporter=…`. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const wanted = { start: new Set<string>(), install: new Set<string>() }
  const watched = async function* (): AsyncGenerator<TestEvent> {
    for await (const event of events) {
      const { type, data } = event
      const [, command, server] =
        (type === 'test:pass' && typeof data.skip === 'string' && missing.exec(data.skip)) || []
      if (server !== undefined) wanted[command as keyof typeof wanted].add(server)
      yield event
    }
  }
  yield* Readable.from(watched()).compose(new spec())
  const { start, install } = wanted
  if (start.size > 0) yield notTested([...start])
  // Whatever is started is installed first.
  const others = [...install].filter((server) => !start.has(server))
  if (others.length > 0) yield notTestedAlone(others)
}

function notTested(servers: readonly string[]): string {
  const composed = servers.filter((server) => inCompose.includes(server))
  const profile = composed.includes('redis-cluster') ? '--profile cluster ' : ''
  const lines = [
    `Not tested, for want of a server: ${backendsOf(servers)}. To start what is missing:`,
    `  eval "$(npm run -s services -- start ${servers.join(' ')})"`,
  ]
  if (composed.length > 0) lines.push(`  docker compose ${profile}up --wait ${composed.join(' ')}`)
  return paragraph(lines)
}

// Those tests start, kill and freeze servers of their own.
function notTestedAlone(servers: readonly string[]): string {
  return paragraph([
    `Not tested in outages, for want of the program: ${backendsOf(servers)}. To install it:`,
    `  npm run services -- install ${servers.join(' ')}`,
  ])
}

function backendsOf(servers: readonly string[]): string {
  return servers.map((server) => backendsOn[server] ?? server).join(', ')
}

function paragraph([first, ...others]: readonly string[]): string {
  return `\n${[styleText('yellow', first!), ...others].join('\n')}\n`
}
