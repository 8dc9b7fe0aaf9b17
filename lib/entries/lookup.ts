/**
 * Finds what is stored for a request: under its key, or, where the response selects by request
 * fields (Vary), under the key of the variant. The first variant has the key itself, so that one
 * read is enough for the many URLs that have one variant only.
 */
import { hash } from 'node:crypto'
import { chain, type MaybePromise } from '../maybe-promise.ts'
import { selectingValues } from '../policy/vary.ts'
import { keyOf } from '../request/create-key.ts'
import { putBackEchoes } from '../secrets/echoes.ts'
import { requestHeader } from '../request/read-request.ts'
import type { CacheRequest } from '../request/request.ts'
import { secretForms } from '../secrets/secret-forms.ts'
import type { EpochMs } from '../units.ts'
import type { Entry, RedirectChain, SelectedBy } from './entry.ts'
import type { EntryStore, EntryStores } from './entry-store.ts'
import { chainKey, endKey, variantKey } from './record-keys.ts'

/** What was found for a request. */
export interface Found {
  readonly entry: Entry
  /** Where it is. */
  readonly key: string
  readonly entryStore: EntryStore
  /** The URLs of the chain that ends in this response, where one was followed below the cache. */
  readonly history?: readonly string[] | undefined
}

/** What a look-up has found, or what it knows of what is missing. */
export interface Lookup {
  readonly found?: Found | undefined
  /** How the response under the key itself is selected; others have keys of their own then. */
  readonly primary?: SelectedBy | undefined
  /** The same of what a followed chain of redirects ends in. */
  readonly endPrimary?: SelectedBy | undefined
  /** Something is stored for the URL, but for other values of the selecting fields. */
  readonly variantMissing?: true | undefined
  /** A redirect is stored, and it is not known whether this caller follows redirects below. */
  readonly ambiguous?: true | undefined
  /** The storage did not say: nobody knows what is stored. */
  readonly unanswered?: true | undefined
}

/** The look-up that has found nothing. */
export const notFound: Lookup = {}
/** The look-up to which the storage gave no answer. */
export const unanswered: Lookup = { unanswered: true }

/** How a request follows redirects: it does below the cache, it does not, or nobody knows yet. */
export type FollowsBelow = boolean | undefined

/** What is stored for a request, a response or a redirect. */
export function findStored(
  entryStores: EntryStores,
  request: CacheRequest,
  follows: FollowsBelow,
): MaybePromise<Lookup> {
  // One after the other: a hit is one read, of one round trip, and a redirect is asked for by misses
  // only, to which the origin is a longer way.
  return chain(findOn(entryStores.responses, request), (response) =>
    response === notFound ? findRedirect(entryStores, request, follows) : response,
  )
}

function findRedirect(
  entryStores: EntryStores,
  request: CacheRequest,
  follows: FollowsBelow,
): MaybePromise<Lookup> {
  if (follows === false) return findOn(entryStores.redirects, request)
  return chain(findFollowed(entryStores, request), (followed) => {
    if (follows === true) return followed
    // Nobody knows whether this caller would get to see the redirect or what comes after it.
    return chain(findOn(entryStores.redirects, request), (hop) => {
      if (hop.found === undefined) return followed
      const { endPrimary } = followed
      return { ...(followed.found === undefined ? hop : followed), endPrimary, ambiguous: true }
    })
  })
}

function findFollowed(
  { responses, redirects }: EntryStores,
  request: CacheRequest,
): MaybePromise<Lookup> {
  return chain(findChain(redirects, request), (link) => {
    if (link === undefined) return notFound
    return chain(findEnd(responses, request, link.target), (end): Lookup => {
      if (end.found === undefined) return end
      const forms = link.echoes === undefined ? [] : secretForms(request)
      const history = putBackEchoes(link.history, link.echoes ?? [], forms)
      return { ...end, found: { ...end.found, history } }
    })
  })
}

/** The entry that answers this request, in one namespace. */
export function findOn(entryStore: EntryStore, request: CacheRequest): MaybePromise<Lookup> {
  return findVariant(entryStore, request, request.key, request.text)
}

// What a followed chain of redirects ends in, for this request: the end may have variants, too.
function findEnd(
  entryStore: EntryStore,
  request: CacheRequest,
  target: string,
): MaybePromise<Lookup> {
  return chain(findVariant(entryStore, request, target, undefined), ({ found, primary }) => ({
    found,
    endPrimary: primary,
  }))
}

/** @param text of the key; undefined where it is not known */
function findVariant(
  entryStore: EntryStore,
  request: CacheRequest,
  key: string,
  text: string | undefined,
): MaybePromise<Lookup> {
  return chain(entryStore.entry(key), (entry) => {
    if (entry === undefined) return notFound
    // A different text under the same key is another request's response, however it got there.
    if (text === undefined ? !isPlaceOf(key, entry.text) : entry.text !== text) return notFound
    const primary = entry.selectedBy
    if (primary === undefined) return { found: { entry, key, entryStore } }
    const wanted = selectionDigest(request, primary.names)
    if (wanted === primary.digest) return { found: { entry, key, entryStore }, primary }
    const otherKey = variantKey(key, wanted)
    return chain(entryStore.entry(otherKey), (variant) =>
      variant?.text === entry.text &&
      variant.selectedBy?.digest === wanted &&
      variant.selectedBy.since === primary.since
        ? { found: { entry: variant, key: otherKey, entryStore }, primary }
        : { primary, variantMissing: true },
    )
  })
}

/** Where a response to this request belongs, given what is stored under its key. */
export function placeFor(
  request: CacheRequest,
  primary: SelectedBy | undefined,
  selectedBy: SelectedBy | undefined,
): string {
  return placeOfVariant(request.key, primary, selectedBy)
}

/** Where a variant belongs: the first one has the key itself. */
export function placeOfVariant(
  key: string,
  primary: SelectedBy | undefined,
  selectedBy: SelectedBy | undefined,
): string {
  if (primary === undefined || selectedBy === undefined) return key
  const isOther = areBeside(primary, selectedBy) && primary.digest !== selectedBy.digest
  return isOther ? variantKey(key, selectedBy.digest) : key
}

/** How a response is selected that is stored where this is the first variant. */
export function asVariant(
  primary: SelectedBy | undefined,
  selectedBy: SelectedBy | undefined,
): SelectedBy | undefined {
  if (primary === undefined || selectedBy === undefined) return selectedBy
  return areBeside(primary, selectedBy) ? { ...selectedBy, since: primary.since } : selectedBy
}

function areBeside(one: SelectedBy, other: SelectedBy): boolean {
  return one.names.join() === other.names.join()
}

/** The text of the key under which a followed chain ends. */
export function endText(text: string): string {
  return text + followed
}

const followed = ' followed'

// Whether an entry of this text belongs under the key, as the end of a chain.
function isPlaceOf(key: string, text: string): boolean {
  if (!text.endsWith(followed)) return keyOf(text) === key
  return endKey(keyOf(text.slice(0, -followed.length))) === key
}

/**
 * How this request selects a response that varies by these fields; undefined where by none.
 * @param since now; for the first of its variants
 */
export function selectionOf(
  request: CacheRequest,
  names: readonly string[],
  since: EpochMs,
): SelectedBy | undefined {
  return names.length === 0 ? undefined : { names, digest: selectionDigest(request, names), since }
}

/** A followed chain of redirects for this request; undefined where none is stored. */
export function findChain(
  entryStore: EntryStore,
  request: CacheRequest,
): MaybePromise<RedirectChain | undefined> {
  return chain(entryStore.redirectChain(chainKey(request.key)), (found) =>
    found?.text === request.text ? found : undefined,
  )
}

function selectionDigest(request: CacheRequest, names: readonly string[]): string {
  const values = selectingValues(names, (name) => requestHeader(request, name))
  return hash('sha256', `${names.join()} ${values}`, 'base64url')
}
