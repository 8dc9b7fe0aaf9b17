import { counted } from './amounts.ts'
import { exitCodes, type Command } from './command.ts'
import { conditionOptions, matchOption, selectionOf, type ConditionOptions } from './conditions.ts'
import { noFile, openFile } from './file-to-write.ts'
import { version } from './package-version.ts'
import { withProgress } from './progress.ts'
import { sayUnreadable } from './unreadable.ts'

/** `undici-cache export`. */
export const exportHar: Command<ConditionOptions> = {
  name: 'export',
  summary: 'write responses into a HAR file',
  about:
    'Browsers and many tools read HAR 1.2. Bodies stand there decompressed; what the format has no place for (exact bytes, lifetimes, tags, variants) is in fields of our own, so that "import" makes the same entries of it. Credentials and bodies of requests are not stored, and so not there.',
  operands: [{ name: 'FILE.har', about: 'the file to write; "-" is standard output' }],
  options: [...conditionOptions('only'), matchOption('only')],
  examples: [
    ['export site.har', 'everything in sqlite:http_cache'],
    ["export file:dump - --match 'example.com' | jq .log.entries[0]", 'look at one of them'],
  ],
  async run(job) {
    const { output, options, operands, address } = job
    const path = operands[0]!
    if (path === '') throw noFile('export')
    const selection = selectionOf(options)
    const cache = await job.open('read')
    const { exportHar: writeHar } = await import('../har/export-har.ts')
    const { selector } = await import('../upkeep/selection.ts')
    const file = path === '-' ? undefined : await openFile(path)
    try {
      const result = await withProgress(output, 'Exporting', (tell) =>
        writeHar(cache, (text) => (file === undefined ? output.bytes(text) : file.write(text)), {
          creatorVersion: version(),
          selects: selector(selection ?? {}, Date.now()),
          async onProgress(done, total) {
            tell(done, total)
            await job.pause()
          },
        }),
      )
      await file?.finish()
      const { responses, redirects, tooLong, unreadable } = result
      if (file !== undefined && output.json) await output.document({ file: path, ...result })
      const what = `${counted(responses, 'response')} and ${counted(redirects, 'redirect')}`
      if (!output.json) output.say(`${what} of ${address.shown} exported`)
      if (tooLong > 0)
        output.say(`${counted(tooLong, 'body', 'bodies')} too long for HAR: left out`)
      sayUnreadable(job, unreadable)
      return responses + redirects > 0 ? exitCodes.done : exitCodes.failed
    } finally {
      await file?.giveUp()
    }
  },
}
