import { randomUUID } from 'node:crypto'
import { Option } from 'commander'
import type { Dispatcher } from 'undici'
import type { BaseCache } from '../cache/base-cache.ts'
import { bytesText } from './amounts.ts'
import { exitCodes, type Command, type Job } from './command.ts'
import { countOf } from './conditions.ts'
import { withProgress, type Tell } from './progress.ts'

interface BenchOptions {
  readonly bytes: number
  readonly seconds: number
}

/** `undici-cache bench`. */
export const bench: Command<BenchOptions> = {
  name: 'bench',
  summary: 'measure writes, reads and hits of this very cache',
  about:
    'Stores responses of its own, reads them, answers requests from them, and removes them again; several at a time, as a program does. A hit has the whole way of a request, without a network.',
  operands: [],
  options: [
    new Option('--bytes <count>', 'length of the bodies')
      .default(10_000)
      .argParser((text) => countOf('--bytes', text)),
    new Option('--seconds <count>', 'for each of the three')
      .default(1)
      .argParser((text) => countOf('--seconds', text)),
  ],
  examples: [
    ['bench', 'sqlite:http_cache'],
    ['bench redis://localhost/0 --bytes 100000 --json', 'long bodies in a Redis, for a program'],
  ],
  async run(job) {
    const { output, options, address } = job
    const cache = await job.open('read')
    const work = await Work.begin(cache, job)
    try {
      const rates = await withProgress(
        output,
        'Measuring',
        (tell) => work.measure(tell),
        () => '',
      )
      if (output.json)
        await output.document({ cache: address.shown, bytes: options.bytes, ...rates })
      else {
        await output.list([
          ['bodies', bytesText(options.bytes)],
          ['writes', `${rates.writes.toLocaleString('en')} per second`],
          ['reads', `${rates.reads.toLocaleString('en')} per second`],
          ['hits', `${rates.hits.toLocaleString('en')} per second`],
        ])
      }
      return exitCodes.done
    } finally {
      await work.end()
    }
  },
}

const atOnce = 16
const mostEntries = 5_000
const mostBytes = 2 ** 28

class Work {
  readonly #cache: BaseCache
  readonly #job: Job<BenchOptions>
  readonly #dispatcher: Dispatcher
  readonly #paths: string[] = []
  readonly #folder = `/${randomUUID()}`

  static async begin(cache: BaseCache, job: Job<BenchOptions>): Promise<Work> {
    const { AnsweringDispatcher } = await import('../har/answering.ts')
    const { cacheInterceptor } = await import('../interceptor.ts')
    const body = Buffer.alloc(job.options.bytes, 'Some text that does not compress to nothing. ')
    const answer = {
      status: 200,
      statusText: 'OK',
      rawHeaders: ['Content-Type', 'text/plain', 'Content-Length', String(body.byteLength)],
      body,
    }
    const caching = cacheInterceptor({
      backend: cache,
      // What is left by a program that is killed goes by itself.
      expireAfter: '10m',
      storageTimeout: 10_000,
      onError: (error) => job.output.say(error.message),
    })
    return new Work(cache, job, new AnsweringDispatcher(() => answer).compose(caching))
  }

  constructor(cache: BaseCache, job: Job<BenchOptions>, dispatcher: Dispatcher) {
    this.#cache = cache
    this.#job = job
    this.#dispatcher = dispatcher
  }

  async measure(tell: Tell): Promise<{ writes: number; reads: number; hits: number }> {
    const { bytes } = this.#job.options
    const most = Math.max(atOnce, Math.min(mostEntries, Math.floor(mostBytes / bytes)))
    const writes = await this.#rate(0, tell, most, async (index) => {
      const path = `${this.#folder}/${index}`
      this.#paths.push(path)
      await this.#ask(path)
    })
    const keys = this.#keys()
    const reads = await this.#rate(1, tell, Infinity, async (index) => {
      const record = await this.#cache.responses.get(keys[index % keys.length]!)
      if (record === undefined) throw new Error('what was written cannot be read')
    })
    const hits = await this.#rate(2, tell, Infinity, (index) =>
      this.#ask(this.#paths[index % this.#paths.length]!),
    )
    return { writes, reads, hits }
  }

  async end(): Promise<void> {
    await this.#cache.flush()
    const keys = this.#keys()
    if (keys.length > 0) await this.#cache.delete({ keys })
  }

  #keys(): string[] {
    return this.#paths.map((path) => this.#cache.createKey(origin + path))
  }

  /** How often a second it can be done. */
  async #rate(
    nth: number,
    tell: Tell,
    most: number,
    work: (index: number) => Promise<void>,
  ): Promise<number> {
    const duration = this.#job.options.seconds * 1000
    const since = performance.now()
    let begun = 0
    const worker = async (): Promise<void> => {
      while (begun < most && performance.now() - since < duration) {
        await work(begun++)
        const share = Math.min(1, (performance.now() - since) / duration)
        tell(Math.round((nth + share) * 100), 300)
        await this.#job.pause()
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    await this.#cache.flush()
    return Math.round((begun * 1000) / (performance.now() - since))
  }

  async #ask(path: string): Promise<void> {
    const response = await this.#dispatcher.request({ origin, path, method: 'GET' })
    await response.body.arrayBuffer()
  }
}

// Nobody has this name (RFC 6761).
const origin = 'http://undici-cache-bench.invalid'
