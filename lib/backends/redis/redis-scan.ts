/** The keys of one namespace, on one node or on every master of a Cluster. */
import { CacheError } from '../../errors.ts'
import { keyPrefixOf, mastersOf, type Ask, type RedisClient } from './redis-connection.ts'

const pageKeys = 500

/**
 * Keys page by page, without what they begin with; a node that does not answer keeps nobody from those
 * of the others.
 * @param prefix what the keys of the namespace begin with
 * @throws UnreachedNodes at the end, where there was one
 */
export async function* scanKeys(ask: Ask, prefix: string): AsyncGenerator<string[], void> {
  const seen = new Set<string>()
  const nodes = await mastersOf(ask, prefix)
  let unreached = 0
  let reason: unknown
  for (const node of nodes) {
    const pages = pagesOf(ask, node, prefix, seen)
    for (;;) {
      const next = await pages.next().catch((error: unknown) => {
        if (nodes.length === 1) throw error
        unreached++
        reason = error
      })
      if (next === undefined || next.done === true) break
      yield next.value
    }
  }
  if (unreached > 0) throw new UnreachedNodes(unreached, nodes.length, reason)
}

// SCAN may repeat a key, and an empty page is not the last one; only cursor '0' ends it. It is not
// told of the client's own prefix, and gives it back with the keys.
async function* pagesOf(
  ask: Ask,
  node: RedisClient,
  prefix: string,
  seen: Set<string>,
): AsyncGenerator<string[], void> {
  const before = (await ask(async (client) => keyPrefixOf(client))) + prefix
  const match = `${before.replaceAll(/[*?[\]\\^]/g, String.raw`\$&`)}*`
  let cursor = '0'
  do {
    const from = cursor
    const [next, found] = await ask(() => node.scan(from, 'MATCH', match, 'COUNT', pageKeys))
    const page = found.map((key) => key.slice(before.length)).filter((key) => !seen.has(key))
    for (const key of page) seen.add(key)
    if (page.length > 0) yield page
    cursor = next
  } while (cursor !== '0')
}

/** Some nodes of a Cluster did not answer. */
class UnreachedNodes extends Error {
  constructor(unreached: number, all: number, cause: unknown) {
    const { message } = cause as Error
    super(`${unreached} of ${all} nodes of the Cluster did not answer: ${message}`, { cause })
  }
}

/** The same error, or one that says what was done on the other nodes. */
export function asPartial(error: unknown, done: string): unknown {
  if (!(error instanceof UnreachedNodes)) return error
  return new CacheError('ERR_CACHE_STORAGE_FAILED', `${done}; ${error.message}`, { cause: error })
}
