import { counted } from './amounts.ts'
import { exitCodes, type Command } from './command.ts'
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
    const removed = await cache.prune()
    const unreadable = job.unreadable()
    if (output.json) await output.document({ removed, unreadable })
    else await output.line(`${counted(removed, 'record')} removed`)
    sayUnreadable(job, unreadable)
    return exitCodes.done
  },
}
