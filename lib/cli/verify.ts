import { Option } from 'commander'
import type { VerifyProblem, VerifyResult } from '../upkeep/verify.ts'
import { bytesText, counted } from './amounts.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import { printable, wrapped } from './printable.ts'
import { withProgress } from './progress.ts'

interface VerifyOptions {
  readonly repair?: boolean
}

/** `undici-cache verify`. */
export const verify: Command<VerifyOptions> = {
  name: 'verify',
  summary: 'read everything, and find what is broken',
  about:
    'Checks each entry as a hit would: its head, the length and digest of its body, each part of it; finds bodies without an entry, and chains of redirects without an end. What is broken is a miss to programs, and does no harm. Exit code 1 where something is broken and stays.',
  operands: [],
  options: [new Option('--repair', 'remove what is broken')],
  examples: [
    ['verify', 'look only'],
    ['verify "file:dump?serializer=json" --repair', 'remove what is broken'],
  ],
  async run(job) {
    const { output, options, signal } = job
    const cache = await job.open('read')
    const problems: VerifyProblem[] = []
    const result = await withProgress(output, 'Verifying', (tell) =>
      cache.verify({
        repair: options.repair === true,
        onProblem: (problem) => problems.push(problem),
        onProgress: ({ done, total }) => tell(done, total),
        signal,
      }),
    )
    if (output.json) await output.document({ ...result, problems })
    else await print(job, result, problems)
    return problems.length === result.removed ? exitCodes.done : exitCodes.failed
  },
}

async function print(
  { output, options, address }: Job<VerifyOptions>,
  result: VerifyResult,
  problems: readonly VerifyProblem[],
): Promise<void> {
  for (const { kind, storage, key, message } of problems) {
    if (output.width === undefined) await output.values([kind, storage, key, message])
    else {
      await output.labelled(kind, ' ', key, 'red')
      await output.line(`  ${wrapped(printable(message), output.width, 2, 2)}`)
    }
  }
  const { responses, redirects, bodyBytes, unreadable, orphans, endless, removed } = result
  const whole = `${counted(responses, 'response')} (${bytesText(bodyBytes)}) and ${counted(redirects, 'redirect')} are whole`
  output.say(
    `${whole}; ${problems.length === 0 ? 'nothing is broken' : `${problems.length} broken`}`,
  )
  if (problems.length === 0) return
  const kinds = [
    `${counted(unreadable, 'entry', 'entries')} unreadable`,
    `${counted(orphans, 'body', 'bodies')} without an entry`,
    `${counted(endless, 'chain')} without an end`,
  ]
  output.say(kinds.join(', '))
  if (options.repair !== true) output.say(`'verify --repair' removes what is broken`)
  else if (removed > 0) output.say(`${removed} removed`)
  else {
    output.say(
      `nothing was removed: nothing in ${address.shown} can be decoded, so it is rather the serializer or the secret in the address that is wrong`,
    )
  }
}
