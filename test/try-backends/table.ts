/** Backends as rows: aligned, at most 80 columns, coloured where there is a terminal. */
import { styleText } from 'node:util'
import type { Measured } from './trial.ts'

/** What came of a backend. */
export interface Outcome {
  readonly backend: string
  readonly reachable: boolean
  readonly measured?: Measured
  /** What there is to say of it, each in a line of its own. */
  readonly remarks?: readonly string[]
}

interface Column {
  readonly title: string
  readonly width: number
  readonly cell: (measured: Measured) => string
}

const none = '–'
const gap = '  '
const nameWidth = 'filesystem'.length
const reachableWidth = 'reachable'.length

const columns: readonly Column[] = [
  { title: 'cold ms', width: 8, cell: ({ cold }) => milliseconds(cold) },
  { title: 'hit ms', width: 8, cell: ({ hit }) => milliseconds(hit) },
  { title: 'at rest', width: 10, cell: ({ bytesAtRest }) => size(bytesAtRest) },
  { title: 'entries', width: 7, cell: ({ entries }) => String(entries) },
  { title: 'listing ms', width: 10, cell: ({ listing }) => milliseconds(listing) },
]

export function head(): string {
  const titles = columns.map(({ title, width }) => title.padStart(width))
  return styleText(
    'dim',
    ['backend'.padEnd(nameWidth), 'reachable'.padEnd(reachableWidth), ...titles].join(gap),
  )
}

export function row({ backend, reachable, measured, remarks = [] }: Outcome): string {
  const answer = (reachable ? 'yes' : 'no').padEnd(reachableWidth)
  const cells = columns.map(({ width, cell }) =>
    (measured === undefined ? none : cell(measured)).padStart(width),
  )
  const name = backend.padEnd(nameWidth)
  const line = [name, styleText(reachable ? 'green' : 'red', answer), ...cells].join(gap)
  return [line, ...remarks.map((remark) => styleText('yellow', `  ${remark}`))].join('\n')
}

function milliseconds(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0)
}

function size(bytes: number | undefined): string {
  return bytes === undefined ? none : bytes.toLocaleString('en')
}
