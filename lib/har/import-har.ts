/**
 * The entries of a HAR file into a cache. What we have written ourselves becomes what it was; what
 * somebody else has recorded is answered once more, to a cache that stores what it always stores.
 */
import type { Dispatcher } from 'undici'
import { BaseCache } from '../cache/base-cache.ts'
import {
  corrupt,
  decodeChain,
  decodeEntry,
  decodeRequest,
  encodeEntry,
  wholeBody,
} from '../entries/record.ts'
import type { StoredRecord } from '../storage/base-storage.ts'
import { isEntryError } from '../errors.ts'
import { reportError } from '../events.ts'
import { cacheInterceptor } from '../interceptor.ts'
import type { Lifetime } from '../policy/lifetime.ts'
import type { CacheInfo } from '../response/cache-info.ts'
import { AnsweringDispatcher } from './answering.ts'
import { extraVersion, isHarEntry, type HarChain, type HarEntry, type HarExtra } from './format.ts'
import { readHarEntries } from './read-entries.ts'
import { readRecorded, type Recorded } from './recorded.ts'

/** How it is imported, and who hears of it. */
export interface ImportOptions {
  /** Of what others have recorded. */
  readonly expireAfter: Lifetime
  /** Statuses that are stored, besides 200 and redirects. */
  readonly codes: readonly number[]
  readonly overwrite: boolean
  /** Told after each entry of the file, how many of its bytes were read. */
  readonly onProgress: (bytesRead: number) => unknown
}

/** What became of the entries. */
export interface ImportResult {
  /** In the file. */
  readonly entries: number
  /** Responses and redirects that were written. */
  readonly stored: number
  /** That were there already. */
  readonly unchanged: number
  /** Why others were not stored, and how many. */
  readonly notStored: Readonly<Record<string, number>>
  /** Of those that were stored: whose body had a Content-Encoding, which HAR does not keep. */
  readonly decoded: number
  readonly unreadable: number
}

// So much is held in memory before it is written.
const batchBytes = 2 ** 24
const batchEntries = 500

/** @throws NoHarError where it is no HAR file; what a storage throws */
export async function importHar(
  cache: BaseCache,
  file: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportResult> {
  const result = { entries: 0, stored: 0, unchanged: 0, decoded: 0, unreadable: 0 }
  const notStored: Record<string, number> = {}
  let batch = new Batch(options)
  const write = async (): Promise<void> => {
    const { overwrite } = options
    for (const source of batch.caches) {
      const { copied, skipped, unreadable } = await cache.update(source, { overwrite })
      result.stored += copied
      result.unchanged += skipped
      result.unreadable += unreadable
    }
    batch = new Batch(options)
  }
  for await (const { entry, bytesRead } of readHarEntries(file)) {
    result.entries++
    await options.onProgress(bytesRead)
    try {
      const outcome = isHarEntry(entry) ? await batch.add(entry) : 'not an entry of HAR'
      if (typeof outcome === 'string') notStored[outcome] = (notStored[outcome] ?? 0) + 1
      else if (outcome.decoded) result.decoded++
    } catch (error) {
      if (!isEntryError(error)) throw error
      result.unreadable++
      reportError(error, () => {})
    }
    if (batch.bytes > batchBytes || batch.entries >= batchEntries) await write()
  }
  await write()
  return { ...result, notStored }
}

class Batch {
  readonly #options: ImportOptions
  readonly #own = new BaseCache({ hotTierBytes: 0 })
  /** By method: a POST would delete what is stored for the same URL. */
  readonly #replayed = new Map<string, Replay>()
  bytes = 0
  entries = 0

  constructor(options: ImportOptions) {
    this.#options = options
  }

  get caches(): BaseCache[] {
    return [this.#own, ...Array.from(this.#replayed.values(), ({ cache }) => cache)]
  }

  /** @returns why it is not stored, where it is not */
  async add(entry: HarEntry): Promise<string | { readonly decoded: boolean }> {
    this.entries++
    const extra = entry._undiciCache
    if (extra?.version === extraVersion) {
      this.bytes += await restore(this.#own, entry, extra)
      return { decoded: false }
    }
    const recorded = readRecorded(entry)
    if (typeof recorded === 'string') return recorded
    const { method, answer, wasEncoded } = recorded
    const replay = this.#replayed.get(method) ?? new Replay(method, this.#options)
    this.#replayed.set(method, replay)
    this.bytes += answer.body.byteLength
    const why = await replay.answer(recorded)
    return why ?? { decoded: wasEncoded }
  }
}

/** Makes the records that it was written of. @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
async function restore(cache: BaseCache, entry: HarEntry, extra: HarExtra): Promise<number> {
  const { request, response } = entry
  const { storage, key, dropAt, body: exact, chains = [], ...known } = extra
  const { text = '', encoding } = response.content ?? {}
  if (exact !== undefined && typeof exact !== 'string') throw corrupt('its body')
  const bytes =
    exact === undefined
      ? Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8')
      : Buffer.from(exact, 'base64')
  const head = {
    ...known,
    expiresAt: extra.expiresAt,
    status: response.status,
    statusText: response.statusText ?? '',
    rawHeaders: response.headers.flatMap(({ name, value }) => [name, value]),
  }
  const { method, url, headers } = request
  const flat = headers.flatMap(({ name, value }) => [name, value])
  const record = encodeEntry(head, wholeBody(bytes), { method, url, headers: flat }, dropAt)
  // Anybody may have written it.
  checkPlace(key, ownKey, dropAt)
  decodeEntry(record)
  decodeRequest(record.head)
  if (!Array.isArray(chains)) throw corrupt('its chains of redirects')
  const links = chains.map((chain: HarChain | null): [string, StoredRecord] => {
    const { key: linkKey, head: linkHead, dropAt: linkDropAt } = chain ?? ({} as Partial<HarChain>)
    checkPlace(linkKey, ownChainKey, linkDropAt)
    if (typeof linkHead !== 'string') throw corrupt('its chain of redirects')
    const link = { head: linkHead, body: new Uint8Array(0), expiresAt: linkDropAt }
    decodeChain(link)
    return [linkKey, link]
  })
  await cache[storage === 'redirects' ? storage : 'responses'].set(key, record)
  await cache.redirects.setMany(links)
  return bytes.byteLength
}

const ownKey = /^[\w-]{43}(?:\.last)?(?:\.v\d{1,4})?$/
const ownChainKey = /^[\w-]{43}\.chain$/

function checkPlace(key: unknown, form: RegExp, dropAt: unknown): asserts key is string {
  if (typeof key !== 'string' || !form.test(key)) throw corrupt('its key')
  if (dropAt !== undefined && !Number.isFinite(dropAt)) throw corrupt('its expiry')
}

/** A cache in memory, and somebody who asks. */
class Replay {
  readonly cache = new BaseCache({ hotTierBytes: 0 })
  readonly #dispatcher: Dispatcher
  #next: Recorded | undefined

  constructor(method: string, { expireAfter, codes }: ImportOptions) {
    const caching = cacheInterceptor({
      backend: this.cache,
      allowableMethods: [method],
      allowableCodes: [200, ...codes],
      expireAfter,
      // The last one that was recorded counts.
      forceRefresh: true,
      statusHeaders: false,
      onError: () => {},
    })
    this.#dispatcher = new AnsweringDispatcher(() => this.#next!.answer).compose(caching)
  }

  /** @returns why it was not stored, where it was not */
  async answer(recorded: Recorded): Promise<string | undefined> {
    this.#next = recorded
    const { origin, path, method, headers, body } = recorded
    const response = await this.#dispatcher.request({
      origin,
      path,
      method,
      headers,
      ...(body !== undefined && { body }),
    })
    await response.body.arrayBuffer()
    await this.cache.flush()
    const { cache: info } = response.context as { cache?: CacheInfo }
    if (info?.stored === true) return undefined
    const why = info?.reason ?? 'no plain request'
    return why === 'status' ? `status ${response.statusCode}` : why
  }
}
