import { Option } from 'commander'
import type { Lifetime } from '../policy/lifetime.ts'
import { bytesText, counted } from './amounts.ts'
import { exitCodes, type Command } from './command.ts'
import { ageOf, repeatable, statusOf } from './conditions.ts'
import { Failure } from './explain.ts'
import { noFile } from './file-to-write.ts'
import { printable } from './printable.ts'
import { withProgress } from './progress.ts'
import { sayUnreadable } from './unreadable.ts'

interface ImportOptions {
  readonly expireAfter: Lifetime
  readonly status?: readonly number[]
  readonly overwrite: boolean
}

/** `undici-cache import`. */
export const importHar: Command<ImportOptions> = {
  name: 'import',
  summary: 'store the responses of a HAR file',
  about:
    'The same requests are hits from then on. What "export" has written becomes what it was, with its lifetimes. What others have recorded is stored as if it came now, by the rules for responses that come from an origin: status 200 and redirects, no "no-store"; credentials are not stored. What was not stored is said, and why.',
  operands: [{ name: 'FILE.har', about: 'the file to read; "-" is standard input' }],
  options: [
    new Option('--expire-after <age>', "how long what others recorded is used: '7d', 'never'")
      .default('never')
      .argParser((text) => (text === 'never' ? text : ageOf('--expire-after', text))),
    repeatable('--status <code>', 'store this status, too', statusOf),
    new Option('--overwrite', 'replace what is there and differs').default(true),
    new Option('--no-overwrite', 'leave everything that is there alone'),
  ],
  examples: [
    ['import session.har', 'what a browser has saved, into sqlite:http_cache'],
    ['import file:fixtures session.har --expire-after 7d --status 404', 'for a week, errors too'],
  ],
  async run(job) {
    const { output, options, operands } = job
    const path = operands[0]!
    const file = await openSource(path, output.input)
    const { importHar: readHar } = await import('../har/import-har.ts')
    const { NoHarError } = await import('../har/read-entries.ts')
    const cache = await job.open('write')
    const { expireAfter, overwrite, status: codes = [] } = options
    const result = await withProgress(
      output,
      'Importing',
      (tell) =>
        readHar(cache, file.chunks, {
          expireAfter,
          overwrite,
          codes,
          async onProgress(bytesRead) {
            if (file.bytes > 0) tell(bytesRead, file.bytes)
            await job.pause()
          },
        }),
      bytesText,
    ).catch((error: unknown) => {
      throw error instanceof NoHarError ? new Failure(`'${path}' is ${error.message}`) : error
    })
    const { entries, stored, unchanged, notStored, decoded, unreadable } = result
    if (output.json) await output.document({ file: path, ...result })
    else {
      const were = unchanged === 1 ? 'was' : 'were'
      const alone =
        unchanged === 0 ? '' : `, ${unchanged.toLocaleString('en')} ${were} there already`
      await output.line(
        `${counted(entries, 'entry', 'entries')} read, ${stored.toLocaleString('en')} stored${alone}`,
      )
    }
    for (const [why, count] of Object.entries(notStored).toSorted((a, b) => b[1] - a[1])) {
      output.say(`${count} not stored: ${printable(why)}`)
    }
    if (decoded > 0) {
      const which = counted(decoded, 'body is', 'bodies are')
      output.say(`${which} stored decompressed, as HAR has them; Content-Encoding is left out`)
    }
    sayUnreadable(job, unreadable)
    return stored + unchanged > 0 ? exitCodes.done : exitCodes.failed
  },
}

interface Source {
  readonly chunks: AsyncIterable<Uint8Array>
  /** 0 where nobody knows. */
  readonly bytes: number
}

async function openSource(path: string, input: AsyncIterable<Uint8Array>): Promise<Source> {
  if (path === '-') return { chunks: input, bytes: 0 }
  if (path === '') throw noFile('import')
  const { open } = await import('node:fs/promises')
  const file = await open(path)
  const found = await file.stat()
  if (found.isDirectory()) {
    await file.close()
    throw new Failure(`'${path}' is a folder, and no HAR file`)
  }
  return { chunks: file.createReadStream({ highWaterMark: 2 ** 18 }), bytes: found.size }
}
