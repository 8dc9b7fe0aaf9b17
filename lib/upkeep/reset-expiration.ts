/** Gives stored responses another lifetime. */
import { invalidOption, isEntryError } from '../errors.ts'
import { reportError } from '../events.ts'
import { DO_NOT_CACHE, expiryOf, isLifetime, lifetimeForms } from '../policy/lifetime.ts'
import { parseCacheControl } from '../policy/cache-control.ts'
import { dropAt } from '../policy/decide-on-response.ts'
import type { ExpireAfter } from '../policy/lifetime-rules.ts'
import { staleWindows } from '../policy/staleness.ts'
import { joinedField } from '../policy/validators.ts'
import type { EpochMs } from '../units.ts'
import type { CachedResponse } from '../entries/cached-response.ts'
import type { EntryHead } from '../entries/entry.ts'
import { selectEntries, type Selects } from './selection.ts'
import type { EntryStore, EntryStores } from '../entries/entry-store.ts'
import { sideBySide } from './side-by-side.ts'
import { refreshEntry } from '../entries/store-entry.ts'
import type { Writes } from '../entries/writes.ts'

/** @throws TypeError ERR_CACHE_OPTION_INVALID */
export function checkLifetime(expireAfter: unknown): asserts expireAfter is ExpireAfter {
  if (typeof expireAfter === 'function' || isLifetime(expireAfter)) return
  const expected = `${lifetimeForms}, or a function that returns one`
  throw invalidOption('expireAfter', expected, expireAfter)
}

// Writes of one turn go together.
const atOnce = 64

/**
 * Gives every selected response and redirect another lifetime.
 * @param expireAfter counted from now on
 * @returns how many have another one now
 * @throws TypeError ERR_CACHE_OPTION_INVALID where a function gives no lifetime
 */
export async function resetAll(
  entryStores: EntryStores,
  writes: Writes,
  selects: Selects,
  expireAfter: ExpireAfter,
  now: EpochMs,
): Promise<number> {
  let changed = 0
  for (const entryStore of [entryStores.responses, entryStores.redirects]) {
    const selected = selectEntries(entryStore.storage, selects)
    const keyOf = ({ key }: CachedResponse): string => key
    await sideBySide(selected, atOnce, keyOf, async (response) => {
      const reset = resetOf(response, expireAfter, now)
      if (reset === undefined) return
      try {
        if (await apply(entryStore, writes, response, reset)) changed++
      } catch (error) {
        // Its head can be read, and its body is another one.
        if (!isEntryError(error)) throw error
        reportError(error, () => {})
      }
    })
  }
  return changed
}

/** What a response is to become; undefined: it stays as it is. */
type Reset =
  | { readonly action: 'delete' }
  | { readonly action: 'refresh'; readonly head: EntryHead; readonly dropAt: EpochMs | undefined }

async function apply(
  entryStore: EntryStore,
  writes: Writes,
  { key, head }: CachedResponse,
  reset: Reset,
): Promise<boolean> {
  if (reset.action === 'delete') {
    if (head.parts !== undefined) writes.deleteLater(entryStore.storage, key, head.parts)
    return entryStore.delete(key)
  }
  const entry = await entryStore.entry(key)
  if (entry === undefined) return false
  return refreshEntry(writes, { key, entryStore, entry }, reset.head, reset.dropAt)
}

function resetOf(
  response: CachedResponse,
  expireAfter: ExpireAfter,
  now: EpochMs,
): Reset | undefined {
  const { method, url, status, headers } = response
  const lifetime =
    typeof expireAfter === 'function'
      ? expireAfter({ method, url }, { status, headers })
      : expireAfter
  if (lifetime === undefined) return undefined
  checkLifetime(lifetime)
  const expiresAt = expiryOf(lifetime, now) ?? undefined
  if (expiresAt === DO_NOT_CACHE) return { action: 'delete' }
  const directives = parseCacheControl(joinedField(headers['cache-control']))
  // What the options of an interceptor say about stale responses is not known here.
  const windows = staleWindows(directives, {
    staleIfError: undefined,
    staleWhileRevalidate: undefined,
  })
  const head = { ...response.head, expiresAt }
  return { action: 'refresh', head, dropAt: dropAt(headers, expiresAt, windows, now) }
}
