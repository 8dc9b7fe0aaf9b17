import { Option } from 'commander'
import type { BaseCache } from '../cache/base-cache.ts'
import type { CachedResponse } from '../entries/cached-response.ts'
import { misuse } from '../errors.ts'
import { joinedField } from '../policy/validators.ts'
import { bytesText, durationText, expiryText, instantText } from './amounts.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import { printable, wrapped } from './printable.ts'
import { isKey, requestUrl } from './request-url.ts'
import { typeOf } from './response-type.ts'
import { sayUnreadable } from './unreadable.ts'

interface ShowOptions {
  readonly body?: boolean
  readonly head?: boolean
}

/** `undici-cache show`. */
export const show: Command<ShowOptions> = {
  name: 'show',
  summary: 'show a stored response, head and body',
  about:
    'All variants of a URL are shown, and redirects as well. A body that is text is shown as such, decompressed; of any other one is said what it is.',
  operands: [{ name: 'URL|KEY', about: 'a URL, or a key as ls prints it' }],
  options: [
    new Option('--body', 'the bytes of the body and nothing else, as they are stored').conflicts(
      'head',
    ),
    new Option('--head', 'without the body'),
  ],
  examples: [
    ['show https://example.com/', 'what is stored for it'],
    ['show file:dump 0h_3Vt… --body > picture.png', 'the body of an entry, by its key'],
    ['show https://example.com/ --json | jq .headers', 'its header lines'],
  ],
  async run(job) {
    const { options, output, operands } = job
    const target = operands[0]!
    if (!isKey(target)) requestUrl('show', target, 'a key, or a URL')
    if (options.body && output.json) {
      throw misuse('ERR_CACHE_OPTION_INVALID', `option '--body' cannot be used with '--json'`)
    }
    const cache = await job.open('read')
    const found = await findAll(job, cache, target)
    sayUnreadable(job, job.unreadable())
    if (found.length === 0) {
      output.say(`nothing is stored for ${target} in ${job.address.shown}`)
      return exitCodes.failed
    }
    if (options.body) return showBody(job, target, found)
    for (const [index, response] of found.entries()) {
      if (output.json) await output.item(await documentOf(response, options.head !== true))
      else await showOne(job, response, index)
    }
    return exitCodes.done
  },
}

async function findAll(
  job: Job<ShowOptions>,
  cache: BaseCache,
  target: string,
): Promise<CachedResponse[]> {
  const { selectEntries, selector } = await import('../upkeep/selection.ts')
  const isUrl = !isKey(target)
  const selection = isUrl ? { urls: [target] } : { keys: [target] }
  const matches = selector(selection, Date.now())
  const selects = async (response: CachedResponse): Promise<boolean> => {
    await job.pause()
    return matches(response)
  }
  const found: CachedResponse[] = []
  for (const storage of [cache.responses, cache.redirects]) {
    found.push(...(await Array.fromAsync(selectEntries(storage, selects))))
  }
  return found
}

async function showBody(
  { output }: Job<ShowOptions>,
  target: string,
  found: readonly CachedResponse[],
): Promise<0 | 1> {
  if (found.length > 1) {
    const keys = found.map(({ key }) => key).join('\n  ')
    output.say(`${found.length} variants are stored for ${target}; name one by its key:\n  ${keys}`)
    return exitCodes.failed
  }
  const [response] = found as [CachedResponse]
  if (output.width !== undefined && !isText(response)) {
    output.say(`${bytesText(response.bodyBytes)} that are no text: send them into a file, '> FILE'`)
    return exitCodes.failed
  }
  for await (const chunk of response.stream()) await output.bytes(chunk)
  return exitCodes.done
}

function isText(response: CachedResponse): boolean {
  const { 'content-encoding': coding } = response.headers
  return coding === undefined && /^text\/|json|xml|javascript/.test(typeOf(response) ?? '')
}

async function documentOf(response: CachedResponse, withBody: boolean): Promise<object> {
  const { key, request, status, statusText, rawHeaders, storedAt, expiresAt, tags } = response
  const { method, url, headers } = request
  return {
    key,
    url,
    method,
    requestHeaders: pairsOf(headers),
    status,
    statusText,
    headers: pairsOf(rawHeaders),
    storedAt: instantText(storedAt),
    expiresAt: expiresAt === undefined ? null : instantText(expiresAt),
    expired: response.expired,
    tags,
    bytes: response.bodyBytes,
    ...(withBody && (await bodyOf(response))),
  }
}

async function bodyOf(response: CachedResponse): Promise<object> {
  const { decodeBody, textOf } = await import('../har/decoded-body.ts')
  const stored = await response.body()
  const coding = joinedField(response.headers['content-encoding'])
  const type = joinedField(response.headers['content-type'])
  const decoded = await decodeBody(stored, coding)
  const text = decoded && textOf(decoded, type)
  return text === undefined ? { bodyBase64: stored.toString('base64') } : { body: text }
}

function pairsOf(flat: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[at * 2]!, flat[at * 2 + 1]!])
}

async function showOne(
  { output, options }: Job<ShowOptions>,
  response: CachedResponse,
  index: number,
): Promise<void> {
  const { key, request, status, statusText, rawHeaders, storedAt, expiresAt, tags } = response
  const now = Date.now()
  if (index > 0) await output.line('')
  const title = wrapped(printable(`${request.method} ${request.url}`), output.width, 4)
  await output.line(output.style('bold', title))
  const expires = expiresAt === undefined ? '' : `${instantText(expiresAt)}, `
  await output.list([
    ['key', key],
    ['status', `${status} ${statusText}`.trim()],
    ['stored', `${instantText(storedAt)}, ${durationText(now - storedAt)} ago`],
    ['expires', expires + expiryText(expiresAt, now)],
    ...(tags.length === 0 ? [] : [['tags', tags.join(', ')] as const]),
  ])
  await output.line('')
  for (const [name, value] of pairsOf(rawHeaders)) {
    await output.labelled(printable(name), ': ', value, 'cyan')
  }
  if (options.head === true) return
  await output.line('')
  const { printBody } = await import('./print-body.ts')
  await printBody(output, await response.body(), response.headers)
}
