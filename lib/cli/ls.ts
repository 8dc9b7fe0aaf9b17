import { Option } from 'commander'
import type { BaseCache } from '../cache/base-cache.ts'
import type { CachedResponse } from '../entries/cached-response.ts'
import type { Selection, Selects } from '../upkeep/selection.ts'
import { bytesText, durationText, expiryText, instantText } from './amounts.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import {
  conditionOptions,
  countOf,
  patternAbout,
  selectionOf,
  type ConditionOptions,
} from './conditions.ts'
import type { Output } from './output.ts'
import { printable, shortened } from './printable.ts'
import { typeOf } from './response-type.ts'
import { withProgress, type Tell } from './progress.ts'
import { sayUnreadable } from './unreadable.ts'

interface LsOptions extends ConditionOptions {
  readonly limit?: number
}

/** `undici-cache ls`. */
export const ls: Command<LsOptions> = {
  name: 'ls',
  summary: 'list stored responses',
  about:
    'Bodies are not read. Into a pipe each line has key, method, status, instant of storing, instant of expiry or "never", bytes, and URL.',
  operands: [{ name: 'PATTERN', about: patternAbout, optional: true }],
  options: [
    ...conditionOptions('only'),
    new Option('-n, --limit <count>', 'no more than so many').argParser((text) =>
      countOf('--limit', text),
    ),
  ],
  examples: [
    ['ls', 'everything in sqlite:http_cache'],
    ["ls 'example.com/api' --older-than 7d", 'what example.com/api… has sent a week ago or before'],
    ['ls "redis://localhost/0?namespace=my_app" --expired', 'what has expired in a Redis'],
    ["ls --json | jq -r 'select(.bytes > 1e6).url'", 'URLs of long bodies'],
  ],
  async run(job) {
    const { output, options, operands } = job
    const selection = selectionOf(options, operands[0])
    const cache = await job.open('read')
    const listed = await withProgress(output, 'Looking', (tell) =>
      list(job, cache, selection, tell),
    )
    const unreadable = job.unreadable()
    if (output.json && unreadable > 0) await output.item({ unreadable })
    sayUnreadable(job, unreadable)
    if (listed > 0) return exitCodes.done
    const readable = unreadable === 0 ? 'is empty' : 'has nothing that can be read'
    const what = selection === undefined ? readable : 'has nothing of the kind'
    output.say(`${job.address.shown} ${what}${await hint(operands[0])}`)
    return exitCodes.failed
  },
}

/** @returns how many */
async function list(
  job: Job<LsOptions>,
  cache: BaseCache,
  selection: Selection | undefined,
  tell: Tell,
): Promise<number> {
  const { output, options } = job
  const { selectEntries, selector } = await import('../upkeep/selection.ts')
  const matches = selector(selection ?? {}, Date.now())
  // Who reads what is listed, as a pager does, sees by it how it goes on.
  const total = output.isWatched ? await cache.responses.size() : 0
  let seen = 0
  let listed = 0
  const selects: Selects = async (response) => {
    seen++
    if (total > 0) tell(seen, Math.max(seen, total))
    await job.pause()
    return matches(response)
  }
  for await (const response of selectEntries(cache.responses, selects)) {
    tell.hide()
    await printOne(output, response, listed === 0)
    if (++listed === options.limit) break
  }
  return listed
}

// A cache without its scheme is a pattern like any other.
async function hint(pattern: string | undefined): Promise<string> {
  if (pattern === undefined) return ''
  const { fileIsThere, folderIsThere } = await import('./is-there.ts')
  if (fileIsThere(pattern)) return `; the cache of that name is 'sqlite:${pattern}'`
  return folderIsThere(pattern) ? `; the cache of that name is 'file:${pattern}'` : ''
}

async function printOne(output: Output, response: CachedResponse, isFirst: boolean): Promise<void> {
  if (output.json) return output.item(itemOf(response))
  if (output.width === undefined) return output.values(valuesOf(response))
  if (isFirst) await output.line(output.style('dim', headOf()))
  await output.line(rowOf(output, output.width, response))
}

function itemOf(response: CachedResponse): object {
  const { key, method, url, status, storedAt, expiresAt, bodyBytes, tags } = response
  return {
    key,
    method,
    url,
    status,
    storedAt: instantText(storedAt),
    expiresAt: expiresAt === undefined ? null : instantText(expiresAt),
    expired: response.expired,
    bytes: bodyBytes,
    type: typeOf(response),
    tags,
  }
}

function valuesOf(response: CachedResponse): (string | number)[] {
  const { key, method, url, status, storedAt, expiresAt, bodyBytes } = response
  const expiry = expiresAt === undefined ? 'never' : instantText(expiresAt)
  return [key, method, status, instantText(storedAt), expiry, bodyBytes, url]
}

const widths = { code: 4, age: 7, expires: 9, size: 8 }
const gap = '  '

function headOf(): string {
  const { code, age, expires, size } = widths
  const titles = ['code'.padStart(code), 'age'.padStart(age), 'expires'.padStart(expires)]
  return [...titles, 'size'.padStart(size), 'URL'].join(gap)
}

function rowOf(output: Output, width: number, response: CachedResponse): string {
  const now = Date.now()
  const { method, url, status, storedAt, expiresAt, bodyBytes } = response
  const expiry = expiryText(expiresAt, now).padStart(widths.expires)
  const cells = [
    String(status).padStart(widths.code),
    durationText(now - storedAt).padStart(widths.age),
    response.expiredAt(now) ? output.style('yellow', expiry) : expiry,
    bytesText(bodyBytes).padStart(widths.size),
  ]
  const taken = Object.values(widths).reduce((sum, each) => sum + each + gap.length, 0)
  const what = printable(method === 'GET' ? url : `${method} ${url}`)
  return [...cells, shortened(what, Math.max(shortestUrl, width - taken))].join(gap)
}

const shortestUrl = 20
