/** Bars for work that takes long, where a person watches: on standard error, in a terminal. */
import { createRequire } from 'node:module'
import type { BaseCache } from '../cache/base-cache.ts'
import type { Output } from './output.ts'
import type { PrintStream } from './streams.ts'

/** The part of cli-progress that is used here. */
interface BarLibrary {
  readonly SingleBar: new (options: object, preset: object) => Bar
  readonly Presets: { readonly shades_classic: object }
}

interface Bar {
  start(total: number, done: number): void
  setTotal(total: number): void
  update(done: number): void
  stop(): void
}

/** Told how far the work has come. */
export interface Tell {
  (done: number, total: number): void
  /** Takes the bar away, for something that is printed; it comes back after a while. */
  readonly hide: () => void
}

/** How amounts are written; `''` where they say nothing. */
type Shown = (amount: number) => string

// What is done by then needs no bar.
const showAfter = 400
const textColumns = 36
const longestBar = 40

/** Runs the work, and shows a bar meanwhile; whatever happens, the terminal is left as it was. */
export async function withProgress<T>(
  output: Output,
  title: string,
  work: (tell: Tell) => Promise<T>,
  shown: Shown = (amount) => amount.toLocaleString('en'),
): Promise<T> {
  if (!output.isWatched) return work(Object.assign(() => {}, { hide() {} }))
  let since = performance.now()
  let bar: Bar | undefined
  let total = 0
  const hide = (): void => {
    bar?.stop()
    bar = undefined
    since = performance.now()
  }
  const tell = (done: number, of: number): void => {
    if (bar === undefined) {
      if (performance.now() - since < showAfter) return
      bar = createBar(output.aside, title, shown)
      bar.start(of, done)
    } else if (of !== total) bar.setTotal(of)
    total = of
    bar.update(done)
  }
  try {
    return await work(Object.assign(tell, { hide }))
  } finally {
    hide()
  }
}

/** How many records there are to go through; not asked for where nobody watches. */
export async function recordsOf(
  output: Output,
  { responses, redirects }: Pick<BaseCache, 'responses' | 'redirects'>,
): Promise<number> {
  return output.isWatched ? (await responses.size()) + (await redirects.size()) : 0
}

function createBar(stream: PrintStream, title: string, shown: Shown): Bar {
  const require = createRequire(import.meta.url)
  const { SingleBar, Presets } = require('cli-progress') as BarLibrary
  const columns = stream.columns || 80
  const amounts = shown(0) === '' ? '' : ' {value}/{total}'
  const options = {
    stream,
    format: `${title} {bar} {percentage}%${amounts} {duration_formatted}`,
    barsize: Math.max(4, Math.min(longestBar, columns - title.length - textColumns)),
    clearOnComplete: true,
    hideCursor: true,
    formatValue: (value: number, _options: object, type: string) =>
      type === 'value' || type === 'total' ? shown(value) : String(value),
  }
  return new SingleBar(options, Presets.shades_classic)
}
