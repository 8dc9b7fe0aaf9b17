/** What does it cost that a response is stored which was not there? */
import { request, type Dispatcher } from 'undici'
import type { Bench } from './bench.ts'
import { jsonBody } from './bodies.ts'
import {
  ours,
  uncached,
  undiciMemory,
  undiciSqlite,
  type Cached,
  type CacheMaker,
} from './caches.ts'
import type { Case, Group } from './harness.ts'
import { InProcessOrigin } from './origin.ts'
import { kib, mib, sizeName } from './sizes.ts'

const concurrent = 64
// A round keeps no more than this in memory, and below what undici's store holds.
const maxBytesPerRound = 48 * mib

const subjects: readonly {
  readonly name: string
  readonly make: CacheMaker
  readonly against?: string
  /** Begins anew each round: what is in memory would only grow. */
  readonly fresh?: true
}[] = [
  { name: 'no cache', make: uncached },
  { name: 'undici memory', make: undiciMemory, against: 'no cache', fresh: true },
  { name: 'ours memory', make: ours('memory'), against: 'undici memory', fresh: true },
  { name: 'undici sqlite', make: undiciSqlite, against: 'no cache' },
  { name: 'ours sqlite', make: ours('sqlite'), against: 'undici sqlite' },
]

/** Unique URLs, many at the same time, without a network; what is written is committed. */
export const bench: Bench = async function* (wanted) {
  for (const bytes of [kib, 64 * kib]) {
    const title = `miss and store, ${sizeName(bytes)} JSON, ${concurrent} at a time, request()`
    if (wanted(title)) yield* misses(title, bytes)
  }
}

async function* misses(title: string, bytes: number): AsyncGenerator<Group> {
  const origin = new InProcessOrigin(variedBodies(bytes))
  const maxCalls = Math.floor(maxBytesPerRound / bytes / concurrent)
  const open: Cached[] = []
  const cases = subjects.map(({ name, make, against, fresh }): Case => {
    let cached: Cached | undefined
    return {
      name,
      against,
      opsPerCall: concurrent,
      maxCalls,
      async prepare() {
        if (cached !== undefined && fresh !== true) return
        await cached?.close()
        cached = make(origin)
        open.push(cached)
      },
      run: (index) => missMany(cached!.dispatcher, index * concurrent),
      settle: () => cached!.flush(),
    }
  })
  yield { title, cases, floor: 'no cache' }
  for (const each of open) await each.close()
}

async function missMany(dispatcher: Dispatcher, from: number): Promise<void> {
  await Promise.all(
    Array.from({ length: concurrent }, async (_, i) => {
      const url = `http://origin.example/v1/items/${from + i}?lang=en`
      const { body } = await request(url, { dispatcher })
      return body.arrayBuffer()
    }),
  )
}

// A store that finds the bytes it already has may skip them: none comes twice.
function variedBodies(bytes: number): () => Buffer {
  const templates = Array.from({ length: 16 }, (_, n) => jsonBody(bytes, n))
  let count = 0
  return () => {
    const body = Buffer.from(templates[count % templates.length]!)
    // On each page of a database.
    for (let at = 256; at < bytes; at += 4096) body.write(String(count).padStart(8, '0'), at)
    count++
    return body
  }
}
