import type { BaseCache } from '../cache/base-cache.ts'
import { counted } from './amounts.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import { recordsOf, withProgress } from './progress.ts'
import { sayUnreadable } from './unreadable.ts'

/** `undici-cache prune`. */
export const prune: Command<object> = {
  name: 'prune',
  summary: 'remove what has expired beyond use',
  about:
    'What has expired and may still be validated, or used while the origin fails, stays; "rm --expired" removes it, too. Bodies that a crash has left behind go as well.',
  operands: [],
  examples: [
    ['prune', 'tidy up sqlite:http_cache'],
    ['prune file:dump --json', 'the same elsewhere, for a program'],
  ],
  async run(job) {
    const { output } = job
    const cache = await job.open('read')
    const removed = (await removeExpired(job, cache)) + (await cache.prune())
    const unreadable = job.unreadable()
    if (output.json) await output.document({ removed, unreadable })
    else await output.line(`${counted(removed, 'record')} removed`)
    sayUnreadable(job, unreadable)
    return exitCodes.done
  },
}

// As prune() does it, and somebody may watch, and interrupt it.
async function removeExpired(job: Job<object>, cache: BaseCache): Promise<number> {
  const { output } = job
  const total = await recordsOf(output, cache)
  return withProgress(output, 'Pruning', async (tell) => {
    // One moment for all slices: by it the storage knows that it is to go on.
    const now = Date.now()
    let removed = 0
    for (const storage of [cache.responses, cache.redirects]) {
      if (storage.traits.expires) continue
      for (let deleted = sliceRecords; deleted === sliceRecords;) {
        deleted = await storage.deleteExpired(now, sliceRecords)
        removed += deleted
        tell(removed, Math.max(removed, total))
        await job.pause()
      }
    }
    return removed
  })
}

const sliceRecords = 500
