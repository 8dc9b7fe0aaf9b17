import { Option } from 'commander'
import type { Response } from 'undici'
import type { CacheInfo } from '../response/cache-info.ts'
import type { Lifetime } from '../policy/lifetime.ts'
import { misuse, type CacheError } from '../errors.ts'
import { bytesText, durationText, instantText } from './amounts.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import { ageOf, repeatable } from './conditions.ts'
import { explained, Failure } from './explain.ts'
import type { Output } from './output.ts'
import { printable } from './printable.ts'
import { requestUrl } from './request-url.ts'

interface GetOptions {
  readonly header?: readonly (readonly [name: string, value: string])[]
  readonly expireAfter?: Lifetime
  readonly refresh?: boolean
  readonly offline?: boolean
}

/** `undici-cache get`. */
export const get: Command<GetOptions> = {
  name: 'get',
  summary: 'fetch a URL through the cache and print the body',
  about:
    'The cache is made where there is none. Where the response came from is said on standard error. Redirects are followed; a status of 400 or more is a failure.',
  operands: [{ name: 'URL', about: 'what to fetch' }],
  options: [
    repeatable('-H, --header <header>', "'Name: value', sent along", headerOf),
    new Option(
      '--expire-after <age>',
      "how long it is used: '1h', '7d', 'never' (default)",
    ).argParser((text) => (text === 'never' ? text : ageOf('--expire-after', text))),
    new Option('--refresh', 'ask the origin whether it has changed').conflicts('offline'),
    new Option('--offline', 'answer from the cache, or not at all'),
  ],
  examples: [
    ['get https://example.com/', 'from the origin the first time, then from the cache'],
    ['get file:dump https://example.com/a.png > a.png', 'with another cache, into a file'],
    ["get https://example.com/ -H 'Accept-Language: de'", 'another variant of it'],
  ],
  async run(job) {
    const url = requestUrl('get', job.operands[0]!)
    const [{ Agent, fetch }, { cacheInterceptor }, { getCacheInfo }] = await Promise.all([
      import('undici'),
      import('../interceptor.ts'),
      import('../response/cache-info.ts'),
    ])
    const { header, expireAfter, refresh, offline } = job.options
    const caching = cacheInterceptor({
      backend: await job.open('write'),
      expireAfter,
      refresh,
      onlyIfCached: offline,
      // A program waits; a person sees that it does.
      storageTimeout: 10_000,
      onError: ({ message }: CacheError) => job.output.say(message),
    })
    const agent = new Agent()
    try {
      const headers = (header ?? []).map(([name, value]) => [name, value] as [string, string])
      const dispatcher = agent.compose(caching)
      const response = await fetch(url, { dispatcher, headers, signal: job.signal }).catch(
        (error: unknown) => {
          throw new Failure(`${url}: ${explained(error)}`)
        },
      )
      const info = getCacheInfo(response)
      if (response.status === 504 && info?.reason === 'only-if-cached') {
        job.output.say(`nothing fresh is stored for ${url} in ${job.address.shown}`)
        return exitCodes.failed
      }
      await print(job, response, info)
      await caching.close()
      return response.status < 400 ? exitCodes.done : exitCodes.failed
    } finally {
      await agent.destroy()
    }
  },
}

async function print(
  { output }: Job<GetOptions>,
  response: Response,
  info: CacheInfo | undefined,
): Promise<void> {
  const { status, statusText, url } = response
  if (output.json) {
    const bytes = Buffer.from(await response.arrayBuffer())
    const { textOf } = await import('../har/decoded-body.ts')
    const text = textOf(bytes, response.headers.get('content-type') ?? undefined)
    await output.document({
      url,
      status,
      statusText,
      headers: [...response.headers],
      from: info?.hit === true ? 'cache' : 'origin',
      reason: info?.reason ?? null,
      storedAt: info?.storedAt === undefined ? null : instantText(info.storedAt),
      expiresAt: info?.expiresAt === undefined ? null : instantText(info.expiresAt),
      ...(text === undefined ? { bodyBase64: bytes.toString('base64') } : { body: text }),
    })
    return
  }
  output.say(`${status} ${statusText}`.trim() + `, ${sourceOf(info)}`)
  if (output.width !== undefined) return printForPerson(output, response)
  if (response.body !== null) for await (const chunk of response.body) await output.bytes(chunk)
}

// What is no text would leave the terminal in disorder.
async function printForPerson(output: Output, response: Response): Promise<void> {
  const type = response.headers.get('content-type')
  const bytes = Buffer.from(await response.arrayBuffer())
  const { textOf } = await import('../har/decoded-body.ts')
  const text = textOf(bytes, type ?? undefined)
  if (text === undefined) {
    const what = `${bytesText(bytes.byteLength)} of ${type ?? 'an unknown type'}`
    output.say(`${what} that are not for a terminal: '> FILE' writes them into a file`)
  } else if (text !== '') {
    const shown = printable(text, 'lines')
    await output.bytes(shown.endsWith('\n') ? shown : `${shown}\n`)
  }
}

function sourceOf(info: CacheInfo | undefined): string {
  if (info?.hit === true) {
    const age = durationText(Date.now() - (info.storedAt ?? Date.now()))
    const how = info.revalidated ? 'confirmed by the origin' : info.stale ? 'stale' : info.reason
    return `from the cache (${how}, stored ${age} ago)`
  }
  return `from the origin (${info?.reason ?? 'not cached'})`
}

function headerOf(text: string): readonly [name: string, value: string] {
  const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):[ \t]*(.*)$/.exec(text) ?? []
  if (name !== undefined) return [name, value!]
  // What came may be a secret.
  const message = `option '--header' must be 'Name: value', the name without spaces`
  throw misuse('ERR_CACHE_OPTION_INVALID', message)
}
