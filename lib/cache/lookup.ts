/**
 * Finds what is stored for a request: under its key, or, where the response selects by request
 * fields (Vary), under the key of the variant. The first variant has the key itself, so that one
 * read is enough for the many URLs that have one variant only.
 */
import { hash } from 'node:crypto'
import type { BaseStorage, StoredRecord } from '../backends/base-storage.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { selectingValues } from '../policy/vary.ts'
import { requestHeader, type CacheRequest } from '../request/read-request.ts'
import type { Entry, RedirectChain, SelectedBy } from './entry.ts'
import { HotTier } from './hot-tier.ts'
import { decodeChain, decodeEntry } from './record.ts'

/** One namespace of entries: a storage, and what of it is kept decoded. */
export class Shelf {
  readonly storage: BaseStorage
  readonly hot: HotTier<Entry>
  /** Written, but not yet known to be readable: a storage that answers later has not got it yet. */
  readonly #unsettled = new Map<string, StoredRecord>()

  constructor(storage: BaseStorage, hotBytes: number) {
    this.storage = storage
    this.hot = new HotTier(storage, hotBytes)
  }

  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT, or what the storage throws */
  entry(key: string): MaybePromise<Entry | undefined> {
    const hot = this.hot.get(key)
    if (hot !== undefined) return hot
    const unsettled = this.#unsettled.get(key)
    if (unsettled !== undefined) return decodeEntry(unsettled)
    if (!this.hot.active) {
      // What nobody else holds need not be copied for the caller.
      return chain(this.storage.get(key), (record) => record && decodeEntry(record, 'owned'))
    }
    const record = this.storage.peek(key)
    if (isPromise(record)) return record.then((found) => found && decodeEntry(found))
    if (record === undefined) return undefined
    const entry = withFastHeaders(decodeEntry(record))
    this.hot.keep(key, entry)
    return entry
  }

  record(key: string): MaybePromise<StoredRecord | undefined> {
    return this.#unsettled.get(key) ?? this.storage.peek(key)
  }

  write(key: string, record: StoredRecord): MaybePromise<void> {
    const written = this.hot.write(key, undefined, () => this.storage.adopt(key, record))
    if (!isPromise(written)) return
    this.#unsettled.set(key, record)
    const settle = (): void => {
      if (this.#unsettled.get(key) === record) this.#unsettled.delete(key)
    }
    written.then(settle, settle)
    return written
  }

  delete(key: string): MaybePromise<boolean> {
    this.#unsettled.delete(key)
    return this.hot.write(key, undefined, () => this.storage.delete(key))
  }

  clear(): MaybePromise<void> {
    this.#unsettled.clear()
    this.hot.clear()
    return this.storage.clear()
  }
}

/** What was found for a request. */
export interface Found {
  readonly entry: Entry
  /** Where it is. */
  readonly key: string
  readonly shelf: Shelf
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
}

/** The look-up that has found nothing. */
export const notFound: Lookup = {}

/** The entry that answers this request, in one namespace. */
export function findOn(shelf: Shelf, request: CacheRequest): MaybePromise<Lookup> {
  return findVariant(shelf, request, request.key, request.text)
}

/** What a followed chain of redirects ends in, for this request: the end may have variants, too. */
export function findEnd(shelf: Shelf, request: CacheRequest, target: string): MaybePromise<Lookup> {
  return chain(findVariant(shelf, request, target, undefined), ({ found, primary }) => ({
    found,
    endPrimary: primary,
  }))
}

/** @param text of the key; undefined where the key is known to be right */
function findVariant(
  shelf: Shelf,
  request: CacheRequest,
  key: string,
  text: string | undefined,
): MaybePromise<Lookup> {
  return chain(shelf.entry(key), (entry) => {
    // A different text under the same key is another request's response, however it got there.
    if (entry === undefined || (text !== undefined && entry.text !== text)) return notFound
    const primary = entry.selectedBy
    if (primary === undefined) return { found: { entry, key, shelf } }
    const wanted = selectionDigest(request, primary.names)
    if (wanted === primary.digest) return { found: { entry, key, shelf }, primary }
    const otherKey = variantKey(key, wanted)
    return chain(shelf.entry(otherKey), (variant) =>
      variant?.text === entry.text && variant.selectedBy?.digest === wanted
        ? { found: { entry: variant, key: otherKey, shelf }, primary }
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
  const otherVariant =
    primary !== undefined &&
    selectedBy !== undefined &&
    primary.digest !== selectedBy.digest &&
    primary.names.join() === selectedBy.names.join()
  return otherVariant ? variantKey(key, selectedBy.digest) : key
}

/** The key that all variants of a request share. */
export function primaryKey(key: string): string {
  return key.replace(/\.v\d+$/, '')
}

/** Whether the key is that of a followed chain of redirects. */
export function isChainKey(key: string): boolean {
  return key.endsWith('.chain')
}

/** How this request selects a response that varies by these fields; undefined where by none. */
export function selectionOf(
  request: CacheRequest,
  names: readonly string[],
): SelectedBy | undefined {
  return names.length === 0 ? undefined : { names, digest: selectionDigest(request, names) }
}

/** A followed chain of redirects for this request; undefined where none is stored. */
export function findChain(
  shelf: Shelf,
  request: CacheRequest,
): MaybePromise<RedirectChain | undefined> {
  return chain(shelf.record(chainKey(request.key)), (record) => {
    const found = record && decodeChain(record)
    return found?.text === request.text ? found : undefined
  })
}

/** Under which a followed chain is stored: beside the hop, which another composition replays. */
export function chainKey(key: string): string {
  return `${key}.chain`
}

// A field that changes with each request must not fill the store: a URL has that many variants at
// the most, and two that fall together replace each other (their digests are compared).
const maxVariants = 1024

function variantKey(key: string, digest: string): string {
  const place = Buffer.from(digest.slice(0, 8), 'base64url').readUInt32BE() % maxVariants
  return `${key}.v${place}`
}

function selectionDigest(request: CacheRequest, names: readonly string[]): string {
  const values = selectingValues(names, (name) => requestHeader(request, name))
  return hash('sha256', `${names.join()} ${values}`, 'base64url')
}

// An object that was filled field by field is a dictionary to V8 when it has more than a dozen, and
// cloning it for each hit costs seventy times as much as cloning one that came out of JSON.
function withFastHeaders(entry: Entry): Entry {
  return { ...entry, headers: JSON.parse(JSON.stringify(entry.headers)) as Entry['headers'] }
}
