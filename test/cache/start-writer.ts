import type { BaseStorage, StorageTraits } from '../../lib/storage/base-storage.ts'
import { MemoryStorage } from '../../lib/storage/memory.ts'
import {
  EntryWriter,
  type EntryWriterOptions,
  type WriteOutcome,
} from '../../lib/cache/entry-writer.ts'
import type { StoredBody } from '../../lib/entries/record.ts'
import { WrappedStorage } from './wrapped-storage.ts'

/** A writer, and what it has said and done. */
export interface Started {
  readonly storage: BaseStorage
  readonly writer: EntryWriter
  readonly outcomes: WriteOutcome[]
  readonly committed: [body: StoredBody, trailers: readonly string[]][]
  /** What it asked to be waited for. */
  readonly work: Promise<void>[]
}

/** Says of itself that it outlives the process, so that bodies get a digest. */
class KeptStorage extends MemoryStorage {
  override readonly traits: StorageTraits = {
    persistent: true,
    expires: false,
    maxBodyBytes: Infinity,
  }
}

export function startWriter(given: Partial<EntryWriterOptions> = {}): Started {
  const outcomes: WriteOutcome[] = []
  const committed: Started['committed'] = []
  const work: Promise<void>[] = []
  const storage = given.storage ?? new KeptStorage()
  const writer = new EntryWriter({
    key: 'key',
    expectedBytes: undefined,
    maxBytes: 2 ** 30,
    dropAt: undefined,
    now: 5,
    patience: 50,
    refusal: () => undefined,
    track: (each) => work.push(each),
    settled: (outcome) => outcomes.push(outcome),
    commit: (body, trailers) => void committed.push([body, trailers]),
    ...given,
    storage,
  })
  return { storage, writer, outcomes, committed, work }
}

/** A storage whose records hold no longer bodies. */
export function storageOfParts(maxBodyBytes: number): WrappedStorage {
  return new SmallStorage(maxBodyBytes)
}

class SmallStorage extends WrappedStorage {
  override readonly traits: WrappedStorage['traits']

  constructor(maxBodyBytes: number) {
    super()
    this.traits = { persistent: false, expires: false, maxBodyBytes }
  }
}
