/** Visits as lines of a table: aligned to the terminal, coloured where there is one. */
import { styleText } from 'node:util'
import type { Visit } from './visit.ts'

type Style = Parameters<typeof styleText>[0]

interface Column {
  readonly title: string
  readonly width: number
  readonly leftAligned?: boolean
  readonly cell: (visit: Visit) => string
  readonly style?: (visit: Visit) => Style
}

const none = '–'

const columns: readonly Column[] = [
  {
    title: 'status',
    width: 6,
    cell: ({ status }) => String(status ?? none),
    style: ({ status }) => (status === undefined || status >= 400 ? 'red' : 'reset'),
  },
  { title: 'hops', width: 4, cell: ({ hops }) => String(hops ?? none) },
  {
    title: 'from',
    width: 'cache, confirmed'.length,
    leftAligned: true,
    cell: ({ from }) => from,
    style: ({ from }) => styleOf[from],
  },
  { title: 'age', width: 6, cell: ({ age }) => (age === undefined ? none : seconds(age)) },
  { title: 'ms', width: 7, cell: ({ milliseconds }) => milliseconds.toFixed(1) },
  { title: 'bytes', width: 9, cell: ({ bytes }) => bytes?.toLocaleString('en') ?? none },
]

const styleOf: Readonly<Record<Visit['from'], Style>> = {
  origin: 'yellow',
  cache: 'green',
  'cache, confirmed': 'cyan',
  'not stored': 'magenta',
  failed: 'red',
}

const gap = '  '
const shortestUrl = 12
const others = columns.reduce((sum, { width }) => sum + gap.length + width, 0)

/** Prints visits as they come, all in the same columns. */
export class VisitTable {
  readonly #urlWidth: number
  readonly #label: (url: string) => string

  /** @param width of the terminal; undefined in a pipe, where nothing has to be cut */
  constructor(urls: readonly string[], label: (url: string) => string, width: number | undefined) {
    const longest = Math.max(...urls.map((url) => label(url).length), shortestUrl)
    const room = width === undefined ? longest : Math.max(shortestUrl, width - others)
    this.#urlWidth = Math.min(longest, room)
    this.#label = label
  }

  head(): string {
    const titles = columns.map(({ title, width, leftAligned }) => align(title, width, leftAligned))
    return styleText('dim', ['URL'.padEnd(this.#urlWidth), ...titles].join(gap).trimEnd())
  }

  row(visit: Visit): string {
    const cells = columns.map(({ width, leftAligned, cell, style }) => {
      const text = align(cell(visit), width, leftAligned)
      return style === undefined ? text : styled(style(visit), text)
    })
    const url = shortened(this.#label(visit.url), this.#urlWidth).padEnd(this.#urlWidth)
    const line = [url, ...cells].join(gap)
    return visit.error === undefined ? line : `${line}\n${styled('red', `  ${visit.error}`)}`
  }
}

function styled(style: Style, text: string): string {
  return style === 'reset' ? text : styleText(style, text)
}

function align(text: string, width: number, left = false): string {
  return left ? text.padEnd(width) : text.padStart(width)
}

// The end of a URL tells more than its middle.
function shortened(text: string, width: number): string {
  if (text.length <= width) return text
  const head = Math.ceil((width - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}
