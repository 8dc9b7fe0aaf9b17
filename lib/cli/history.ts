import { exitCodes, type Command } from './command.ts'
import { requestUrl } from './request-url.ts'

/** `undici-cache history`. */
export const history: Command<object> = {
  name: 'history',
  summary: 'follow the stored redirects of a URL',
  about:
    'Each line is a step, its status and its URL, up to the last response that is stored. A step without a status was followed below the cache.',
  operands: [{ name: 'URL', about: 'where the redirects begin' }],
  examples: [
    ['history https://example.com/old', 'where it leads'],
    ['history sqlite:my_cache https://example.com/old --json', 'the same, for a program'],
  ],
  async run(job) {
    const { output, address } = job
    const url = requestUrl('history', job.operands[0]!)
    const cache = await job.open('read')
    const steps = await cache.history(url)
    if (output.json) await output.document({ url, steps })
    if (steps.length === 0) {
      output.say(`nothing is stored for ${url} in ${address.shown}`)
      return exitCodes.failed
    }
    if (output.json) return exitCodes.done
    for (const { status, url: at } of steps) {
      if (output.width === undefined) await output.values([status ?? '-', at])
      else await output.labelled(String(status ?? '–').padStart(3), '  ', at, 'bold')
    }
    return exitCodes.done
  },
}
