/** README, "Coming from requests-cache": its table, row by row. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A row of the table. */
export interface Row {
  /** Names of requests-cache. */
  readonly there: string
  /** Names of ours; empty where there are none. */
  readonly here: string
  /** What is better, or why there is none. */
  readonly why: string
}

/** All rows, in their order. */
export function readRows(): Row[] {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  const [, section] = /^## Coming from requests-cache\n(.*?)^## /ms.exec(readme) ?? []
  const lines = (section ?? '').split('\n').filter((line) => line.startsWith('| '))
  // The first two are the head of the table.
  return lines.slice(2).map((line) => {
    const [, there, here, why] = line.split('|').map((cell) => cell.trim())
    return { there: there!, here: here!, why: why! }
  })
}

/** What is written as code in a cell. */
export function codeOf(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
}

/** The identifiers of a cell's code that name something, one or two letters and placeholders aside. */
export function namesOf(cell: string): string[] {
  const words = codeOf(cell).flatMap((code) => code.match(/[A-Za-z][A-Za-z\d]{2,}/g) ?? [])
  return [...new Set(words)].filter((word) => !placeholders.has(word))
}

const placeholders = new Set([
  // Which esbuild writes as `void 0`.
  'undefined',
  'new',
  'await',
  'using',
  'undici',
  'npx',
  'URL',
  'node',
  'diagnostics',
])
