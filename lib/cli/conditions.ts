/** Options that say which of a cache's entries are meant; all of them have to be met. */
import { Option } from 'commander'
import type { Selection } from '../upkeep/selection.ts'
import { invalidOption } from '../errors.ts'
import { durationOf } from '../policy/lifetime.ts'
import { isUrlPattern } from '../policy/url-patterns.ts'

/** The values of `conditionOptions()`. */
export interface ConditionOptions {
  readonly expired?: boolean
  readonly olderThan?: number | string
  readonly tag?: readonly string[]
  readonly status?: readonly number[]
  readonly match?: string
}

/** What a pattern of URLs looks like. */
export const patternAbout =
  "glob of URLs without their scheme: 'example.com/static', '*.example.com/*.json'"

/** Of each command that selects entries. @param what they are selected for */
export function conditionOptions(what: string): Option[] {
  return [
    new Option('--expired', `${what} what has expired`),
    new Option(
      '--older-than <age>',
      `${what} what was stored longer ago: '90s', '12h', '7d'`,
    ).argParser((text) => ageOf('--older-than', text)),
    repeatable('--tag <tag>', `${what} what has the tag, or one of them`, (tag) => {
      if (tag === '') throw invalidOption('--tag', 'a tag', tag)
      return tag
    }),
    repeatable('--status <code>', `${what} what has the status, or one of them`, statusOf),
  ]
}

/** Where the pattern is no argument. */
export function matchOption(what: string): Option {
  return new Option('--match <pattern>', `${what} URLs that match: ${patternAbout}`)
}

/** The selection that the options make; undefined where they make none. */
export function selectionOf(
  { expired, olderThan, tag, status, match }: ConditionOptions,
  pattern: string | undefined = match,
): Selection | undefined {
  if (pattern !== undefined && !isUrlPattern(pattern)) {
    throw invalidOption('--match', `a ${patternAbout}`, pattern)
  }
  const selection: Selection = { expired, olderThan, tags: tag, codes: status, urlPattern: pattern }
  return Object.values(selection).every((each) => each === undefined) ? undefined : selection
}

/** An option that may be given several times. */
export function repeatable(flags: string, about: string, read: (text: string) => unknown): Option {
  return new Option(flags, `${about}; may be repeated`).argParser<unknown[]>((text, before) => [
    ...(before ?? []),
    read(text),
  ])
}

/** A whole number of at least one. @throws TypeError ERR_CACHE_OPTION_INVALID */
export function countOf(option: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw invalidOption(option, 'a whole number, 1 or more', text)
}

/** Seconds or a text. @throws TypeError ERR_CACHE_OPTION_INVALID */
export function ageOf(option: string, text: string): number | string {
  const age = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : text
  if (durationOf(age) !== undefined) return age
  throw invalidOption(option, "an age such as '90s', '1h30m' or '7d' (ms, s, m, h, d, w)", text)
}

/** @throws TypeError ERR_CACHE_OPTION_INVALID */
export function statusOf(text: string): number {
  if (/^[1-9]\d\d$/.test(text)) return Number(text)
  throw invalidOption('--status', 'a status such as 200 or 404', text)
}
