/** What was measured, as a table for people and as JSON for programs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release, totalmem } from 'node:os'
import type { CaseResult, Effort, GroupResult } from './harness.ts'

/** Prints one group; the columns stay aligned in a terminal and in a file. */
export function printGroup({ title, cases }: GroupResult): void {
  const withFloor = cases.some(({ ofFloor }) => ofFloor !== undefined)
  const header = [
    'case',
    'per op',
    'cpu',
    'ratio',
    'cpu',
    'than',
    ...(withFloor ? ['of floor'] : []),
  ]
  const rows = cases.map((each) => [
    each.name,
    time(each.wallNs),
    time(each.cpuNs),
    ...ratioCells(each),
    ...(withFloor ? [share(each.ofFloor)] : []),
  ])
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd()
  console.log(`\n${title}`)
  console.log(line(header))
  console.log(widths.map((width) => '-'.repeat(width)).join('  '))
  for (const row of rows) console.log(line(row))
}

/** Writes `results/NAME.json`: the medians, every round, and where it was measured. */
export function writeResults(name: string, effort: Effort, groups: readonly GroupResult[]): string {
  const folder = new URL('results/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const file = new URL(`${name}.json`, folder)
  const results = { bench: name, date: new Date().toISOString(), ...setting(), effort, groups }
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
  return `bench/results/${name}.json`
}

/** One line about the machine, above the tables. */
export function printSetting(): void {
  const { machine, node, undici } = setting()
  const { cpu, cores, memoryGiB } = machine
  console.log(`${cpu}, ${cores} cores, ${memoryGiB} GiB; Node ${node}, undici ${undici}`)
  console.log(
    "ratio: times as fast as the case beside it, by the clock and by the main thread's CPU time",
  )
}

function setting(): {
  machine: { cpu: string; cores: number; memoryGiB: number; system: string }
  node: string
  undici: string
  bundledUndici: string | undefined
} {
  const require = createRequire(import.meta.url)
  const { version } = JSON.parse(readFileSync(require.resolve('undici/package.json'), 'utf8')) as {
    version: string
  }
  const processors = cpus()
  return {
    machine: {
      cpu: processors[0]?.model ?? 'unknown processor',
      cores: processors.length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${process.platform} ${release()}`,
    },
    node: process.versions.node,
    undici: version,
    bundledUndici: process.versions['undici'],
  }
}

function ratioCells({ ratio, cpuRatio, against }: CaseResult): string[] {
  const cell = (value: number | undefined): string =>
    value === undefined ? '' : `x${significant(value)}`
  return [cell(ratio), cell(cpuRatio), against ?? '']
}

function isText(column: number): boolean {
  return column === 0 || column === 5
}

function time(ns: number): string {
  if (ns < 1000) return `${significant(ns)} ns`
  return ns < 1e6 ? `${significant(ns / 1000)} us` : `${significant(ns / 1e6)} ms`
}

function share(value: number | undefined): string {
  if (value === undefined) return ''
  return value < 0.1 ? value.toFixed(3) : value.toFixed(2)
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
