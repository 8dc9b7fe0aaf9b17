/** A stored response as people and programs look at it: its head at once, its body when asked for. */
import type { BaseStorage, StoredHead } from '../storage/base-storage.ts'
import { isFresh } from '../policy/decide-on-request.ts'
import type { HeaderFields } from '../http/header-lines.ts'
import { headerFields } from '../http/header-lines.ts'
import type { EpochMs } from '../units.ts'
import { readParts } from './body-parts.ts'
import { wrapErrorsOfItems } from '../storage/storage-errors.ts'
import type { Entry, EntryHead, StoredRequest } from './entry.ts'
import { decodeEntry, decodeHead, decodeRequest, type StoredBody } from './record.ts'

/** One response of a cache, or one redirect; bodies are read when they are asked for. */
export class CachedResponse {
  /** Under which it is stored. */
  readonly key: string
  readonly status: number
  readonly statusText: string
  /** Names and values in wire order and casing, credentials of the request taken out. */
  readonly rawHeaders: readonly string[]
  readonly storedAt: EpochMs
  /** Until then it is used without asking; undefined: it never expires. */
  readonly expiresAt: EpochMs | undefined
  /** Bytes of the body, as it came over the wire. */
  readonly bodyBytes: number
  readonly tags: readonly string[]
  readonly #head: EntryHead & Omit<StoredBody, 'bytes'>
  readonly #headText: string
  readonly #storage: BaseStorage
  #request: StoredRequest | undefined

  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT */
  constructor(storage: BaseStorage, { key, head }: StoredHead) {
    this.#storage = storage
    this.#head = decodeHead(head)
    this.#headText = head
    this.key = key
    this.status = this.#head.status
    this.statusText = this.#head.statusText
    this.rawHeaders = this.#head.rawHeaders
    this.storedAt = this.#head.storedAt
    this.expiresAt = this.#head.expiresAt
    this.bodyBytes = this.#head.bodyBytes
    this.tags = this.#head.tags ?? []
  }

  /** Method, URL and header fields of the request, credentials taken out. */
  get request(): StoredRequest {
    return (this.#request ??= decodeRequest(this.#headText))
  }

  /** Of the request, credentials taken out. */
  get url(): string {
    return this.request.url
  }

  /** Of the request. */
  get method(): string {
    return this.request.method
  }

  /** By names in lower case. */
  get headers(): HeaderFields {
    return headerFields(this.rawHeaders)
  }

  /** Whether its time is over; it may still be of use to validate. */
  get expired(): boolean {
    return this.expiredAt(Date.now())
  }

  /** Whether its time will be over then. */
  expiredAt(now: EpochMs): boolean {
    return !isFresh(this, now)
  }

  /** All that is known of it, for the rest of the library. */
  get head(): EntryHead & Omit<StoredBody, 'bytes'> {
    return this.#head
  }

  /**
   * The body, exactly as the origin sent it: compressed, where it was.
   * @throws CacheError ERR_CACHE_ENTRY_CORRUPT, also where it has been deleted meanwhile;
   * ERR_CACHE_STORAGE_FAILED
   */
  async body(): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.stream()))
  }

  /** The body, part by part; see `body()`. */
  stream(): AsyncGenerator<Buffer> {
    return wrapErrorsOfItems('read a body', this.#chunks())
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    const record = await this.#storage.get(this.key)
    const entry: Entry = decodeEntry(record ?? { head: '', body: new Uint8Array(0) })
    if (entry.parts !== undefined) yield* readParts(this.#storage, this.key, entry)
    else yield Buffer.from(entry.body.buffer, entry.body.byteOffset, entry.body.byteLength)
  }
}
