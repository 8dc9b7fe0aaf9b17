import { Option } from 'commander'
import type { BaseCache } from '../cache/base-cache.ts'
import type { CachedResponse } from '../cache/cached-response.ts'
import type { Selection } from '../cache/selection.ts'
import { misuse } from '../errors.ts'
import { counted } from './amounts.ts'
import { confirm } from './confirm.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import { conditionOptions, matchOption, selectionOf, type ConditionOptions } from './conditions.ts'
import { readable, sayUnreadable } from './unreadable.ts'

interface RmOptions extends ConditionOptions {
  readonly all?: boolean
  readonly yes?: boolean
}

/** `undici-cache rm`. */
export const rm: Command<RmOptions> = {
  name: 'rm',
  summary: 'remove stored responses',
  about:
    'Of a URL everything goes: variants, and the redirects that it leads to with what is at their end. Conditions are met all together. In a terminal it asks before it removes more than one.',
  operands: [
    { name: 'URL|KEY', about: 'a URL, or a key as ls prints it', optional: true, many: true },
  ],
  options: [
    ...conditionOptions('remove'),
    matchOption('remove'),
    new Option('--all', 'remove everything'),
    new Option('-y, --yes', 'do not ask'),
  ],
  examples: [
    ['rm https://example.com/old', 'one URL, and where it redirects to'],
    ["rm --match 'example.com/api' --older-than 7d", 'what the API has sent a week ago or before'],
    ['rm "redis://localhost/0?namespace=my_app" --tag news --yes', 'by tag, without a question'],
  ],
  async run(job) {
    const { output, options, address } = job
    const selection = selectionOf(options)
    const targets = readTargets(job, selection)
    const cache = await job.open('read')
    const count = await countOf(job, cache, targets, selection)
    if (count > 1 && output.canAsk && options.yes !== true) {
      const what = `Remove ${counted(count, 'entry', 'entries')} of ${address.shown}?`
      if (!(await confirm(what, job.signal))) {
        output.say('nothing was removed')
        return exitCodes.failed
      }
    }
    job.signal.throwIfAborted()
    const unreadable = job.unreadable()
    const removed = Math.max(count, await remove(cache, targets, selection))
    if (output.json) await output.document({ removed, unreadable })
    else await output.line(`${counted(removed, 'entry', 'entries')} removed`)
    if (options.all !== true) sayUnreadable(job, unreadable)
    return removed > 0 ? exitCodes.done : exitCodes.failed
  },
}

interface Targets {
  readonly urls: readonly string[]
  readonly keys: readonly string[]
  readonly all: boolean
}

function readTargets(
  { operands, options }: Job<RmOptions>,
  selection: Selection | undefined,
): Targets {
  const ways = [operands.length > 0, selection !== undefined, options.all === true]
  if (ways.filter(Boolean).length !== 1) {
    const message = ways.some(Boolean)
      ? `'rm' removes URLs and keys, or what meets conditions, or --all: one of the three at a time`
      : `'rm' needs a URL, a key, a condition such as --expired, or --all`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  const urls = operands.filter((each) => /^https?:\/\//i.test(each) && URL.canParse(each))
  const keys = operands.filter((each) => !urls.includes(each))
  // As all keys begin; what follows names a variant, or the end of a chain.
  const odd = keys.find((each) => !/^[\w-]{43}(?:\.|$)/.test(each))
  if (odd !== undefined) {
    const message = `'rm' needs URLs that begin with http:// or https://, or keys, got '${odd}'; for a pattern: --match '${odd}'`
    throw misuse('ERR_CACHE_OPTION_INVALID', message)
  }
  return { urls, keys, all: options.all === true }
}

/** How many responses and redirects would go, as far as they can be read. */
async function countOf(
  job: Job<RmOptions>,
  cache: BaseCache,
  { urls, keys, all }: Targets,
  selection: Selection | undefined,
): Promise<number> {
  const { selectEntries, selector } = await import('../cache/selection.ts')
  const { primaryKey } = await import('../cache/lookup.ts')
  // With all the redirects that a URL leads to goes every variant of each.
  const requests = new Set<string>()
  for (const url of urls) {
    for (const { key } of await cache.history(url)) {
      if (key !== undefined) requests.add(primaryKey(key))
    }
  }
  const matches = selector({ ...selection, filter: readable(job) }, Date.now())
  const ofUrls = urls.length === 0 ? undefined : selector({ urls }, Date.now())
  const selects = async (response: CachedResponse): Promise<boolean> => {
    if (all || selection !== undefined) return matches(response)
    await job.pause()
    if (keys.includes(response.key) || requests.has(primaryKey(response.key))) return true
    return ofUrls !== undefined && ofUrls(response)
  }
  let count = 0
  for (const storage of [cache.responses, cache.redirects]) {
    for await (const _ of selectEntries(storage, selects)) count++
  }
  return count
}

/** @returns how many, as far as the cache counts them */
async function remove(
  cache: BaseCache,
  { urls, keys, all }: Targets,
  selection: Selection | undefined,
): Promise<number> {
  if (all) {
    await cache.clear()
    return 0
  }
  if (selection !== undefined) return cache.delete(selection)
  let removed = 0
  // What cannot be read is found by its URL only.
  for (const url of urls) if (await cache.delete(url)) removed++
  if (urls.length > 0) removed += await cache.delete({ urls })
  if (keys.length > 0) removed += await cache.delete({ keys })
  return removed
}
