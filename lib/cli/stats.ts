import type { BaseCache } from '../cache/base-cache.ts'
import { bytesText, counted, durationText, instantText } from './amounts.ts'
import { exitCodes, type Command } from './command.ts'
import { recordsOf, withProgress } from './progress.ts'
import { sayUnreadable } from './unreadable.ts'

/** `undici-cache stats`. */
export const stats: Command<object> = {
  name: 'stats',
  summary: 'count what is stored',
  about: 'Goes through all entries, and reads no body.',
  operands: [],
  examples: [
    ['stats', 'of sqlite:http_cache'],
    ['stats mongodb://localhost/my_app --json', 'of a MongoDB, for a program'],
  ],
  async run(job) {
    const { output, address } = job
    const cache = await job.open('read')
    const { countHoldings } = await import('../upkeep/stats.ts')
    const total = await recordsOf(output, cache)
    let done = 0
    const { responses, redirects, bodyBytes, expired, unreadable, oldest, newest } =
      await withProgress(output, 'Counting', (tell) =>
        countHoldings(placesOf(cache), Date.now(), () => {
          tell(++done, Math.max(done, total))
          return job.pause()
        }),
      )
    const instant = (at: number | undefined): string | null =>
      at === undefined ? null : instantText(at)
    if (output.json) {
      await output.document({
        cache: address.shown,
        responses,
        redirects,
        expired,
        unreadable,
        bodyBytes,
        oldest: instant(oldest),
        newest: instant(newest),
      })
    } else if (output.width === undefined) {
      await output.list([
        ['cache', address.shown],
        ['responses', String(responses)],
        ['redirects', String(redirects)],
        ['expired', String(expired)],
        ['unreadable', String(unreadable)],
        ['bodyBytes', String(bodyBytes)],
        ['oldest', instant(oldest) ?? '-'],
        ['newest', instant(newest) ?? '-'],
      ])
    } else {
      const age = (at: number | undefined): string =>
        at === undefined ? '–' : `${durationText(Date.now() - at)} ago`
      await output.list([
        ['cache', address.shown],
        [
          'responses',
          `${responses.toLocaleString('en')}, of which ${counted(expired, 'has', 'have')} expired`,
        ],
        ['redirects', redirects.toLocaleString('en')],
        ['bodies', bytesText(bodyBytes)],
        ['stored', `oldest ${age(oldest)}, newest ${age(newest)}`],
      ])
    }
    sayUnreadable(job, unreadable)
    return exitCodes.done
  },
}

type Place = { readonly storage: BaseCache['responses'] }

function placesOf({ responses, redirects }: BaseCache): Record<'responses' | 'redirects', Place> {
  return { responses: { storage: responses }, redirects: { storage: redirects } }
}
