/** What does a response cost that is in the cache? */
import { Agent } from 'undici'
import type { Bench } from './bench.ts'
import { imageBody, jsonBody } from './bodies.ts'
import { ours, undiciMemory, undiciSqlite, type Cached, type CacheMaker } from './caches.ts'
import { clients, type Body, type Client, type Target } from './clients.ts'
import type { Group } from './harness.ts'
import { canned, Floor, serve, type Canned } from './origin.ts'
import { kib, mib, sizeName } from './sizes.ts'

interface Subject {
  readonly name: string
  readonly make: CacheMaker
  readonly against?: string
}

const inMemory: readonly Subject[] = [
  { name: 'undici memory', make: undiciMemory },
  { name: 'ours memory', make: ours('memory'), against: 'undici memory' },
  {
    name: 'ours memory, shared bodies',
    make: ours('memory', true, true),
    against: 'undici memory',
  },
]
const inSqlite: readonly Subject[] = [
  { name: 'undici sqlite', make: undiciSqlite },
  { name: 'ours sqlite', make: ours('sqlite'), against: 'undici sqlite' },
  { name: 'ours sqlite, no hot tier', make: ours('sqlite', false), against: 'undici sqlite' },
]
const inFiles: readonly Subject[] = [
  { name: 'ours files', make: ours('filesystem'), against: 'undici sqlite' },
]

interface Content {
  readonly title: string
  readonly bytes: number
  readonly body: (n: number) => Buffer
  readonly type: string
  readonly extra?: readonly string[]
  readonly subjects: readonly Subject[]
}

const json = (bytes: number): Content => ({
  title: `${sizeName(bytes)} JSON`,
  bytes,
  body: (n) => jsonBody(bytes, n),
  type: 'application/json',
  subjects: [...inMemory, ...inSqlite, ...inFiles],
})

const contents: readonly Content[] = [
  json(kib),
  json(64 * kib),
  json(mib),
  {
    ...json(kib),
    title: '1 KB JSON with Vary',
    extra: ['Vary', 'Accept-Encoding'],
    subjects: [...inMemory, ...inSqlite],
  },
  ...[kib, 64 * kib, mib].map((bytes) => ({
    // undici's SQLite store compresses text; this it has to store as it is.
    title: `${sizeName(bytes)} image`,
    bytes,
    body: () => imageBody(bytes),
    type: 'image/png',
    subjects: inSqlite,
  })),
]

/** Ours against undici's with the same kind of store, and against a dispatcher without any work. */
export const bench: Bench = async function* (wanted) {
  for (const content of contents) {
    for (const [name, client] of Object.entries(clients)) {
      const title = `${content.title}, ${name}`
      if (wanted(title)) yield* hits(title, content, client)
    }
  }
}

const paths = (bytes: number): string[] =>
  // Several, as programs ask for several; few enough for each tier and store to hold them.
  Array.from(
    { length: Math.max(8, Math.min(100, mib / bytes)) },
    (_, n) => `/v1/items/${n}?lang=en`,
  )

async function* hits(title: string, content: Content, client: Client): AsyncGenerator<Group> {
  const { bytes, body, type, extra, subjects } = content
  const responses = new Map(
    paths(bytes).map((path, n): [string, Canned] => [path, canned(body(n), type, extra)]),
  )
  const server = await serve(responses)
  const { origin } = server
  const targets = Array.from(responses.keys(), (path): Target => ({
    url: origin + path,
    origin,
    path,
  }))
  const target = (index: number): Target => targets[index % targets.length]!
  const agent = new Agent()
  const filled = subjects.map(({ make, ...rest }) => ({ ...rest, cached: make(agent) }))
  // By the same client: each sends header fields of its own, by which Vary may select.
  for (const { cached } of filled) {
    for (const each of targets) await client(cached.dispatcher, each)
    await cached.flush()
  }
  const asked = server.asked()
  for (const { name, cached } of filled) await check(name, cached, targets, responses, client)
  const floor = new Floor(responses)
  yield {
    title,
    floor: 'floor',
    cases: [
      { name: 'floor', run: (i) => client(floor, target(i)) },
      ...filled.map(({ name, against, cached: { dispatcher } }) => ({
        name,
        against,
        run: (i: number) => client(dispatcher, target(i)),
      })),
    ],
  }
  if (server.asked() !== asked) throw new Error('not every response was a hit')
  for (const { cached } of filled) await cached.close()
  await agent.close()
  await server.close()
}

// A cache that is fast because it answers with something else is no cache.
async function check(
  name: string,
  { dispatcher }: Cached,
  targets: readonly Target[],
  responses: ReadonlyMap<string, Canned>,
  client: Client,
): Promise<void> {
  for (const target of targets) {
    const body = await client(dispatcher, target)
    if (!responses.get(target.path)!.body.equals(wholeOf(body))) {
      throw new Error(`${name} answered with another body`)
    }
  }
}

function wholeOf(body: Body): Buffer {
  return body instanceof ArrayBuffer ? Buffer.from(body) : Buffer.concat(body)
}
