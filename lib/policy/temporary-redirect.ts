/** Redirects that are good only together with what they lead to. */
import type { EpochMs } from '../units.ts'
import { parseCacheControl } from './cache-control.ts'
import { freshUntil } from './freshness.ts'
import { joinedField } from './validators.ts'
import type { HeaderFields } from '../http/header-lines.ts'

const temporaryStatuses: ReadonlySet<number> = new Set([302, 303, 307])

/**
 * Whether a stored redirect may be replayed only while the response that it leads to is stored. A
 * temporary redirect whose lifetime the origin does not state often leads to a URL that is soon over,
 * such as a signed one: replayed alone it would fail from then on.
 */
export function needsItsTarget(
  redirect: { readonly status: number; readonly headers: HeaderFields; readonly storedAt: EpochMs },
  now: EpochMs,
): boolean {
  const { status, headers } = redirect
  if (!temporaryStatuses.has(status) || headers['location'] === undefined) return false
  const directives = parseCacheControl(joinedField(headers['cache-control']))
  const stated = freshUntil(headers, directives, redirect.storedAt)
  return stated === undefined || stated <= now
}
