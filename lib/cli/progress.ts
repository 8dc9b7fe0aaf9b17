/** Bars for work that takes long, where a person watches: on standard error, in a terminal. */
import { createRequire } from 'node:module'
import type { Output } from './output.ts'

/** The part of cli-progress that is used here. */
interface BarLibrary {
  readonly SingleBar: new (options: object, preset: object) => Bar
  readonly Presets: { readonly shades_classic: object; readonly legacy: object }
}

interface Bar {
  start(total: number, done: number): void
  setTotal(total: number): void
  update(done: number): void
  stop(): void
}

/** Told how far the work has come. */
export type Tell = (done: number, total: number) => void

const textColumns = 36
const longestBar = 40

/** Runs the work, and shows a bar meanwhile; whatever happens, the terminal is left as it was. */
export async function withProgress<T>(
  output: Output,
  title: string,
  work: (tell: Tell) => Promise<T>,
): Promise<T> {
  if (!output.isWatched) return work(() => {})
  const bar = createBar(title)
  let total = 0
  let started = false
  try {
    return await work((done, of) => {
      if (!started) bar.start(of, done)
      else if (of !== total) bar.setTotal(of)
      started = true
      total = of
      bar.update(done)
    })
  } finally {
    if (started) bar.stop()
  }
}

function createBar(title: string): Bar {
  const require = createRequire(import.meta.url)
  const { SingleBar, Presets } = require('cli-progress') as BarLibrary
  const columns = process.stderr.columns || 80
  const options = {
    stream: process.stderr,
    format: `${title} {bar} {percentage}% {value}/{total} {duration_formatted}`,
    barsize: Math.max(4, Math.min(longestBar, columns - title.length - textColumns)),
    clearOnComplete: true,
    hideCursor: true,
    formatValue: (value: number, _options: object, type: string) =>
      type === 'value' || type === 'total' ? value.toLocaleString('en') : String(value),
  }
  return new SingleBar(options, Presets.shades_classic)
}
