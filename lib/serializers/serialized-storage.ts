/**
 * A storage around another one, whose records go through stages on their way in and out. It answers
 * at once where the other one does and no stage needs longer.
 */
import {
  BaseStorage,
  type StorageTraits,
  type StoredHead,
  type StoredRecord,
} from '../storage/base-storage.ts'
import { unreadableHead } from '../storage/unreadable-head.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { EpochMs } from '../units.ts'
import { PendingWrites } from './pending-writes.ts'
import { Pipeline } from './pipeline.ts'
import type { Stage } from './stage.ts'

// So many records are encoded at once, and held in memory until they are written.
const atOnce = 16

/** See the top of the file. */
export class SerializedStorage extends BaseStorage {
  override readonly traits: StorageTraits
  readonly #inner: BaseStorage
  readonly #pipeline: Pipeline
  readonly #pending = new PendingWrites()

  constructor(inner: BaseStorage, stages: readonly Stage[]) {
    super()
    const pipeline = new Pipeline(stages)
    const pending = this.#pending
    this.#inner = inner
    this.#pipeline = pipeline
    this.traits = {
      // Asked anew each time: some storages learn about themselves when they connect.
      get persistent() {
        return inner.traits.persistent
      },
      get expires() {
        return inner.traits.expires
      },
      get savesAtExit() {
        // What a stage is still at work on is not.
        return inner.traits.savesAtExit === true && pending.isEmpty
      },
      get maxBodyBytes() {
        return pipeline.maxBodyBytes(inner.traits.maxBodyBytes)
      },
    }
  }

  override changeToken(): number | undefined {
    const token = this.#inner.changeToken()
    return token === undefined ? undefined : token + this.#pending.moves
  }

  override get(key: string): MaybePromise<StoredRecord | undefined> {
    const pending = this.#pending.latest(key)
    if (pending !== undefined) return pending.record && ownCopy(pending.record)
    return chain(this.#inner.get(key), (stored) => stored && this.#pipeline.decode(key, stored))
  }

  override peek(key: string): MaybePromise<StoredRecord | undefined> {
    const pending = this.#pending.latest(key)
    if (pending !== undefined) return pending.record
    return chain(this.#inner.peek(key), (stored) => stored && this.#pipeline.decode(key, stored))
  }

  override has(key: string): MaybePromise<boolean> {
    const pending = this.#pending.latest(key)
    return pending === undefined ? this.#inner.has(key) : pending.record !== undefined
  }

  override set(key: string, record: StoredRecord): MaybePromise<void> {
    return this.adopt(key, ownCopy(record))
  }

  override adopt(key: string, record: StoredRecord): MaybePromise<void> {
    const encoded = this.#pipeline.encode(key, record)
    const write = (stored: StoredRecord): MaybePromise<void> => this.#inner.adopt(key, stored)
    if (isPromise(encoded)) return this.#pending.add(key, record, encoded, write)
    if (this.#pending.latest(key) === undefined) return write(encoded)
    return this.#pending.add(key, record, Promise.resolve(encoded), write)
  }

  override delete(key: string): MaybePromise<boolean> {
    const remove = (): MaybePromise<boolean> => this.#inner.delete(key)
    if (this.#pending.latest(key) === undefined) return remove()
    return this.#pending.add(key, undefined, Promise.resolve(), remove)
  }

  override replaceHead(
    key: string,
    from: string,
    { head, expiresAt }: Omit<StoredHead, 'key'>,
  ): MaybePromise<boolean> {
    const pending = this.#pending.done(key)
    if (pending !== undefined) {
      return pending.then(() => this.replaceHead(key, from, { head, expiresAt }))
    }
    return chain(this.#inner.peek(key), (stored) => {
      if (stored === undefined || this.#pipeline.decodeHead(key, stored.head) !== from) return false
      const next = { head: this.#pipeline.encodeHead(key, head, stored.head), expiresAt }
      return this.#inner.replaceHead(key, stored.head, next)
    })
  }

  override async *keys(): AsyncIterable<string> {
    await this.#pending.allDone()
    yield* this.#inner.keys()
  }

  override async *heads(): AsyncIterable<StoredHead> {
    await this.#pending.allDone()
    for await (const stored of this.#inner.heads()) yield this.#readHead(stored)
  }

  override async *entries(): AsyncIterable<[key: string, record: StoredRecord]> {
    await this.#pending.allDone()
    for await (const [key, stored] of this.#inner.entries()) {
      yield [key, await this.#pipeline.decode(key, stored)]
    }
  }

  override async getMany(keys: readonly string[]): Promise<(StoredRecord | undefined)[]> {
    await this.#pending.allDone()
    const stored = await this.#inner.getMany(keys)
    return Promise.all(
      stored.map(async (record, index) => record && this.#pipeline.decode(keys[index]!, record)),
    )
  }

  override async setMany(
    records: Iterable<readonly [key: string, record: StoredRecord]>,
  ): Promise<void> {
    await this.#pending.allDone()
    for (const batch of batches(records)) {
      const encoded = batch.map(
        async ([key, record]) => [key, await this.#pipeline.encode(key, record)] as const,
      )
      await this.#inner.setMany(await Promise.all(encoded))
    }
  }

  override async deleteMany(keys: readonly string[]): Promise<number> {
    await this.#pending.allDone()
    return this.#inner.deleteMany(keys)
  }

  override async deleteExpired(
    now: EpochMs,
    limit: number,
    kept?: ReadonlySet<string>,
  ): Promise<number> {
    await this.#pending.allDone()
    return this.#inner.deleteExpired(now, limit, kept)
  }

  override size(): MaybePromise<number> {
    return chain(this.#pending.allDone(), () => this.#inner.size())
  }

  override clear(): MaybePromise<void> {
    return chain(this.#pending.allDone(), () => this.#inner.clear())
  }

  override close(): MaybePromise<void> {
    return chain(this.#pending.allDone(), () => this.#inner.close())
  }

  #readHead(stored: StoredHead): StoredHead {
    const { key, expiresAt } = stored
    try {
      return { key, head: this.#pipeline.decodeHead(key, stored.head), expiresAt }
    } catch (error) {
      return unreadableHead(key, expiresAt, error)
    }
  }
}

function* batches<T>(items: Iterable<T>): Iterable<T[]> {
  let batch: T[] = []
  for (const item of items) {
    batch.push(item)
    if (batch.length < atOnce) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function ownCopy({ head, body, expiresAt }: StoredRecord): StoredRecord {
  return { head, body: Uint8Array.prototype.slice.call(body), expiresAt }
}
