/** Tags of a response: names under which it is found and deleted together with others. */
import type { RequestSummary, ResponseSummary } from './lifetime-rules.ts'
import { joinedField } from './validators.ts'

/** Tags, or what gives them for each response. */
export type Tags =
  | readonly string[]
  | ((request: RequestSummary, response: ResponseSummary) => readonly string[] | undefined)

/** Where tags come from. */
export interface TagRules {
  readonly tags: Tags | undefined
  /** Header fields of responses that hold tags, between commas or spaces; names in lower case. */
  readonly tagHeaders: readonly string[]
}

/** Whether the value is a list of tags. */
export function isTags(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((tag) => typeof tag === 'string' && tag !== '')
}

/**
 * All tags of a response, each once.
 * @returns undefined where it has none
 * @throws what the callback throws; TypeError where it gives no tags
 */
export function tagsOf(
  { tags, tagHeaders }: TagRules,
  request: RequestSummary,
  response: ResponseSummary,
): readonly string[] | undefined {
  const given = typeof tags === 'function' ? tags(request, response) : tags
  if (given !== undefined && !isTags(given)) {
    throw new TypeError('tags must return a list of texts that are not empty')
  }
  if (given === undefined && tagHeaders.length === 0) return undefined
  const all = new Set(given)
  for (const name of tagHeaders) {
    for (const tag of (joinedField(response.headers[name]) ?? '').split(/[\s,]+/)) all.add(tag)
  }
  all.delete('')
  return all.size === 0 ? undefined : [...all]
}
