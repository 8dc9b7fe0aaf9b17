/**
 * Several stages as one. It writes before each head which stages they are, and turns whatever a
 * stage throws into an error of ours.
 */
import type { StoredRecord } from '../storage/base-storage.ts'
import { CacheError } from '../errors.ts'
import { chain, isPromise, type MaybePromise } from '../maybe-promise.ts'
import { corrupt, labelOf, withoutLabel } from './label.ts'
import type { Stage } from './stage.ts'

/** See the top of the file. */
export class Pipeline {
  readonly #stages: readonly Stage[]
  readonly #backwards: readonly Stage[]
  readonly #label: string

  constructor(stages: readonly Stage[]) {
    this.#stages = stages
    this.#backwards = stages.toReversed()
    this.#label = labelOf(stages.map(({ name }) => name))
  }

  /** How long a body may be, that it fits into `limit` bytes when it is encoded. */
  maxBodyBytes(limit: number): number {
    // Stages reckon with it, and with Infinity there is no reckoning.
    const finite = Math.min(limit, Number.MAX_SAFE_INTEGER)
    return this.#backwards.reduce((room, stage) => stage.maxBodyBytes?.(room) ?? room, finite)
  }

  encode(key: string, record: StoredRecord): MaybePromise<StoredRecord> {
    let encoded: MaybePromise<StoredRecord> = record
    for (const stage of this.#stages) {
      encoded = chain(encoded, (given) => tried(stage, 'encode', () => stage.encode(key, given)))
    }
    return chain(encoded, ({ head, body }) => ({
      head: this.#label + head,
      body: withoutRoom(body),
      expiresAt: record.expiresAt,
    }))
  }

  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT, and what stages throw */
  decode(key: string, { head, body, expiresAt }: StoredRecord): MaybePromise<StoredRecord> {
    let decoded: MaybePromise<StoredRecord> = {
      head: withoutLabel(this.#label, head),
      body,
      expiresAt,
    }
    for (const stage of this.#backwards) {
      decoded = chain(decoded, (given) => tried(stage, 'decode', () => stage.decode(key, given)))
    }
    return chain(decoded, (record) => ({
      head: record.head,
      body: withoutRoom(record.body),
      expiresAt,
    }))
  }

  /** The head of a record whose body stays. @param replaced the head as it is stored */
  encodeHead(key: string, head: string, replaced: string): string {
    const [, ...encodedHeads] = this.#headsOnTheWay(key, replaced).toReversed()
    const encoded = this.#stages.reduce(
      (given, stage, index) =>
        triedHead(stage, 'encode', given, () =>
          stage.encodeHead?.(key, given, encodedHeads[index]!),
        ),
      head,
    )
    return this.#label + encoded
  }

  /** @throws CacheError ERR_CACHE_ENTRY_CORRUPT, and what stages throw */
  decodeHead(key: string, stored: string): string {
    return this.#headsOnTheWay(key, stored).at(-1)!
  }

  /** As it is stored, without the last stage, without the last two, and so on. */
  #headsOnTheWay(key: string, stored: string): string[] {
    const heads = [withoutLabel(this.#label, stored)]
    for (const stage of this.#backwards) {
      const head = heads.at(-1)!
      heads.push(triedHead(stage, 'decode', head, () => stage.decodeHead?.(key, head)))
    }
    return heads
  }
}

type Way = 'encode' | 'decode'

function tried(
  stage: Stage,
  way: Way,
  work: () => MaybePromise<StoredRecord>,
): MaybePromise<StoredRecord> {
  const check = (record: StoredRecord | undefined): StoredRecord => {
    if (typeof record?.head === 'string' && record.body instanceof Uint8Array) return record
    throw failed(stage, way, undefined)
  }
  try {
    const record = work()
    if (!isPromise(record)) return check(record)
    return record.then(check).catch((cause: unknown) => {
      throw failed(stage, way, cause)
    })
  } catch (cause) {
    throw failed(stage, way, cause)
  }
}

/** @param unchanged where the stage leaves heads as they are */
function triedHead(
  stage: Stage,
  way: Way,
  unchanged: string,
  work: () => string | undefined,
): string {
  try {
    return work() ?? unchanged
  } catch (cause) {
    throw failed(stage, way, cause)
  }
}

function failed({ name }: Stage, way: Way, cause: unknown): CacheError {
  if (cause instanceof CacheError) return cause
  if (way === 'decode') return corrupt(`stage '${name}' cannot decode it`, cause)
  const message = `stage '${name}' cannot encode an entry`
  return new CacheError('ERR_CACHE_CALLBACK_FAILED', message, { cause })
}

// Node cuts what is short out of larger buffers, all of which would be kept as long as one of them is.
function withoutRoom(body: Uint8Array): Uint8Array {
  const roomy = body.buffer.byteLength > body.byteLength * 2 + 1_024
  return roomy ? Uint8Array.prototype.slice.call(body) : body
}
