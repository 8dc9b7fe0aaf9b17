/** The cache under the global dispatcher, for scripts that want one line. */
import { Agent, Dispatcher, getGlobalDispatcher, setGlobalDispatcher } from 'undici'
import type { BackendAlias } from './backends/open-backend.ts'
import { misuse } from './errors.ts'
import { cacheInterceptor, type CacheInterceptor } from './interceptor.ts'
import type { CacheOptions } from './options/options.ts'

interface Installed {
  readonly caching: CacheInterceptor
  /** What was global before the first cache. */
  readonly before: Dispatcher
  readonly composed: Dispatcher
  /** Of ours, where what was global before cannot be composed with. */
  readonly own: Agent | undefined
}

const installed: Installed[] = []

/**
 * Puts a cache under global `fetch` and everything else that uses the global dispatcher. A second
 * one takes the place of the first until it is uninstalled, at the end of a block by `await using`.
 * @throws as `cacheInterceptor`, and TypeError ERR_CACHE_RUNTIME_UNSUPPORTED
 */
export function installCache<Alias extends BackendAlias = 'sqlite'>(
  options: CacheOptions<Alias> = {},
): CacheInterceptor {
  const current: Partial<Dispatcher> = getGlobalDispatcher()
  if (typeof current.compose !== 'function') {
    const message =
      'the global dispatcher of this runtime cannot be composed with, as in Bun, whose fetch knows no ' +
      'dispatcher: compose cacheInterceptor() with an Agent of the npm package undici, and hand that to its ' +
      "fetch or request() as option 'dispatcher'"
    throw misuse('ERR_CACHE_RUNTIME_UNSUPPORTED', message)
  }
  return installOn(current as Dispatcher, options)
}

function installOn<Alias extends BackendAlias>(
  current: Dispatcher,
  options: CacheOptions<Alias>,
): CacheInterceptor {
  const caching = cacheInterceptor(options)
  const top = installed.at(-1)
  const before = top !== undefined && top.composed === current ? top.before : current
  const own = speaksOldHandlers(before) ? new Agent() : undefined
  const composed = (own ?? before).compose(caching)
  installed.push({ caching, before, composed, own })
  setGlobalDispatcher(composed)
  // `await using` undoes all of it.
  return Object.assign(caching, { [Symbol.asyncDispose]: () => uninstallCache(caching) })
}

/** The cache that was installed last; undefined where none is. */
export function installedCache(): CacheInterceptor | undefined {
  return installed.at(-1)?.caching
}

/**
 * Takes the cache away that was installed last, or the one that is named, and closes it. A
 * dispatcher that somebody else has made global meanwhile stays; without any cache nothing happens.
 */
export async function uninstallCache(caching?: CacheInterceptor): Promise<void> {
  const index =
    caching === undefined
      ? installed.length - 1
      : installed.findIndex((each) => each.caching === caching)
  const [removed] = index < 0 ? [] : installed.splice(index, 1)
  if (removed === undefined) return
  const onTop = getGlobalDispatcher() === removed.composed
  if (onTop) setGlobalDispatcher(installed.at(-1)?.composed ?? removed.before)
  await removed.caching.close()
  // What somebody else has composed on ours still sends through it.
  if (onTop) await removed.own?.close()
}

// The agent inside Node 22, which undici 7 finds and leaves there, takes handlers of the old
// generation only.
function speaksOldHandlers(dispatcher: Dispatcher): boolean {
  const builtIn = Number(process.versions['undici']?.split('.')[0])
  return !(dispatcher instanceof Dispatcher) && builtIn < 7
}
