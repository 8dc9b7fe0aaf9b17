/** How much longer does a hit take than it takes the driver to read the same bytes? */
import { Agent } from 'undici'
import { cacheInterceptor, type CacheInterceptor } from '../lib/index.ts'
import { findServer } from '../test/networked/servers.ts'
import { backends, type Backend, type Place } from '../test/try-backends/backends.ts'
import { bareReaders, type BareReads } from './bare-reads.ts'
import type { Bench } from './bench.ts'
import { jsonBody } from './bodies.ts'
import { clients, type Target } from './clients.ts'
import type { Group } from './harness.ts'
import { canned, serve, type Canned } from './origin.ts'
import { kib, sizeName } from './sizes.ts'

type Measured = keyof typeof bareReaders

const pathCount = 16
const dispatchRaw = clients['raw dispatch']!
const isMeasured = (alias: string): alias is Measured => Object.hasOwn(bareReaders, alias)

/** A hit of each backend that can be reached, one at a time, nothing being kept in this process. */
export const bench: Bench = async function* (wanted) {
  console.log(
    'the goal of those on a network: x0.83, at most 1.2 times as long as the driver takes',
  )
  for (const backend of backends) {
    const { alias, server } = backend
    if (!isMeasured(alias)) continue
    const sizes = [kib, 64 * kib].filter((bytes) => wanted(titleOf(alias, bytes)))
    if (sizes.length === 0) continue
    const { url, skip } = server === undefined ? { url: '', skip: false } : await findServer(server)
    if (skip !== false) {
      console.log(`\n${alias} is not measured: ${String(skip)}`)
      continue
    }
    for (const bytes of sizes) yield* hits(backend, alias, url, bytes)
  }
}

function titleOf(alias: string, bytes: number): string {
  return `${alias}, ${sizeName(bytes)}`
}

async function* hits(
  { place }: Backend,
  alias: Measured,
  url: string,
  bytes: number,
): AsyncGenerator<Group> {
  const responses = new Map(
    Array.from({ length: pathCount }, (_, n): [string, Canned] => [
      `/v1/items/${n}?lang=en`,
      canned(jsonBody(bytes, n), 'application/json'),
    ]),
  )
  const server = await serve(responses)
  const agent = new Agent()
  const at = await place(`undici-cache-bench-${process.pid}`, url)
  const caching = open(at)
  let bare: BareReads | undefined
  try {
    const dispatcher = agent.compose(caching)
    const targets = Array.from(responses.keys(), (path): Target => ({
      url: server.origin + path,
      origin: server.origin,
      path,
    }))
    for (const target of targets) await dispatchRaw(dispatcher, target)
    await caching.cache.flush()
    const keys = await Array.fromAsync(caching.cache.responses.keys())
    bare = await bareReaders[alias](at.options.cacheName!, url)
    const [driver] = Object.keys(bare.reads)
    const asked = server.asked()
    yield {
      title: titleOf(alias, bytes),
      cases: [
        ...Object.entries(bare.reads).map(([name, read]) => ({
          name,
          run: (i: number) => read(keys[i % pathCount]!),
        })),
        {
          name: 'a hit',
          against: driver,
          run: (i) => dispatchRaw(dispatcher, targets[i % pathCount]!),
        },
      ],
    }
    if (server.asked() !== asked) throw new Error('not every response was a hit')
  } finally {
    await bare?.close()
    await caching.close()
    await at.remove()
    await at.close()
    await agent.close()
    await server.close()
  }
}

function open({ options }: Place): CacheInterceptor {
  const { backend, backendOptions } = options
  return cacheInterceptor({
    ...options,
    // A machine that is busy must not make a miss of a hit.
    storageTimeout: 30_000,
    // The others keep nothing in this process anyway.
    backendOptions: backend === 'sqlite' ? { hotTierBytes: 0 } : (backendOptions ?? {}),
    onError(error) {
      throw error
    },
  })
}
