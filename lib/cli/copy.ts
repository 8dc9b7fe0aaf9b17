import { Option } from 'commander'
import { misuse } from '../errors.ts'
import { readAddress, type Address } from './address.ts'
import { counted } from './amounts.ts'
import { exitCodes, type Command } from './command.ts'
import { withProgress } from './progress.ts'
import { sayUnreadable } from './unreadable.ts'

interface CopyOptions {
  readonly overwrite: boolean
}

/** `undici-cache copy`. */
export const copy: Command<CopyOptions> = {
  name: 'copy',
  summary: 'copy everything into another cache',
  about:
    'Whatever the two backends and serializers are: every response, variant, redirect and lifetime arrives. Interrupted and run again, it goes on where it stopped: what is there and the same is left alone.',
  namesCaches: true,
  operands: [
    { name: 'FROM', about: 'address of the cache that is read' },
    { name: 'TO', about: 'address of the cache that is written; made where there is none' },
  ],
  options: [
    new Option('--overwrite', 'replace what is there and differs').default(true),
    new Option('--no-overwrite', 'leave everything that is there alone'),
  ],
  examples: [
    ['copy sqlite:http_cache "redis://localhost/0?namespace=my_app"', 'into a Redis'],
    ['copy redis://localhost/0 "file:dump?serializer=json"', 'into files that a person can read'],
  ],
  async run(job) {
    const { output, options, operands, signal } = job
    const [source, target] = [readAddress(operands[0]!), readAddress(operands[1]!)]
    const { isSamePlace } = await import('./is-there.ts')
    if (isSamePlace(source, target)) {
      throw misuse('ERR_CACHE_OPTION_INVALID', `FROM and TO are the same cache: ${source.shown}`)
    }
    const reading = await job.open('read', source)
    const writing = await job.open('write', withoutHotTier(target))
    const result = await withProgress(output, 'Copying', (tell) =>
      writing.update(reading, {
        overwrite: options.overwrite,
        // Two storages that answer at once would not let go of the loop.
        filter: () => job.pause().then(() => true),
        onProgress: ({ copied, skipped, unreadable, total }) =>
          tell(copied + skipped + unreadable, total),
        signal,
      }),
    )
    const { copied, skipped, unreadable } = result
    if (output.json) await output.document({ from: source.shown, to: target.shown, ...result })
    else {
      const alone = skipped === 0 ? '' : `, ${skipped.toLocaleString('en')} left alone`
      await output.line(`${counted(copied, 'entry', 'entries')} copied${alone}`)
    }
    sayUnreadable({ output, address: source }, unreadable)
    return exitCodes.done
  },
}

// Nothing is read twice.
function withoutHotTier(address: Address): Address {
  if (address.backend !== 'sqlite') return address
  return { ...address, options: { ...address.options, hotTierBytes: 0 } }
}
