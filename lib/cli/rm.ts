import { Option } from 'commander'
import type { BaseCache } from '../cache/base-cache.ts'
import type { CachedResponse } from '../entries/cached-response.ts'
import type { Selection } from '../upkeep/selection.ts'
import { isEntryError, misuse } from '../errors.ts'
import { counted } from './amounts.ts'
import { confirm } from './confirm.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import { conditionOptions, matchOption, selectionOf, type ConditionOptions } from './conditions.ts'
import { recordsOf, withProgress, type Tell } from './progress.ts'
import { isKey } from './request-url.ts'
import { sayUnreadable } from './unreadable.ts'

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
    const count = await withProgress(output, 'Looking', (tell) =>
      countOf(job, cache, targets, selection, tell),
    )
    if (count > 1 && output.canAsk && options.yes !== true) {
      const what = `Remove ${counted(count, 'entry', 'entries')} of ${address.shown}?`
      if (!(await confirm(output, what, job.signal))) {
        output.say('nothing was removed')
        return exitCodes.failed
      }
    }
    job.signal.throwIfAborted()
    const unreadable = job.unreadable()
    const begun = await withProgress(output, 'Removing', (tell) =>
      remove(job, cache, targets, selection, (done) => tell(done, count)),
    )
    const removed = Math.max(count, begun)
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
  const odd = keys.find((each) => !isKey(each))
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
  tell: Tell,
): Promise<number> {
  const { selectEntries, selector } = await import('../upkeep/selection.ts')
  const { primaryKey } = await import('../entries/record-keys.ts')
  // With all the redirects that a URL leads to goes every variant of each.
  const requests = new Set<string>()
  for (const url of urls) {
    requests.add(cache.createKey(url))
    for (const { key } of await readableHistory(cache, url)) {
      if (key !== undefined) requests.add(primaryKey(key))
    }
  }
  const matches = selector(selection ?? {}, Date.now())
  const total = await recordsOf(job.output, cache)
  let seen = 0
  const ofUrls = urls.length === 0 ? undefined : selector({ urls }, Date.now())
  const selects = async (response: CachedResponse): Promise<boolean> => {
    tell(++seen, Math.max(seen, total))
    await job.pause()
    if (all || selection !== undefined) return matches(response)
    if (keys.includes(response.key) || requests.has(primaryKey(response.key))) return true
    return ofUrls !== undefined && ofUrls(response)
  }
  let count = 0
  for (const storage of [cache.responses, cache.redirects]) {
    for await (const _ of selectEntries(storage, selects)) count++
  }
  return count
}

// What cannot be read leads nowhere, and goes all the same.
async function readableHistory(cache: BaseCache, url: string): ReturnType<BaseCache['history']> {
  try {
    return await cache.history(url)
  } catch (error) {
    if (isEntryError(error)) return []
    throw error
  }
}

/** @returns how many, as far as the cache counts them */
async function remove(
  job: Job<RmOptions>,
  cache: BaseCache,
  { urls, keys, all }: Targets,
  selection: Selection | undefined,
  tell: (done: number) => void,
): Promise<number> {
  if (all) {
    // One statement of SQL; elsewhere it is record by record anyway, and somebody may watch.
    if (job.output.isWatched && job.address.backend !== 'sqlite') await removeAll(job, cache, tell)
    await cache.clear()
    return 0
  }
  if (selection !== undefined) {
    let done = 0
    const filter = async (): Promise<boolean> => {
      tell(++done)
      await job.pause()
      return true
    }
    return cache.delete({ ...selection, filter })
  }
  let removed = 0
  // What cannot be read is found by its URL only.
  for (const url of urls) if (await cache.delete(url)) removed++
  if (urls.length > 0) removed += await cache.delete({ urls })
  if (keys.length > 0) removed += await cache.delete({ keys })
  return removed
}

async function removeAll(
  job: Job<RmOptions>,
  { responses, redirects }: BaseCache,
  tell: (done: number) => void,
): Promise<void> {
  let done = 0
  for (const storage of [responses, redirects]) {
    let batch: string[] = []
    for await (const key of storage.keys()) {
      if (batch.push(key) < batchKeys) continue
      await storage.deleteMany(batch)
      tell((done += batch.length))
      await job.pause()
      batch = []
    }
  }
}

const batchKeys = 100
